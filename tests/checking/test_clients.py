"""The rule about mail clients: what a mail uses → what the named ones lack; and the table that it is read from."""

import json
import re
import runpy
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest

from newsletter.checking import Page, about_unknown, caniemail_notes, features
from newsletter.checking.caniemail import find_platforms, name_platforms, read_table
from newsletter.checking.clients import support
from newsletter.checking.features import FeatureUse, property_slug

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "newsletter/checking/caniemail.json"
FAMILIES = "gmail outlook outlook.com outlook-mac outlook-mobile apple yahoo samsung thunderbird protonmail gmx web.de"


def page(body: str, clients: str, head: str = "") -> Page:
    return Page(
        html=f'<!DOCTYPE html><html lang="en" dir="ltr"><head>{head}</head><body>{body}</body></html>',
        text="",
        subject="",
        preheader="",
        language="en",
        url="",
        postal_address="",
        reason="",
        unsubscribe="",
        clients=tuple(clients.split()),
    )


def told(body: str, clients: str, head: str = "") -> list[str]:
    return [problem.message for problem in support(page(body, clients, head))]


# What each kind of use is found by. The end of a message, from the note on, is the data's and may be left out here.
FOUND = {
    "property": ('<td style="border-radius: 4px">x</td>', "border-radius: not in Outlook for Windows"),
    "property of a longer name": ('<td style="border-top-left-radius: 4px">x</td>', "border-radius: not in Outlook"),
    "property of a parent": (
        '<td style="border-top: 9px solid red">x</td>',
        "border: partly in Outlook for Windows: A",
    ),
    "display": ('<p style="display: flex">x</p>', "display:flex: not in Outlook for Windows"),
    "display inline": ('<p style="display: inline-grid">x</p>', "display:grid: not in Outlook for Windows"),
    "another display": ('<p style="display: block">x</p>', "display: partly in Outlook for Windows: Only supports `di"),
    "unit": ('<td style="width: 2rem">x</td>', "rem unit: not in Outlook for Windows"),
    "keyword": ('<p style="color: initial">x</p>', "initial unit: not in Outlook for Windows"),
    "keyword of fonts": ('<p style="font-family: system-ui, serif">x</p>', "system-ui, ui-serif, "),
    "function": ('<td style="width: calc(100% - 2px)">x</td>', "CSS calc() function: not in Outlook for Windows"),
    "var()": ('<p style="color: var(--x)">x</p>', "CSS Variables (Custom Properties): not in Outlook for Windows"),
    "modern colour": ('<p style="color: oklch(50% 0.1 20)">x</p>', "lch(), oklch(), lab(), oklab(): not in Outlook"),
    "important": ('<p style="color: red !important">x</p>', "!important keyword: partly in Outlook for Windows: Not s"),
    "tag": ("<progress></progress>", "<progress> element: not in Outlook for Windows"),
    "tag of a group": ("<section>x</section>", "HTML5 semantics: not in Outlook for Windows"),
    "tag with a type": ('<input type="checkbox">', '<input type="checkbox"> element: not in Outlook for Windows'),
    "attribute": ("<p hidden>x</p>", "hidden attribute: not in Outlook for Windows"),
    "attribute of a longer name": ('<img alt="" loading="lazy">', "loading attribute: not in Outlook for Windows"),
    "picture": ('<img alt="" src="https://e.org/a.WEBP?x=1">', "webP image format: not in Outlook for Windows"),
    "picture in a style": (
        "<td style=\"list-style: url('https://e.org/a.ico')\">x</td>",
        "list-style: partly in Outlook for Windows: Only `list-style-type` values are supported.",
        "ICO image format: not in Outlook for Windows",
    ),
    "picture inside": ('<img alt="" src="data:image/gif;base64,R0">', "Base 64 image format: partly in Outlook for W"),
}


@pytest.mark.parametrize("case", FOUND)
def test_each_kind_of_use_is_found(case: str) -> None:
    body, *expected = FOUND[case]
    found = told(body, "outlook")
    assert len(found) == len(expected), found
    for message, start in zip(found, expected, strict=True):
        assert message.startswith(start)
    assert told(body, "apple-ios") == []


# Two uses of one feature, of which a note speaks to the first only.
SPEAKING = {
    "negative": ("gmail", '<p style="margin: 0 -4px">x</p>', '<p style="margin: 0 4px">x</p>'),
    "very negative": (
        "outlook",
        '<p style="letter-spacing: -2px">x</p>',
        '<p style="letter-spacing: -0.5px">x</p>',
    ),
    "a word": ("outlook", '<p style="margin: 0 auto">x</p>', '<p style="margin: 0 4px">x</p>'),
    "a unit in a note": ("yahoo", '<p style="font-size: 2rem">x</p>', '<p style="font-size: 20px">x</p>'),
    "percent": ("samsung", '<p style="font-size: 120%">x</p>', '<p style="font-size: 20px">x</p>'),
    "table cells": ("outlook", '<ul style="padding-left: 9px"></ul>', '<td style="padding-left: 9px">x</td>'),
    "only on an element": ("yahoo", '<h1 role="heading">x</h1>', '<table role="presentation"></table>'),
    "not on an element": ("outlook", '<div style="width: 9px">x</div>', '<td style="width: 9px">x</td>'),
    "an attribute": ("gmail", "<ol reversed><li>x</li></ol>", "<ol><li>x</li></ol>"),
    "an attribute below": ("outlook", '<ol><li value="3">x</li></ol>', "<ol><li>x</li></ol>"),
    "one of a group": ("gmail-web", "<nav>x</nav>", "<article>x</article>"),
    "only one of a group": ("outlook.com", "<article>x</article>", "<time>x</time>"),
    "several values": ("outlook", '<p style="text-decoration: underline dotted">x</p>', '<p style="text-decoration: underline">x</p>'),
    "thick": ("outlook", '<td style="border: 9px solid red">x</td>', '<td style="border: 8px solid red">x</td>'),
    "weight": ("outlook", '<p style="font-weight: 600">x</p>', '<p style="font-weight: bold">x</p>'),
    "strange weight": ("yahoo", '<p style="font-weight: 650">x</p>', '<p style="font-weight: 600">x</p>'),
    "blanks in rgb": ("gmail", '<p style="color: rgb(0 9 0)">x</p>', '<p style="color: rgb(0, 9, 0)">x</p>'),
    "alpha in rgb": ("outlook", '<p style="color: rgb(0, 9, 0, 0.5)">x</p>', '<p style="color: rgb(0, 9, 0)">x</p>'),
    "slash": ("yahoo", '<p style="border-radius: 4px / 8px">x</p>', '<p style="border-radius: 4px 8px">x</p>'),
    "background": ("outlook", '<td style="background: url(a)">x</td>', '<td style="background: #ffffff">x</td>'),
    "colour word": ("gmx-web", '<p style="background-color: pink">x</p>', '<p style="background-color: red">x</p>'),
    "in a property": (
        "gmail-android",
        '<p style="background-image: linear-gradient(red, blue)">x</p>',
        '<p style="background: linear-gradient(red, blue)">x</p>',
    ),
    "longhand": ("yahoo", '<p style="transition-delay: 1s">x</p>', '<p style="transition: color 1s">x</p>'),
    "refused": ("apple", '<p style="position: sticky">x</p>', '<p style="position: relative">x</p>'),
    "not in a list": ("yahoo-web", '<p style="cursor: grab">x</p>', '<p style="cursor: help">x</p>'),
    "only this": ("outlook-mobile", '<p style="width: max-content">x</p>', '<p style="width: min-content">x</p>'),
    "what would help": (
        "outlook",
        '<p style="line-height: 20px">x</p>',
        '<p style="line-height: 20px; mso-line-height-rule: exactly">x</p>',
    ),
    "margin with a background": (
        "outlook",
        '<p style="margin: 4px; background-color: #ffffff">x</p>',
        '<p style="margin: 4px">x</p>',
    ),
    "cells of a row": (
        "outlook",
        '<table><tr><td style="padding: 4px">x</td><td style="padding: 8px">x</td></tr></table>',
        '<table><tr><td style="padding: 4px">x</td><td style="padding: 4px 8px">x</td></tr></table>',
    ),
    "hidden table": (
        "outlook",
        '<div style="display: none"><table></table></div>',
        '<div style="display: none"><p>x</p></div>',
    ),
    "a blank before": ("yahoo", '<p style="color: red!important">x</p>', '<p style="color: red !important">x</p>'),
    "capitals": ("gmail-web", '<p style="color: red !IMPORTANT">x</p>', '<p style="color: red !important">x</p>'),
    "copies of a letter": ("yahoo-android", '<a href="mailto:a@e.org?bcc=b@e.org">x</a>', '<a href="mailto:a@e.org">x</a>'),
    "a picture that moves": ("outlook", '<img alt="" src="https://e.org/a.gif">', '<img alt="" src="https://e.org/a.png">'),
    "a picture as wide as a part": ("outlook", '<img alt="" width="50%">', '<img alt="" width="50">'),
    "a kind of data": ("gmx-web", '<img alt="" src="data:image/gif;base64,R0">', '<img alt="" src="data:image/png;base64,iV">'),
    "its own name": ("outlook.com", '<p style="overflow-block: clip">x</p>', '<p style="overflow: clip">x</p>'),
    "addresses in a list's style": ("gmail", '<ul style="list-style: url(x)"></ul>', '<ul style="list-style: disc"></ul>'),
}  # fmt: skip


@pytest.mark.parametrize("case", SPEAKING)
def test_a_note_is_told_of_what_it_speaks_of_only(case: str) -> None:
    client, spoken, silent = SPEAKING[case]
    assert any(": partly in " in message for message in told(spoken, client))
    assert told(silent, client) == []


SILENT = {
    "no data": '<p style="color: red; -webkit-text-size-adjust: none; mso-hide: all; made-up: 1px">x</p>',
    "a tag without data": "<made-up>x</made-up>",
    "nothing is asked for": '<p style="padding: 0 0px; margin: 0; border: 0">x</p>',
    "it is hidden": '<div style="display: none"><p style="opacity: 0; border-radius: 2px">x</p></div>',
    "H2 wants it": '<div role="article" aria-label="x" lang="en">x</div>',
    "H31 wants it": '<a href="https://e.org/" style="display: inline-block; padding: 9px">x</a>',
    "H33 wants it": '<img alt="" style="display: block; max-width: 100%; height: auto; border: 0">',
    "a new window anyway": '<a href="https://e.org/" target="_blank">x</a>',
    "a direction that is there already": '<p dir="ltr"><bdi dir="ltr">x</bdi></p>',
    "flex in the direction of text": '<p style="flex-direction: row; flex-wrap: nowrap">x</p>',
    "quoted": "<p style=\"font-family: 'calc(2rem)', serif\">x</p>",
    "an account": '<p style="text-align: start">x</p>',
}


@pytest.mark.parametrize("case", SILENT)
def test_what_nobody_would_miss_is_not_told(case: str) -> None:
    clients = "gmail-ios" if case == "an account" else FAMILIES.replace("protonmail gmx web.de", "")
    assert told(SILENT[case], clients) == []


def test_a_direction_matters_where_text_turns() -> None:
    assert told("<bdi>أخبار</bdi>", "gmail") == ["<bdi> element: not in Gmail"]
    assert told('<p dir="rtl">x</p>', "gmx-web") == ["dir attribute: not in GMX (web)"]


def test_nothing_is_told_if_no_client_is_named() -> None:
    assert told('<p style="display: flex; border-radius: 4px">x</p>', "") == []


def test_one_problem_a_feature_names_all_clients_and_the_first_element() -> None:
    body = '<td style="box-shadow: 0 0 2px red">One</td><td style="box-shadow: 0 0 2px blue">Two</td>'
    (problem,) = support(page(body, "gmail outlook apple"))
    assert problem.message == (
        "box-shadow: not in Gmail (web), Outlook for Windows; partly in Gmail (iOS, Android): "
        "Only supported with non Google accounts."
    )
    assert problem.where == "<td> One"


def test_notes_of_several_uses_are_collected() -> None:
    body = '<p style="margin: 0 auto">x</p><p style="margin: -2px">x</p><p style="margin: 0 auto">x</p>'
    assert told(body, "outlook") == [
        "margin: partly in Outlook for Windows: `auto` value is not supported. Negative values are not supported."
    ]


@pytest.mark.parametrize(
    ("style", "count"),
    [("a{color:rgb(0 9 0) !important}", 1), ("a{color:rgb(0,9,0)!important;display:flex;margin:-2px}", 0)],
    ids=["drops the block", "an addition"],
)
def test_kept_styles_are_told_if_a_client_drops_them_all(style: str, count: int) -> None:
    problems = list(support(page("x", "gmail outlook", f"<style>{style}</style>")))
    assert [problem.where for problem in problems] == ["<style>"] * count
    assert all("whole `<style>` block is stripped" in problem.message for problem in problems)


# --- names --------------------------------------------------------------------------------------------------------


def test_families_and_single_apps_are_platforms() -> None:
    assert find_platforms(["gmail"]) == ("gmail-web", "gmail-ios", "gmail-android")
    assert find_platforms(["yahoo-ios", "Outlook"]) == ("outlook-windows", "yahoo-ios")
    assert name_platforms(find_platforms(["gmail", "yahoo-ios", "outlook.com"])) == "Gmail, Outlook.com, Yahoo (iOS)"


def test_a_name_that_is_none_is_told_with_the_nearest_and_the_list() -> None:
    assert about_unknown(["gmail", "outlook.com-web"]) == about_unknown([]) == ""
    wrong = about_unknown(["gmail", "gmial"])
    assert wrong.startswith("no mail client 'gmial'; did you mean \"gmail\"? (there is: gmail, outlook, ")


# --- the table ----------------------------------------------------------------------------------------------------


def test_the_shipped_table_is_whole_and_small() -> None:
    text = TABLE.read_text(encoding="utf-8")
    assert len(text.encode()) <= 60_000
    raw = json.loads(text)
    assert raw["source"]["licence"] == "MIT"
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", raw["source"]["last_update_date"])
    assert list(raw["clients"]) == FAMILIES.split()
    platforms = [platform for client in raw["clients"].values() for platform in client["platforms"]]
    assert len(platforms) == len(set(platforms)) == 24
    assert list(raw["features"]) == sorted(raw["features"])
    for slug, feature in raw["features"].items():
        words = feature["support"].split()
        assert len(words) == 24, slug
        assert all(re.fullmatch(r"[ynu]|a(?:\d+(?:,\d+)*)?", word) for word in words), slug
        used = {number for word in words for number in word[1:].split(",") if number}
        assert used == set(feature.get("notes", {})), slug


def test_the_table_says_what_is_known_of_a_few() -> None:
    table = read_table()
    radius = table.features["css-border-radius"].support
    assert (radius["gmail-web"], radius["outlook-windows"], radius["apple-ios"], radius["yahoo-web"]) == tuple("ynya")
    assert table.features["image-webp"].support["outlook-windows"] == "n"
    assert table.features["css-padding"].notes["outlook-windows"][0] == "Only supported on table cells."


def mapped_slugs() -> set[str]:
    tables: tuple[Mapping[str, str], ...] = (
        features.TAGS,
        features.ATTRIBUTES,
        dict(features.PROPERTIES),
        features.DISPLAYS,
        features.FUNCTIONS,
        features.UNITS,
        features.KEYWORDS,
        features.IMAGES,
    )
    literal = re.compile(r'"((?:css|html|image)-[a-z0-9-]+)"')
    sources = [(ROOT / f"newsletter/checking/{name}.py").read_text() for name in ("features", "clients")]
    return {slug for table in tables for slug in table.values()} | set(literal.findall("".join(sources)))


def test_every_name_of_the_mapping_is_in_the_table() -> None:
    assert len(mapped_slugs()) > 100
    assert mapped_slugs() - set(read_table().features) == set()


def test_the_docs_list_all_clients_and_the_day_of_the_data() -> None:
    text = (ROOT / "docs/checks.md").read_text(encoding="utf-8")
    table = read_table()
    for name, client in table.clients.items():
        assert f"| `{name}` | " + ", ".join(f"`{platform}`" for platform in client.platforms) in text
    day = date.fromisoformat(table.date)
    assert f"as of {day.day} {day:%B %Y}" in text


def test_a_property_without_data_of_its_own_is_that_of_its_parent() -> None:
    assert property_slug("margin-bottom") == "css-margin"
    assert property_slug("border-top-color") == "css-border"
    assert property_slug("margin-inline-start") == "css-margin-inline-start-end"
    assert property_slug("row-gap") == "css-gap"
    assert property_slug("color") == property_slug("-webkit-mask-image") == property_slug("mso-padding-alt") == ""


def test_every_condition_is_about_a_note_of_the_table() -> None:
    """A pattern that finds none is left over from older data."""
    known = {note for feature in read_table().features.values() for own in feature.notes.values() for note in own}
    for number, (pattern, _) in enumerate(caniemail_notes.CONDITIONS):
        earlier = [one for one, _ in caniemail_notes.CONDITIONS[:number]]
        first = [note for note in known if pattern.search(note) and not any(one.search(note) for one in earlier)]
        assert first, pattern.pattern


def test_a_note_that_is_not_understood_is_told() -> None:
    use = FeatureUse("css-gap", None, "gap", "4px")
    assert caniemail_notes.concerns("Something that no pattern knows.", use)
    assert not caniemail_notes.concerns("`auto` is unlucky.", use)


# --- the script ---------------------------------------------------------------------------------------------------

SCRIPT = runpy.run_path(str(ROOT / "scripts/distil_caniemail.py"))
FEATURE: dict[str, object] = {
    "slug": "css-b",
    "title": " b ",
    "stats": {
        "gmail": {"desktop-webmail": {"2019": "n", "2": "a #10 #2 #77"}, "ios": {"1": "a #2", "2": "y #1"}},
        "outlook": {"windows": {"2003": "y", "2019": "n #1"}, "outlook-com": {"2019": "a"}},
        "elsewhere": {"ios": {"1": "n #3"}},
    },
    "notes_by_num": {
        "1": "Never told.",
        "2": "Partial. Not in [small](https://e.org/) letters. (See [bugs#1](https://e.org/1).)",
        "3": "Of others.",
        "10": "Buggy. Looks  odd.",
    },
}


def test_the_script_keeps_the_newest_version_and_the_notes_that_are_told() -> None:
    bare: dict[str, object] = {"slug": "css-a", "title": "a", "stats": {}, "notes_by_num": None}
    raw = {"last_update_date": "2025-09-09 18:08:06 +0000", "data": [FEATURE, bare]}
    text = SCRIPT["distil"](raw)
    assert text == SCRIPT["distil"](json.loads(json.dumps(raw)))
    table = json.loads(text)
    assert table["source"]["last_update_date"] == "2025-09-09"
    assert table["source"]["url"] == "https://www.caniemail.com/"
    assert list(table["features"]) == ["css-a", "css-b"]
    assert table["features"]["css-a"] == {"title": "a", "support": " ".join("u" * 24)}
    assert table["features"]["css-b"]["title"] == "b"
    assert table["features"]["css-b"]["support"].split()[:5] == ["a10,2", "y", "u", "n", "a"]
    assert table["features"]["css-b"]["notes"] == {"2": "Not in small letters.", "10": "Buggy. Looks odd."}


def test_the_script_and_the_shipped_table_name_the_same_clients() -> None:
    clients = read_table().clients
    assert {name: [*platforms] for name, (_, platforms) in SCRIPT["CLIENTS"].items()} == {
        name: [*client.platforms] for name, client in clients.items()
    }
