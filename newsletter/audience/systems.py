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
AWAY = STATES[2:]


_NO_LETTERS = re.compile(r"[\W_]+")
# Letters that Unicode does not take apart.
_LETTERS = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ı": "i", "æ": "ae", "œ": "oe", "ð": "d", "þ": "th"})


@lru_cache(maxsize=1024)
def fold(name: str) -> str:
    """The name of a column or state without case, accents, blanks around and the choice of `-`, `_` or blank.

    >>> fold(" E-Mail_Adresse "), fold("Prénom")
    ('e mail adresse', 'prenom')
    """
    if name.isascii():
        return _NO_LETTERS.sub(" ", name.lower()).strip()
    bare = unicodedata.normalize("NFKD", name.replace("\ufeff", "")).casefold().translate(_LETTERS)
    letters = "".join(character for character in bare if not unicodedata.combining(character))
    return _NO_LETTERS.sub(" ", letters).strip()


def _table(rows: Mapping[str, str]) -> dict[str, str]:
    """`{"email": "mail, courriel"}` → `{"mail": "email", "courriel": "email"}`, folded."""
    return {fold(word): meaning for meaning, words in rows.items() for word in words.split(",")}


COLUMNS = _table(
    {
        "email": "email, e-mail, mail, email address, e-mail address, mail address, subscriber email, contact email, user email,"
        "e-mail 1 - value, e-mail 1 - address, e-mail 1, email 1, email1, email 1 value,"
        "primary email, primary e-mail, work email, home email, personal email, business email, customer email, billing email,"
        "channels.email.address, email address 1,"
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

# Address books have several addresses of a person: the further ones, for rows in which the first is empty.
FURTHER_ADDRESSES = frozenset(
    _table(
        {
            "further": "e-mail 2 - value, e-mail 3 - value, e-mail 4 - value, e-mail 2 address, e-mail 3 address, e-mail 2,"
            "e-mail 3, email 2, email 3, email2, email3, secondary email, secondary e-mail, alternate email, alternate email 1,"
            "alternate email 2, other email, email address 2, email address 3, personal email, home email, work email"
        }
    )
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


class System(NamedTuple):
    """A tool and its export.

    `signs`: any of these sets of columns gives it away. `columns`: the fields that its columns are; an empty field is no
    field of ours and says nothing about permission. `flags`: columns whose name alone does not say what a yes in them
    means: `wanted`, `confirmed`, `left` or `status`. `words`: what its own words for a state mean. `start`: the state of a
    row of which no column says anything.
    """

    name: str
    signs: tuple[str, ...]
    columns: Mapping[str, str] = {}
    flags: Mapping[str, str] = {}
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
        columns={"created at": "consent_at", "active subscription": "", "prefer digests": ""},
        flags={"email disabled": "left"},
    ),
    System(
        "Ghost",
        ("subscribed to emails", "complimentary plan"),
        columns={"created at": "consent_at"},
        flags={"subscribed to emails": "wanted"},
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
            "confirmed": "confirmed",
            "blacklisted": "left",
            "is blacklisted": "left",
            "disabled": "left",
        },
    ),
    System("Curated", ("email address, subscribed at",)),
    # A non-marketing contact must not get marketing mail; nobody says that they left.
    System(
        "HubSpot",
        ("record id, email", "marketing contact status", "unsubscribed from all email"),
        words=_table({"active": "marketing contact", "pending": "non marketing contact, non-marketing contact"}),
    ),
    System("Klaviyo", ("klaviyo id", "email marketing consent", "email suppressions")),
    System(
        "Constant Contact",
        ("email permission status", "confirmed opt out date", "email update source"),
        words=_table({"active": "express, implied, explicit, implicit", "unsubscribed": "confirmed opt out"}),
    ),
    System(
        "Brevo",
        ("added time, modified time", "email, double opt in, blocklisted"),
        columns={"added time": "consent_at"},
    ),
    # `junk` is a reader who reported spam.
    System(
        "MailerLite",
        ("subscriber, opt in date", "email, opt in date, opt in ip, sent"),
        words=_table({"complained": "junk"}),
    ),
    System("Campaign Monitor", ("email address, date joined", "email address, name, date subscribed")),
    System(
        "Dynamics 365",
        ("do not allow bulk emails", "do not allow emails"),
        words=_table({"active": "allow", "unsubscribed": "do not allow"}),
    ),
    System("Salesforce", ("has opted out of email", "hasoptedoutofemail", "email opt out, account name")),
    System(
        "CiviCRM",
        ("no bulk emails user opt out", "do not email, no bulk emails user opt out", "contact id, do not email"),
        words=_table({"bounced": "on hold bounce", "unsubscribed": "on hold opt out"}),
    ),
    System("NationBuilder", ("nationbuilder id", "email opt in, is volunteer")),
    System("Pipedrive", ("person id, email", "person email", "marketing status, owner")),
    System(
        "Google Groups",
        ("email address, group status", "group status, email status"),
        words=_table(
            {
                "active": "member, owner, manager, email, each email, all email, digest, abridged, every new message",
                "unsubscribed": "no email, banned",
                "bounced": "bouncing",
            }
        ),
    ),
    System(
        "Groups.io",
        ("email, delivery, joined", "email, email delivery", "email, status, email delivery"),
        words=_table(
            {
                "active": "normal, member, individual emails, individual messages, full featured emails, plain digest,"
                "summary, daily summary, full featured digest, single, special notices only, special notices",
                "unsubscribed": "no email, web only",
                "bounced": "bouncing",
            }
        ),
    ),
    System(
        "Mailman",
        ("address, delivery status", "email, delivery status", "delivery mode, delivery status"),
        words=_table(
            {
                "active": "regular, regular digests, plaintext digests, mime digests, summary digests",
                "unsubscribed": "by user, by moderator, disabled by user, by owner, disabled by moderator",
                "bounced": "by bounces, disabled by bounces",
            }
        ),
    ),
)
ANY = System("other", ())
