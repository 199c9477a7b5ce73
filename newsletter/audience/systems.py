"""What other tools call their columns and states: tables only. `columns.py` reads a header with them."""

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

# What a column can be for us; `--map` takes these names too. Every other column goes to the attributes.
FIELDS = (
    "email",
    "name",
    "first_name",
    "last_name",
    "themes",
    "state",
    "language",
    "timezone",
    "consent",
    "consent_at",
    "consent_ip",
    "confirmed_at",
    "unsubscribed_at",
    "tags",
    "attributes",
)

# The weakest first: where two columns of a row disagree, the one that means less mail wins.
STATES = ("active", "pending", "unsubscribed", "bounced", "complained")


@lru_cache(maxsize=1024)
def fold(name: str) -> str:
    """The name of a column or state without case, accents, blanks around and the choice of `-`, `_` or blank.

    >>> fold(" E-Mail_Adresse "), fold("Prénom")
    ('e mail adresse', 'prenom')
    """
    bare = unicodedata.normalize("NFKD", name.replace("\ufeff", "")).casefold()
    letters = "".join(character for character in bare if not unicodedata.combining(character))
    return " ".join(re.split(r"[\W_]+", letters)).strip()


def _table(rows: Mapping[str, str]) -> dict[str, str]:
    """`{"email": "mail, courriel"}` → `{"mail": "email", "courriel": "email"}`, folded."""
    return {fold(word): meaning for meaning, words in rows.items() for word in words.split(",")}


COLUMNS = _table(
    {
        "email": "email, e-mail, mail, email address, e-mail address, mail address, subscriber email, contact email, user email,"
        "emailadresse, e-mailadresse, e-mail-adresse, email-adresse, mailadresse, adresse email, adresse e-mail, adresse mail,"
        "courriel, adresse courriel, adresse électronique, correo, correo electrónico, dirección de correo,"
        "dirección de correo electrónico, dirección de email, indirizzo email, indirizzo e-mail, posta elettronica,"
        "endereço de email, endereço de e-mail, e-mailadres, emailadres, mailadres, e-post, epost, e-postadress, e-postadresse,"
        "sähköposti, sähköpostiosoite, adres email, adres e-mail, e-mailová adresa, e-mail cím, email cím, e-posta,"
        "e-posta adresi, ηλεκτρονικό ταχυδρομείο, адрес электронной почты, электронная почта, эл. почта, почта, email адрес,"
        "електронна пошта,"
        "メール, メールアドレス, 邮箱, 电子邮件, 電子郵件, 이메일, البريد الإلكتروني, דואר אלקטרוני, אימייל",
        "name": "name, full name, fullname, display name, nom complet, nombre completo, nome completo, vollständiger name,"
        "volledige naam, naam, namn, navn, имя, 姓名, 名前, 이름",
        "first_name": "first name, firstname, fname, given name, forename, vorname, prénom, nombre, nome, voornaam, förnamn,"
        "fornavn, imię, jméno, etunimi, keresztnév",
        "last_name": "last name, lastname, lname, surname, family name, nachname, familienname, nom, nom de famille, apellido,"
        "apellidos, cognome, sobrenome, achternaam, efternamn, etternavn, efternavn, nazwisko, příjmení, sukunimi, фамилия",
        "themes": "themes",
        "state": "state, status, subscription status, subscriber status, zustand",
        "language": "language, locale, lang, sprache, langue, idioma, lingua",
        "timezone": "timezone, time zone, zeitzone",
        "consent": "consent, consent text",
        "consent_at": "consent at, opt-in time, optin time, opt-in date, subscribed at, subscription date, signup date",
        "consent_ip": "consent ip, opt-in ip, optin ip, signup ip, ip address",
        "confirmed_at": "confirmed at, confirm time",
        "unsubscribed_at": "unsubscribed at, unsub time, unsubscribe date, unsubscribed on",
        "tags": "tags, labels",
        "attributes": "attributes",
    }
)

# Whole words only: Keila looks for "active" and finds it in "inactive".
WORDS = _table(
    {
        "active": "active, subscribed, enabled, confirmed, opted in, subscriber, aktiv, angemeldet, abonniert, actif",
        "pending": "pending, unconfirmed, unactivated, validating, awaiting confirmation, not confirmed, unverified, ausstehend",
        "unsubscribed": "unsubscribed, unsubscribe, inactive, disabled, opted out, removed, deleted, archived, cancelled,"
        "blocklisted, blacklisted, blocked, suppressed, abgemeldet, inaktiv, désabonné, désinscrit, canceled",
        "bounced": "bounced, bounce, hard bounced, hard bounce, cleaned, clean, invalid, undeliverable, unreachable",
        "complained": "complained, complaint, complaints, spam complaint, reported spam, marked as spam, abuse",
    }
)

_YES = "true, yes, y, 1, on, wahr, ja, vrai, oui, verdadero, si"
_NO = "false, no, n, 0, off, falsch, nein, faux, non, falso"
# Columns that say yes or no: what a yes means, and what a no means.
MAILS_ON = _table({"active": _YES, "unsubscribed": _NO})
MAILS_OFF = _table({"unsubscribed": _YES, "active": _NO})
CONFIRMED = _table({"active": _YES, "pending": _NO})


class System(NamedTuple):
    """A tool and its export. `signs`: any of these sets of columns gives it away. `start`: what a row is when no column says."""

    name: str
    signs: tuple[str, ...]
    columns: Mapping[str, str] = {}
    flags: Mapping[str, Mapping[str, str]] = {}
    words: Mapping[str, str] = {}
    start: str = "active"
    month_first: bool = False


# Their `State` is a part of an address; the state of a reader is told by which of the three files they stand in.
_MAILCHIMP = {"state": "", "status": ""}

# The first that fits is taken. Column names are folded; a field "" keeps a column out of the fields.
SYSTEMS = (
    System(
        "ours",
        ("email, themes", "email, consent", "email, consent at", "email, frequency, attributes"),
        columns={"source": "consent"},
    ),
    System("Mailchimp (cleaned)", ("clean time", "clean campaign id"), columns=_MAILCHIMP, start="bounced"),
    System("Mailchimp (unsubscribed)", ("unsub time", "unsub campaign id"), columns=_MAILCHIMP, start="unsubscribed"),
    System("Mailchimp", ("leid", "euid", "member rating", "optin time"), columns=_MAILCHIMP),
    # `active_subscription` is about money: readers who do not pay have false there and want their mail.
    System(
        "Substack",
        ("email, email disabled", "email, active subscription"),
        columns={"created at": "consent_at"},
        flags={"email disabled": MAILS_OFF},
    ),
    System(
        "Ghost",
        ("subscribed to emails", "complimentary plan"),
        columns={"created at": "consent_at"},
        flags={"subscribed to emails": MAILS_ON},
    ),
    # `status` is the tool's, `tier` is about money.
    System("beehiiv", ("email, status, tier",), columns={"created at": "consent_at"}),
    System(
        "Buttondown",
        ("subscriber type", "unsubscription date"),
        columns={
            "subscriber type": "state",
            "creation date": "consent_at",
            "subscription date": "confirmed_at",
            "unsubscription date": "unsubscribed_at",
            "metadata": "attributes",
        },
        # Who pays, paid or will pay; all of them get the mail.
        words=_table(
            {
                "active": "regular, premium, gifted, trialed, churning, churned, past due, paused, unpaid",
                "unsubscribed": "spammy",
            }
        ),
        month_first=True,
    ),
    System("listmonk", ("uuid, email, status", "email, name, attributes")),
    System("Keila", ("email, first name, last name, data", "email, data, external id"), columns={"data": "attributes"}),
    System(
        "phpList",
        ("foreign key", "uniqid", "htmlemail", "blacklisted", "is blacklisted"),
        columns={"entered": "consent_at"},
        flags={
            "confirmed": CONFIRMED,
            "blacklisted": MAILS_OFF,
            "is blacklisted": MAILS_OFF,
            "disabled": MAILS_OFF,
        },
    ),
    System("Curated", ("email address, subscribed at",)),
)
ANY = System("other", ())
