"""Who wrote a quoted mail is read from the attributions of mail programs in any language."""

import pytest

from newsletter.sources.digest.lines import Line
from newsletter.sources.digest.quoting import QuotedMail, read_mail

ANA = "Ana Example <ana@example.org>"


def mail(*texts: str) -> QuotedMail:
    return read_mail([Line(number, text) for number, text in enumerate(texts, 1)])


@pytest.mark.parametrize(
    "attribution",
    [
        f"On Sat, 5 Jul 2025 at 10:12, {ANA} wrote:",
        f"Am Sa., 5. Juli 2025 um 10:12 Uhr schrieb {ANA}:",
        f"Le sam. 5 juil. 2025 à 10:12, {ANA} a écrit :",
        "El sáb, 5 jul 2025 a las 10:12, Ana Example (<ana@example.org>) escribió:",
        f"Il giorno sab 5 lug 2025 alle ore 10:12 {ANA} ha scritto:",
        f"Em sáb., 5 de jul. de 2025 às 10:12, {ANA} escreveu:",
        f"Op za 5 jul 2025 om 10:12 schreef {ANA}:",
        f"Den lör 5 juli 2025 kl 10:12 skrev {ANA}:",
        "la 5. heinäk. 2025 klo 10.12 Ana Example (ana@example.org) kirjoitti:",
        f"W dniu sob., 5 lip 2025 o 10:12 {ANA} napisał(a):",
        f"so 5. 7. 2025 v 10:12 odesílatel {ANA} napsal:",
        f"{ANA} ezt írta (időpont: 2025. júl. 5., Szo, 10:12):",
        f"Pe sâm., 5 iul. 2025 la 10:12, {ANA} a scris:",
        f"{ANA}, 5 Tem 2025 Cmt, 10:12 tarihinde şunu yazdı:",
        f"сб, 5 июл. 2025 г. в 10:12, {ANA}:",
        f"5 июля 2025, 10:12 +03:00 от {ANA}:",
        "05.07.2025 10:12, Ana Example пишет:",
        f"сб, 5 лип. 2025 р. о 10:12 {ANA} пише:",
        f"Στις Σάβ 5 Ιουλ 2025 στις 10:12 μ.μ., ο χρήστης {ANA} έγραψε:",
        f"შაბ, 5 ივლ. 2025, 10:12 მომხმარებელმა {ANA} დაწერა:",
        f"Շբ, հուլիսի 5, 2025 թ., 10:12-ին {ANA} գրել է:",
        f"في السبت، ٥ يوليو ٢٠٢٥ في ١٠:١٢ ص تمت كتابة ما يلي بواسطة {ANA}:",
        "\u202bבתאריך שבת, 5 ביולי 2025 ב-10:12 מאת \u202aAna Example\u202c\u200f <\u202aana@example.org\u202c\u200f>:\u202c",
        f"शनि, 5 जुल॰ 2025 को 10:12 am बजे को {ANA} ने लिखा:",
        f"2025年7月5日(土) 10:12 {ANA}:",
        f"{ANA} 于2025年7月5日周六 10:12写道：",
        f"2025년 7월 5일 (토) 오전 10:12, {ANA}님이 작성:",
        f"Vào Th 7, 5 thg 7, 2025 vào lúc 10:12 {ANA} đã viết:",
        "Am 05.07.25 um 10:12 schrieb Ana Example:",
        "Ana Example schrieb am 05.07.2025 10:12:",
    ],
)
def test_an_attribution_names_its_writer_and_day(attribution: str) -> None:
    (byline,) = mail(attribution, "", "> Ferry sails", "> Words.").bylines.values()
    assert byline.author == "Ana Example"
    assert byline.when is not None
    assert byline.when.day is not None
    assert (byline.when.day.month, byline.when.day.day) == (7, 5)


@pytest.mark.parametrize(
    "line", ["The ambassador wrote:", "At 10:12 it began:", "On Monday Baku wrote a letter:", "Key points:"]
)
def test_a_sentence_above_a_quotation_is_no_attribution(line: str) -> None:
    found = mail(line, "> Ferry sails", "> Words.")
    assert found.bylines == {}
    assert found.lines[0].text == line


def test_an_attribution_may_be_broken_over_three_lines() -> None:
    found = mail("On Sat, 5 Jul 2025", "at 10:12, Ana Example", "<ana@example.org> wrote:", "", "> Words.", "> More.")
    (byline,) = found.bylines.values()
    assert (byline.author, byline.line) == ("Ana Example", 1)
    assert [line.text for line in found.lines[:3]] == ["", "", ""]


@pytest.mark.parametrize(
    "block",
    [
        ["From: Ana Example <ana@example.org>", "Sent: Saturday, July 5, 2025 10:12 AM", "To: Desk", "Subject: Links"],
        ["*From:* Ana Example <ana@example.org>", "*Date:* 5 Jul 2025 10:12", "*Subject:* Links"],
        [
            "Von: Ana Example [mailto:ana@example.org]",
            "Gesendet: Samstag, 5. Juli 2025 10:12",
            "An: Tisch",
            "Betreff: Links",
        ],
        ["De : Ana Example <ana@example.org>", "Envoyé : samedi 5 juillet 2025 10:12", "À : Table", "Objet : Liens"],
        ["От: Ana Example <ana@example.org>", "Отправлено: 5 июля 2025 г. 10:12", "Кому: Стол", "Тема: Ссылки"],
        ["发件人: Ana Example <ana@example.org>", "发送时间: 2025年7月5日 10:12", "收件人: 桌", "主题: 链接"],
        ["差出人: Ana Example <ana@example.org>", "送信日時: 2025年7月5日 10:12", "宛先: 机", "件名: リンク"],
    ],
)
def test_a_block_of_headers_names_writer_and_time_and_is_no_text(block: list[str]) -> None:
    found = mail("-----Original Message-----", *block, "", "Ferry sails")
    (byline,) = found.bylines.values()
    assert byline.author == "Ana Example"
    assert byline.when is not None
    assert (str(byline.when.day), byline.when.clock and byline.when.clock.minute) == ("2025-07-05", 12)
    assert [line.text for line in found.lines if line.text] == ["Ferry sails"]


def test_words_wrapped_over_a_quotations_edge_go_back_into_it() -> None:
    full = "> Moscow has summoned the ambassador over the arrests of last week in"
    assert [line.glued for line in mail(full, "Baku", "> and calls it unfriendly.").lines] == [False, True, True]
    inline = mail("> Is the ferry sailing again?", "Yes, since Thursday.", "> And the tunnel?").lines
    assert not any(line.glued for line in inline)


def test_what_is_quoted_less_deep_is_its_own_writers_again() -> None:
    found = mail(
        "On 5 Jul 2025 at 10:12, Ana Example <ana@example.org> wrote:",
        "> On 4 Jul 2025 at 18:40, Ben Example <ben@example.org> wrote:",
        ">> Ben’s words",
        "> Ana’s words",
        "nobody’s words",
    )
    writers = [writer.author if writer else None for _, writer in sorted(found.writers.items())]
    assert writers == ["Ana Example", "Ben Example", "Ana Example", None]


def test_a_signature_is_left_out_and_a_long_text_after_two_dashes_is_none() -> None:
    assert [line.text for line in mail("> Words.", "> -- ".rstrip(), "> Ana", "> Desk").lines] == ["Words.", "", "", ""]
    long = [f"> Line {number}" for number in range(12)]
    assert mail("> Words.", "> --", *long).left_out == []
