"""The Nu HTML checker's judgement of all that we write in HTML: mails, letters, the archive, the forms (email-html L1)."""

import re
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest
from jinja2 import Environment

from newsletter.calendar import publication_moment
from newsletter.flows.archive import render_archive
from newsletter.flows.preview import Preview
from newsletter.rendering.content import show_issue
from newsletter.rendering.site import Published, render_site
from newsletter.store.mailed_links import make_link
from newsletter.store.subscribers import find_person
from newsletter.web.preview_app import make_preview_app
from newsletter.workspace.files import Workspace
from newsletter.workspace.load import read_config
from tests.rendering.issues import EDITION, PUBLICATION, THEMES, make_issue
from tests.rendering.mails import ROOT, SLUG, every_mail, read_words
from tests.serving import Desk, Pages, running_desk
from tests.vnu import Message, judge

READER = "reader@example.org"
# What a mail needs and HTML does not know; pages of the web have none of it. The third one that email-html L1 allows,
# Apple's meta without content, is not needed: ours has an empty one.
ALLOWED = (
    # Word, which draws mails in Outlook for Windows, reads its own names.
    "error: Attribute 'xmlns:[vo]' not allowed here.",
    "error: CSS: 'mso-(?:hide|line-height-rule)': Property 'mso-(?:hide|line-height-rule)' doesn't exist.",
    # It knows widths, spaces and colours of a table by attributes only.
    "warning: The '(?:width|cellpadding|cellspacing|bgcolor)' attribute on the 'table' element is obsolete. Use CSS instead.",
    "warning: The 'border' attribute on the 'table' element is obsolete. Consider specifying 'img { border: 0; }' in CSS instead.",
    "warning: The '(?:align|bgcolor)' attribute on the 'td' element is obsolete. Use CSS instead.",
)
BROKEN = {
    "broken/tag": '<!DOCTYPE html><html lang="en"><head><title>x</title></head><body><p>an <em>open tag</p></body></html>',
    "broken/css": '<!DOCTYPE html><html lang="en"><head><title>x</title></head>\n<body><p style="colour: red">x</p></body></html>',
}


def archive_pages(environment: Environment) -> dict[str, str]:
    """The sample's archive, and one with everything, also right to left and with the ways to a server."""
    workspace = Workspace(ROOT)
    built = render_archive(workspace, read_config(workspace), [SLUG]).pages
    pages = {f"site/{name}": page.data.decode() for name, page in built.items() if name.endswith(".html")}
    for language, served in (("en", True), ("ar", False)):
        published = [
            Published(show_issue(issue, language), EDITION, publication_moment(EDITION, issue.date, ZoneInfo("UTC")))
            for issue in (make_issue(), make_issue("2025-07-14-weekly"))
        ]
        files = dict(
            render_site(
                published,
                publication=replace(PUBLICATION, language=language),
                themes=THEMES,
                environment=environment,
                phrases=read_words(language),
                served=served,
            )
        )
        pages |= {f"site-{language}/{name}": text for name, text in files.items() if name.endswith(".html")}
    return {name.removesuffix(".html"): text for name, text in pages.items()}


def desk_page() -> dict[str, str]:
    """The preview with the desk in it, as it comes before its script fills it."""
    preview = Preview(Workspace(ROOT), SLUG)
    preview.refresh()
    return {"preview": Pages(make_preview_app(preview)).get("/", host="localhost").text}


def form_pages(desk: Desk) -> dict[str, str]:
    """Every form of the server, before and after it was sent."""
    desk.tick()
    desk.subscribe(READER)
    desk.tick(to="2025-07-06 05:00")
    desk.tick(to="2025-07-07 05:00")
    person = find_person(desk.store, READER)
    assert person
    confirm, reader = (make_link(desk.store, person.id, kind, desk.clock()) for kind in ("confirm", "preferences"))
    leave, pages = desk.link("/u/", READER), desk.pages()
    asked = {
        "subscribe": pages.get("/subscribe"),
        "subscribe-refused": pages.post("/subscribe", [("address", "no@x")]),
        "embed": pages.get("/embed"),
        "preferences": pages.get("/preferences"),
        "preferences-asked": pages.post("/preferences", [("address", READER)]),
        "confirm": pages.get(f"/confirm/{confirm}"),
        "confirmed": pages.post(f"/confirm/{confirm}"),
        "reader": pages.get(f"/p/{reader}"),
        "erase": pages.post(f"/p/{reader}", [("action", "erase")]),
        "search": pages.get("/search"),
        "search-found": pages.get("/search?q=Baku"),
        "search-nothing": pages.get("/search?q=%3Cb%3Enothing"),
        "no-page": pages.get("/no-such-page"),
        "no-link": pages.get("/u/nonsense"),
        "unsubscribe": pages.get(leave),
        "unsubscribed": pages.post(leave),
    }
    return {f"form/{name}": answer.text for name, answer in asked.items()}


@pytest.fixture(scope="module")
def judged(environment: Environment, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Message]]:
    """By page, what is said of it: all of them at once, since the checker takes longer to start than to read."""
    with running_desk(tmp_path_factory.mktemp("desk")) as desk:
        pages = every_mail(environment) | archive_pages(environment) | form_pages(desk) | desk_page() | BROKEN
    assert all(text.lstrip().startswith("<!DOCTYPE html>") for text in pages.values())
    messages = judge(pages, tmp_path_factory.mktemp("pages"))
    return {name: [one for one in messages if one.name == name] for name in pages}


def is_allowed(message: Message) -> bool:
    return any(re.fullmatch(pattern, f"{message.kind}: {message.text}") for pattern in ALLOWED)


def told(judged: dict[str, list[Message]], *kinds: str) -> list[Message]:
    found = [one for name, messages in judged.items() if name.partition("/")[0] in kinds for one in messages]
    assert len([name for name in judged if name.partition("/")[0] in kinds]) > 12
    return found


def test_mails_and_letters_are_html_but_for_what_outlook_needs(judged: dict[str, list[Message]]) -> None:
    assert [str(one) for one in told(judged, "mail", "letter") if not is_allowed(one)] == []


def test_pages_and_forms_are_html_without_a_word_against_them(judged: dict[str, list[Message]]) -> None:
    assert [str(one) for one in told(judged, "site", "site-en", "site-ar", "form")] == []


def test_nothing_is_allowed_that_no_mail_needs(judged: dict[str, list[Message]]) -> None:
    said = {f"{one.kind}: {one.text}" for one in told(judged, "mail", "letter")}
    for pattern in ALLOWED:
        assert any(re.fullmatch(pattern, one) for one in said), pattern


def test_the_checker_sees_an_open_tag_and_a_misspelt_style(judged: dict[str, list[Message]]) -> None:
    tag, css = (judged[f"broken/{name}"] for name in ("tag", "css"))
    assert any("em" in one.text and one.kind == "error" and one.line == 1 for one in tag)
    assert any("colour" in one.text and one.kind == "error" and one.line == 2 for one in css)
    assert not any(is_allowed(one) for one in (*tag, *css))


def test_without_the_checker_it_says_not_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("none")
    monkeypatch.setenv("VNU_JAR", str(folder / "vnu.jar"))
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    monkeypatch.delenv("REQUIRE_VNU", raising=False)
    with pytest.raises(pytest.skip.Exception, match=r"not run: no Nu HTML checker here \(npm install"):
        judge(BROKEN, folder)
    monkeypatch.setenv("REQUIRE_VNU", "1")
    with pytest.raises(pytest.fail.Exception, match="no Nu HTML checker"):
        judge(BROKEN, folder)
