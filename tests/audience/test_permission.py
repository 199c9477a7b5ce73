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
