"""Columns about permission: what their names and cells say, in many languages. Whoever said no is never active."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.audience.columns import Answers
from newsletter.audience.permission import judge_name, read_cell, read_note
from newsletter.audience.read_file import open_subscribers
from newsletter.errors import InputError
from newsletter.model import SubscriberRow
from tests.audience.exports import EXPORTS

# A column, and its cell for somebody who wants mail, as an answer, a number and a state word; for a time see below.
WANTED = {
    "subscribed": ("yes", "no", "subscribed", "unsubscribed"),
    "Accepts Email Marketing": ("true", "false", "accepted", "declined"),
    "email_opt_in": ("TRUE", "FALSE", "opted in", "opted out"),
    "Newsletter": ("Y", "N", "active", "unsubscribed"),
    "Marketing consent": ("Yes", "No", "granted", "withdrawn"),
    "May we email you?": ("yes", "no", "yes", "never"),
    "isActive": ("true", "false", "active", "inactive"),
    "Einwilligung": ("ja", "nein", "erlaubt", "widerrufen"),
    "Newsletteranmeldung": ("wahr", "falsch", "angemeldet", "abgemeldet"),
    "Werbung erlaubt": ("ja", "nein", "aktiv", "gesperrt"),
    "Consentement": ("oui", "non", "accepté", "refusé"),
    "Abonné à la lettre d’information": ("vrai", "faux", "abonné", "désabonné"),
    "Suscrito": ("sí", "no", "activo", "baja"),
    "Consenso marketing": ("sì", "no", "iscritto", "disiscritto"),
    "Assinante": ("sim", "não", "ativo", "cancelado"),
    "Nieuwsbrief": ("ja", "nee", "aangemeld", "afgemeld"),
    "Prenumerant": ("ja", "nej", "aktiv", "avregistrerad"),
    "Zgoda na newsletter": ("tak", "nie", "zapisany", "wypisany"),
    "Согласие на рассылку": ("да", "нет", "подписан", "отписан"),
    "メルマガ購読": ("はい", "いいえ", "購読中", "配信停止"),
    "订阅": ("是", "否", "已订阅", "退订"),
    "수신동의": ("예", "아니요", "동의", "수신거부"),
    "موافقة على النشرة": ("نعم", "لا", "مشترك", "ملغى"),
    "Abone": ("evet", "hayır", "onaylı", "izinsiz"),
}
LEFT = {
    "Unsubscribed from all email": ("no", "yes", "subscribed", "unsubscribed"),
    "HasOptedOutOfEmail": ("false", "true", "opted in", "opted out"),
    "Do not email": ("N", "Y", "allow", "do not allow"),
    "blacklisted": ("False", "True", "active", "blacklisted"),
    "Bounced": ("no", "yes", "valid", "hard bounce"),
    "Spam complaint": ("no", "yes", "no", "complained"),
    "Suppressed": ("no", "yes", "active", "suppressed"),
    "Abgemeldet am": ("nein", "ja", "angemeldet", "abgemeldet"),
    "Werbesperre": ("nein", "ja", "aktiv", "gesperrt"),
    "Désinscrit": ("non", "oui", "inscrit", "désinscrit"),
    "Ne pas contacter": ("non", "oui", "abonné", "désabonné"),
    "Dado de baja": ("no", "sí", "alta", "baja"),
    "Disiscrizione": ("no", "sì", "attivo", "cancellato"),
    "Descadastrado": ("não", "sim", "ativo", "descadastrado"),
    "Uitgeschreven": ("nee", "ja", "actief", "uitgeschreven"),
    "Avprenumererad": ("nej", "ja", "aktiv", "avprenumererad"),
    "Wypisany": ("nie", "tak", "aktywny", "wypisany"),
    "Отписался": ("нет", "да", "активен", "отписан"),
    "配信停止": ("いいえ", "はい", "有効", "配信停止"),
    "退订": ("否", "是", "有效", "退订"),
    "수신거부": ("아니요", "예", "활성", "수신거부"),
    "إلغاء الاشتراك": ("لا", "نعم", "نشط", "ملغى"),
    "Abonelikten çıktı": ("hayır", "evet", "aktif", "ayrıldı"),
}
KINDS = ("answer", "number", "word", "time")


def cells(column: str, kind: str) -> tuple[str, str]:
    """The cells of a column for somebody who wants mail, and for somebody who does not."""
    yes, no, word_yes, word_no = (WANTED | LEFT)[column]
    if kind == "number":
        return ("1", "0") if column in WANTED else ("0", "1")
    if kind == "time":
        return ("02.01.2025", "") if column in WANTED else ("", "2025-01-02 08:00:00")
    return (yes, no) if kind == "answer" else (word_yes, word_no)


def read(folder: Path, text: str, answers: Answers | None = None, name: str = "people.csv") -> dict[str, str]:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    with open_subscribers(path, themes=frozenset(), answers=answers) as file:
        return {row.canonical.partition("@")[0]: row.state for row in file if isinstance(row, SubscriberRow)}


def asked(folder: Path, text: str, answers: Answers | None = None, name: str = "people.csv") -> str:
    """What the import stops for."""
    with pytest.raises(InputError) as caught:
        read(folder, text, answers, name)
    assert {mistake.code for mistake in caught.value.mistakes} == {"NL104"}
    assert caught.value.exit_status == 3
    assert all(mistake.help for mistake in caught.value.mistakes)
    return str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("column", WANTED | LEFT)
def test_c1_who_said_no_is_not_active_and_who_said_yes_is(tmp_path: Path, column: str, kind: str) -> None:
    yes, no = cells(column, kind)
    found = read(tmp_path, f"E-Mail;{column};Town\nyes@a.example;{yes};X\nno@a.example;{no};X\n")
    assert found["yes"] == "active"
    assert found["no"] in ("pending", "unsubscribed", "bounced", "complained")


@pytest.mark.parametrize("column", WANTED | LEFT)
def test_c1_a_column_about_permission_with_cells_that_nobody_knows_stops_the_import(
    tmp_path: Path, column: str
) -> None:
    told = asked(tmp_path, f"E-Mail;{column}\na@a.example;level 7\nb@a.example;level 9\n")
    assert f"“{column}”" in told
    assert "“level 7” (line 2)" in told


def test_there_are_enough_columns_and_languages() -> None:
    assert len(WANTED | LEFT) >= 45


@pytest.mark.parametrize(
    "text",
    [
        "email,name,mood\na@a.example,A,unsubscribed in May\n",
        "email,name,mood\na@a.example,A,happy\nb@a.example,B,unsubscribed\n",
        "email,name,mood\na@a.example,A,inactive\n",
        "email,notes\na@a.example,do not mail him\n",
        "email,Estado civil y baja\na@a.example,quizás\n",
        "email,Opt-in/Opt-out\na@a.example,yes\n",
        "email,not unsubscribed\na@a.example,yes\n",
        "email,Archived\na@a.example,yes\n",
        "email,Soft bounces\na@a.example,2\n",
        "email,đã-ยกเลิก\na@a.example,yes\n",
        "email,\na@a.example,true\nb@a.example,false\n",
        "a@a.example,true\nb@a.example,false\n",
        'email,tags\na@a.example,"vip,inactive"\n',
        "email,Order cancelado\na@a.example,sí\n",
        "email,state\na@a.example,CA\nb@a.example,NY\n",
        "email,Marketing status\na@a.example,1\n",
        "email,Subscription renewed\na@a.example,maybe\n",
        "email,Subscription expired\na@a.example,yes\n",
        'email,data,external id\na@a.example,"{""newsletter"":""sometimes""}",1\n',
        "email\na@a.example\nUnsubscribed:\nb@a.example\n",
    ],
)
def test_c1_what_may_be_about_permission_stops_and_asks(tmp_path: Path, text: str) -> None:
    assert asked(tmp_path, text)


@pytest.mark.parametrize(
    "name", ["unsubscribed.csv", "bounces-2025.csv", "Abgemeldete.csv", "suppression_list.csv", "désinscrits.csv"]
)
def test_c1_a_file_whose_name_speaks_of_leaving_stops_and_asks(tmp_path: Path, name: str) -> None:
    assert "--everybody" not in asked(tmp_path, "email\na@a.example\n", name=name)
    assert read(tmp_path, "email\na@a.example\n", Answers(everybody="unsubscribed"), name) == {"a": "unsubscribed"}
    assert read(tmp_path, "email\na@a.example\n", Answers(everybody="active"), name) == {"a": "active"}
    assert read(tmp_path, "email,status\na@a.example,active\n", name=name) == {"a": "active"}


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("Vegetarian", ("yes", "no")),
        ("VIP", ("1", "0")),
        ("Accepts SMS Marketing", ("yes", "no")),
        ("Do not call", ("yes", "no")),
        ("Unsubscribed from SMS", ("yes", "no")),
        ("Town", ("Baja", "Bounce Ltd")),
        ("Company", ("Blocked Drains Ltd", "Opt Out Ltd")),
        ("Billing State", ("CA", "NY")),
        ("Order status", ("shipped", "open")),
        ("Payment Status", ("paid", "open")),
        ("Last active", ("2025-01-02", "")),
        ("Consent source", ("web form", "")),
        ("Subscription plan", ("gold", "silver")),
        ("Unsubscribe link", ("https://a.example/u/1", "https://a.example/u/2")),
        ("Marketing emails opened", ("5", "0")),
        ("Birthday", ("1980-01-02", "")),
        ("Customer ID", ("1", "2")),
        ("Notes", ("met at the fair, wants the book", "")),
        ("Kundennummer", ("1", "0")),
        ("Nr", ("1", "2")),
    ],
)
def test_what_has_nothing_to_do_with_mail_changes_nobody(tmp_path: Path, column: str, values: tuple[str, str]) -> None:
    text = f"email;{column}\na@a.example;{values[0]}\nb@a.example;{values[1]}\n"
    assert read(tmp_path, text) == {"a": "active", "b": "active"}


def test_the_answers_of_the_user_count(tmp_path: Path) -> None:
    text = "email,Marketing level\na@a.example,gold\nb@a.example,none given\n"
    assert read(tmp_path, text, Answers(nothing=("Marketing level",))) == {"a": "active", "b": "active"}
    words = {"gold": "active", "none given": "unsubscribed"}
    assert read(tmp_path, text, Answers(words=words)) == {"a": "active", "b": "unsubscribed"}
    text = "email,Q7\na@a.example,yes\nb@a.example,no\n"
    assert read(tmp_path, text) == {"a": "active", "b": "active"}
    assert read(tmp_path, text, Answers(wanted=("q7",))) == {"a": "active", "b": "unsubscribed"}
    assert read(tmp_path, text, Answers(left=("q7",))) == {"a": "unsubscribed", "b": "active"}


def test_an_answer_about_a_key_of_json(tmp_path: Path) -> None:
    text = 'email,data,external id\na@a.example,"{""newsletter"":""sometimes""}",1\n'
    assert read(tmp_path, text, Answers(nothing=("newsletter",))) == {"a": "active"}
    assert read(tmp_path, text, Answers(words={"sometimes": "pending"})) == {"a": "pending"}


def test_all_columns_that_are_not_understood_are_asked_about_at_once(tmp_path: Path) -> None:
    told = asked(tmp_path, "email,Newsletter,Opt-out type,Town\na@a.example,maybe,blue,X\n")
    assert "“Newsletter”" in told
    assert "“Opt-out type”" not in told or "blue" in told


def test_c1_an_empty_answer_beside_the_yes_of_others_is_no_yes(tmp_path: Path) -> None:
    assert read(tmp_path, "email,Newsletter\na@a.example,x\nb@a.example,\n") == {"a": "active", "b": "pending"}
    assert read(tmp_path, "email,confirmed_at\na@a.example,2025-01-02\nb@a.example,\n") == {
        "a": "active",
        "b": "pending",
    }


def test_an_empty_time_says_nothing_beside_another_yes(tmp_path: Path) -> None:
    text = "email,Newsletter,Einwilligung vom\na@a.example,ja,\nb@a.example,ja,2025-01-02\n"
    assert read(tmp_path, text) == {"a": "active", "b": "active"}


def test_c1_of_columns_that_disagree_the_one_that_means_less_mail_counts(tmp_path: Path) -> None:
    text = "email,status,unsubscribed_at,Bounced\na@a.example,active,,no\nb@a.example,active,2024-03-13,no\nc@a.example,active,,yes\n"
    assert read(tmp_path, text) == {"a": "active", "b": "unsubscribed", "c": "bounced"}


def test_a_zero_time_is_no_time(tmp_path: Path) -> None:
    for zero in (
        "0000-00-00 00:00:00",
        "1970-01-01 00:00:00",
        "1970-01-01T00:00:00Z",
        "0000-00-00",
        "-",
        "null",
        "N/A",
    ):
        assert read(tmp_path, f"email,unsubscribed_at\na@a.example,{zero}\n") == {"a": "active"}


SAID_NO = st.sampled_from([(column, kind) for column in WANTED | LEFT for kind in KINDS])


@given(
    SAID_NO,
    st.lists(st.sampled_from(["Town", "Vegetarian", "Q7", "Note", "subscribed", "status"]), max_size=3, unique=True),
    st.randoms(use_true_random=False),
)
def test_c1_no_other_column_makes_active_who_said_no(
    tmp_path_factory: pytest.TempPathFactory, said: tuple[str, str], others: list[str], random: object
) -> None:
    """Wherever the column stands, and whatever stands beside it."""
    column, kind = said
    yes, no = cells(column, kind)
    beside = {"Town": "X", "Vegetarian": "yes", "Q7": "1", "Note": "likes tea", "subscribed": "yes", "status": "active"}
    names = [column, *(one for one in others if one != column)]
    random.shuffle(names)  # type: ignore[attr-defined]
    rows = [[beside.get(name, "") if name != column else cell for name in names] for cell in (yes, no)]
    lines = ["E-Mail;" + ";".join(names)] + [
        f"{who}@a.example;" + ";".join(row) for who, row in zip(("yes", "no"), rows, strict=True)
    ]
    found = read(tmp_path_factory.mktemp("said"), "\n".join(lines) + "\n")
    assert found["no"] != "active" or (
        kind == "time" and column in WANTED and bool({"subscribed", "status"} & set(names))
    )


@given(st.text(max_size=40))
def test_no_text_breaks_the_judges(text: str) -> None:
    assert judge_name(text).kind in ("", "wanted", "confirmed", "left", "status", "either", "doubtful")
    assert read_cell(text).kind
    assert read_note(text).kind


@pytest.mark.parametrize(
    ("cell", "kind", "state"),
    [
        ("", "nothing", ""),
        ("✓", "yes", ""),
        ("✗", "no", ""),
        ("0", "no", ""),
        ("3", "number", ""),
        ("2025-01-02T08:00:00Z", "time", ""),
        ("Feb 3, 2025", "time", ""),
        ("20250203", "number", ""),
        ("1706860800", "number", ""),
        ("former subscriber", "unknown", ""),
        ("no longer subscribed", "state", "unsubscribed"),
        ("Unsubscribed on 3 May 2024", "state", "unsubscribed"),
        ("désinscrit le 3 mai", "state", "unsubscribed"),
        ("HardBounce", "state", "bounced"),
        ("marked as spam", "state", "complained"),
        ("Awaiting confirmation", "state", "pending"),
        ("inactive", "doubtful", "unsubscribed"),
        ("perhaps", "unknown", ""),
    ],
)
def test_cells_are_read(cell: str, kind: str, state: str) -> None:
    assert read_cell(cell) == (kind, state)


# --- names ------------------------------------------------------------------------------------------------------------

WANT_MAIL = (
    "Mailverteiler|Rundschreiben|Infobrief|E-Mail-Kommunikation erlaubt|Status Newsletter|NL|NL_Status|"
    "Lettre d'info|Accepte les emails|Acepta recibir correos|Comunicaciones comerciales|Consenso privacy|"
    "Aceita comunicações|Mag benaderd worden|Vill ha nyhetsbrev|Markkinointilupa|Zgoda RODO|Souhlas GDPR|"
    "Hozzájárulás|E-posta izni|Подписка|Розсилка|メール配信|是否订阅|마케팅 수신 동의|Email Marketing|"
    "OK to contact|Wants updates|Mailing|eNews|e-newsletter|Bulletin|List member|On mailing list|Receives emails|"
    "Email allowed|Contact permission|Permission to contact|Data processing agreed|Communication consent|"
    "Can we contact you?|Interested in newsletter|Double Opt-In|DOI|Verified|Registered for newsletter|Signup|"
    "Sign-up status|Keep in touch|Stay informed|Hear from us|I agree to receive emails|Yes, email me|"
    "Marketing emails|Send me news|email_consent|has_consent|consented|ConsentGiven|MarketingAllowed|"
    "AllowMarketing|EmailOK|email_ok|OptInStatus|is_opted_in|subscription_active|mailing_active|"
    "Abonnement newsletter|Newsletter abonniert|Mailings erwünscht|Informationen erwünscht|Kontakt erwünscht|"
    "Werbung|Werbeeinwilligung|E-Mail Werbung OK|Darf kontaktiert werden|Datenschutz zugestimmt|"
    "Inscrit newsletter|Souhaite recevoir la newsletter|Accord mail|Boletín|Quiere recibir noticias|"
    "Iscritto newsletter|Ricevi email|Deseja receber|Recebe e-mails|Ontvangt nieuwsbrief|Toestemming|"
    "Ønsker nyhedsbrev|Ønsker e-post|Vil ha nyhetsbrev|Haluaa uutiskirjeen|Chce otrzymywać|Odebírá novinky|"
    "Hírlevél|Kér hírlevelet|Vrea newsletter|Bülten|Рассылка|Хочет получать письма|Новости|ニュースレター希望|"
    "接收邮件|뉴스레터 구독|النشرة البريدية|מנוי לניוזלטר"
).split("|")
HAVE_LEFT = (
    "Keine Mails|Postsperre|Opt-Out Datum|Austrittsdatum|Refus mail|Stop|Désabonnement|Derecho de oposición|"
    "Bajas|Non gradito|Bloccato|Não perturbe|Geen reclame|Suoramarkkinointikielto|Leiratkozott|Dezabonat la|"
    "Чёрный список|Не беспокоить|ブラックリスト|受信拒否|停止日|退会日|黑名单|拒收邮件|수신 거부일|إلغاء|"
    "הסר מרשימה|Opted-out|Opt Out|OPTOUT_DATE|EmailOptOut|optOut|Unsub|unsub_date|Unsubscribe date|"
    "Date unsubscribed|Do Not Mail|DNM|DNC|Do-not-contact|NoEmail|No longer subscribed|Not interested|"
    "Removed from list|Left list|Blocked|Blocklisted|Global unsubscribe|Suppression|Hard bounce|bounce_type|"
    "Bounced at|last_bounce|Undeliverable|Invalid email|Bad email|Spam|Reported spam|Complaint date|FBL|"
    "abuse_report|Abbestellt|Abmeldung|Abgemeldet|Newsletter abbestellt|Gesperrt|Mailsperre|Widerspruch|"
    "Widerrufen am|Kündigung|Robinsonliste|Unzustellbar|Désinscription|Date de désinscription|Opposition|"
    "Ne pas envoyer|Adresse invalide|NPAI|Plainte|Lista Robinson|No desea recibir|Fecha baja|Cancelado|Rebotado|"
    "Disiscritto il|Cancellazione|Rimbalzato|Data de descadastro|Descadastrou|Inválido|Afgemeld op|"
    "Uitschrijfdatum|Bezwaar|Avanmäld|Avregistrerad|Spärrad|Afmeldt dato|Avmeldt|Reservert|Peruutettu|Estetty|"
    "Wypisany dnia|Rezygnacja|Odhlášen|Odvolání souhlasu|Letiltva|Lemondta|Blocat|İptal|Abonelikten çıkış|"
    "Отписка|Дата отписки|Отказ от рассылки|Заблокирован|Відписка|配信不要|解除日|エラーメール|退订时间|退信|"
    "거부|반송|مرفوض|شكوى|הוסר|תלונה|Εγγραφή διαγράφηκε|Διαγραφή"
).split("|")
SOMETHING_ELSE = (
    "First Name|Last Name|Company|Title|Phone|Mobile|Street|City|Zip|Country|Birthday|Gender|Age|Notes|Comment|"
    "Source|Created|Updated|Created At|Modified|Last Modified|Last login|Orders|Total spent|Currency|"
    "Customer since|Account manager|Industry|Website|LinkedIn|Twitter|Language|Time zone|Salutation|Prefix|"
    "Suffix|Middle name|Nickname|Department|Job title|Position|Role|Team|Region|State/Province|Postal code|"
    "Latitude|Longitude|IP|Device|Browser|Referrer|UTM source|Campaign|Score|Rating|Lifetime value|Average order|"
    "First order|Last order|Donation amount|Donor|Volunteer|Member since|Member number|Membership level|Chapter|"
    "School|University|Course|Grade|Event|Attended|Ticket type|Check-in|Dietary|T-shirt size|Emergency contact|"
    "Parent|Child|Spouse|Profession|Interests|Topics|Favourite|Color|Anrede|Titel|Firma|Straße|PLZ|Ort|Land|"
    "Telefon|Geburtstag|Geschlecht|Bemerkung|Quelle|Erstellt|Geändert|Kunde seit|Kundennummer|Umsatz|Branche|"
    "Abteilung|Funktion|Mitglied seit|Mitgliedsnummer|Beitrag|Spende|Verein|Sprache|Prénom|Nom|Société|Adresse|"
    "Code postal|Ville|Pays|Téléphone|Date de naissance|Fonction|Commentaire|Montant|Nombre|Apellidos|Empresa|"
    "Dirección|Código postal|Ciudad|País|Teléfono|Fecha de nacimiento|Comentarios|Importe|Fecha de creación|"
    "Cognome|Azienda|Indirizzo|CAP|Città|Provincia|Telefono|Data di nascita|Importo|Sobrenome|Endereço|Cidade|"
    "Telefone|Achternaam|Voornaam|Bedrijf|Straat|Plaats|Geboortedatum|Förnamn|Efternamn|Företag|Ort|Stad|"
    "Nazwisko|Imię|Firma|Miasto|Ulica|Příjmení|Jméno|Město|Имя|Фамилия|Город|Компания|Телефон|Дата рождения|"
    "Комментарий|氏名|会社|住所|電話|生年月日|備考|姓名|公司|地址|电话|备注|城市|이름|회사|주소|전화|비고|الاسم|"
    "المدينة|الهاتف|שם|עיר|טלפון|Avatar|Photo|Image|Key|Hash|UUID|External ID|Version|Sort|Order|Sequence|Group|"
    "Segment|Category|Type|Priority|Owner|Assigned to|Opens|Clicks|Emails sent|Emails delivered|Emails opened|"
    "Last opened|Open rate|Click rate|Engagement|Sends|Email domain|Email type|Email provider|Secondary email|"
    "Email 2|Reply|Timezone offset|Consultant|Contact|Contact ID|Contact owner|Contract|Contractor|"
    "Department head|Stock|Stopover|Leftover|Activity|Activities|Actor|Permit number|Marketplace|Market|Newsroom|"
    "Newspaper|Alma mater|Concentration|Consulate|Allergy|Allowance"
).split("|")


@pytest.mark.parametrize("name", WANT_MAIL)
def test_names_of_columns_about_wanting_mail_are_known(name: str) -> None:
    assert judge_name(name).kind in ("wanted", "confirmed", "status")


@pytest.mark.parametrize("name", HAVE_LEFT)
def test_names_of_columns_about_leaving_are_known(name: str) -> None:
    assert judge_name(name).kind in ("left", "either", "doubtful")


@pytest.mark.parametrize("name", SOMETHING_ELSE)
def test_names_of_columns_about_something_else_ask_nobody(name: str) -> None:
    meaning = judge_name(name)
    assert not meaning.kind or meaning.other or meaning.region


def test_every_tool_with_a_fixture_is_in_the_documentation(root: Path) -> None:
    told = (root / "docs/subscribers.md").read_text(encoding="utf-8")
    assert [export.tool for export in EXPORTS if export.tool.split(" (")[0] not in told] == []
