"""Bytes → text: as declared, a bad byte mended alone, and a second look for letters that were decoded twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.sources.charset import decode_document, find_mojibake, label_with

HEAD = '<?xml version="1.0" encoding="{}"?>'
LETTERS = st.text(st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="\ufeff"), max_size=60)


@given(LETTERS, LETTERS, st.integers(0x80, 0xFF))
def test_c10_one_bad_byte_changes_nothing_around_it(before: str, after: str, byte: int) -> None:
    # A space on both sides: a byte beside another could be the rest of its letter.
    data = f"<{before} ".encode() + bytes([byte]) + f" {after}>".encode()
    decoded = decode_document(data, "application/xml")
    assert decoded.text == f"<{before} {bytes([byte]).decode('cp1252', 'replace')} {after}>"
    assert decoded.encoding == "utf-8"
    assert len(decoded.notes) == 1
    assert f"0x{byte:02x}" in decoded.notes[0]


def test_c10_the_report_says_how_many_bytes_and_where_the_first_is() -> None:
    data = "<rss>\n\n Köln Łódź Größe".encode() + b" Jos\xe9 Ren\xe9 </rss>"
    assert decode_document(data, "").notes == (
        "2 bytes are not utf-8 (0xe9 in line 3); read as Windows-1252, and nothing else was changed",
    )


@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "iso-8859-1", "iso-8859-2", "windows-1252", "windows-1251", "koi8-r", "shift_jis", "euc-jp", "iso-2022-jp", "gb2312",
     "gbk", "gb18030", "big5", "euc-kr", "windows-1256", "iso-8859-9", "windows-874", "us-ascii", "utf-16", "UTF-16LE", "x-sjis"],
)  # fmt: skip
@pytest.mark.parametrize("where", ["declaration", "header"])
def test_c10_a_feed_is_decoded_as_it_declares(encoding: str, where: str) -> None:
    words = {
        "windows-1251": "Привет, мир", "koi8-r": "Привет, мир", "shift_jis": "日本語 ①", "euc-jp": "日本語", "iso-2022-jp": "日本語",
        "gb2312": "中国 镕", "gbk": "中国", "gb18030": "中国 €", "big5": "中國", "euc-kr": "한국어 똠", "windows-1256": "مرحبا",
        "iso-8859-2": "Łódź", "iso-8859-9": "İstanbul “x”", "windows-874": "ไทย", "us-ascii": "plain", "utf-16": "Łódź 日本",
        "utf-8": "Łódź 日本", "UTF-16LE": "Łódź", "x-sjis": "日本語",
    }.get(encoding, "Größe “quoted” — é")  # fmt: skip
    codec = {
        "iso-8859-1": "cp1252", "iso-8859-9": "cp1254", "shift_jis": "cp932", "x-sjis": "cp932", "gb2312": "gb18030",
        "euc-kr": "cp949", "windows-874": "cp874",
    }.get(encoding, encoding)  # fmt: skip
    head = HEAD.format(encoding) if where == "declaration" else ""
    data = f"{head}<rss>{words}</rss>".encode(codec)
    header = "application/xml" if where == "declaration" else f'text/xml; charset="{encoding}"'
    decoded = decode_document(data, header)
    assert (decoded.text, decoded.notes) == (f"{head}<rss>{words}</rss>", ())


@pytest.mark.parametrize(
    ("data", "header", "text"),
    [
        ("Köln".encode(), "text/xml; charset=iso-8859-1", "Köln"),
        ((HEAD.format("iso-8859-1") + "Köln").encode(), "text/xml; charset=utf-8", HEAD.format("iso-8859-1") + "Köln"),
        ((HEAD.format("utf-16") + "Köln").encode(), "", HEAD.format("utf-16") + "Köln"),
        ("\ufeffKöln".encode(), "text/xml; charset=koi8-r", "Köln"),
        ("<Köln".encode("utf-16-le"), "text/xml; charset=utf-8", "<Köln"),
        ("<Köln".encode("utf-16-be"), "", "<Köln"),
        ("<Köln".encode("utf-32"), "", "<Köln"),
        ((HEAD.format("no-such") + "Köln").encode(), "", HEAD.format("no-such") + "Köln"),
        ((HEAD.format("unicode_escape") + r"\u0041").encode(), "", HEAD.format("unicode_escape") + r"\u0041"),
        ((HEAD.format("utf-7") + "+ADw-").encode(), "", HEAD.format("utf-7") + "+ADw-"),
        ((HEAD.format("rot13") + "abc").encode(), "", HEAD.format("rot13") + "abc"),
    ],
)
def test_c10_a_label_that_the_bytes_prove_wrong_is_not_obeyed(data: bytes, header: str, text: str) -> None:
    assert decode_document(data, header).text == text


def test_c10_a_text_that_is_wholly_of_another_encoding_is_told_with_what_to_do() -> None:
    decoded = decode_document("Größe für Köln".encode("cp1252"), "application/xml")
    assert decoded.text == "Größe für Köln"
    assert decoded.notes[0].endswith("if letters are wrong, set encoding for this source")
    cyrillic = "Привет".encode("cp1251")
    assert decode_document(cyrillic, label_with("text/xml; charset=utf-8", "windows-1251")).text == "Привет"
    assert label_with("text/xml; charset=utf-8", "utf-8") == "text/xml; charset=utf-8"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Das sind FÃ¼nf Dinge", "FÃ¼nf"),
        ("It donâ€™t matter", "donâ€™t"),
        ("smile ðŸ˜€ now", "ðŸ˜€"),
        ("RenÃ© and JosÃ©", "RenÃ©"),
        ("“AMANHÔ, disse. LEILÃO; Às 5; « Âge »; Ça; naïve; Åland; São; Ñandú; Ó", ""),
        ("Größe, Łódź, Ђ, 北京, €5 – “x”…", ""),
        ("plain", ""),
    ],
)
def test_c10_letters_that_were_decoded_twice_are_seen_and_right_ones_are_not(text: str, found: str) -> None:
    assert find_mojibake(text) == found


@given(st.text(st.sampled_from("äöüßéèêàçñøåłśžčřğışабвгдежз北京東日本ا ب“”‘’–—… aeiou"), max_size=40))
def test_c10_right_text_is_never_called_wrong(text: str) -> None:
    assert find_mojibake(text) == ""
