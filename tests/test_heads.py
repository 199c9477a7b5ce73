"""What stands above the mail of readers who chose some themes: subject, headline, preheader. It speaks of their sections only."""

import email
import email.policy
import json
import re
from dataclasses import replace
from email.message import EmailMessage
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from newsletter.editing.issue_file import read_issue, write_issue
from newsletter.errors import InputError
from newsletter.flows.approve import approval_state, approve_issue
from newsletter.flows.build import Rendered, render_issue
from newsletter.flows.check import check_issue
from newsletter.flows.freeze import choose_sections, show_card, write_variant
from newsletter.flows.preview import Preview
from newsletter.model import Head, SubscriberRow
from newsletter.rendering.inline import inline_css
from newsletter.store.database import Store
from newsletter.workspace.files import Workspace, issue_path
from newsletter.workspace.load import read_config
from tests.databases import NOW
from tests.sending import ISSUE, in_thread, make_desk
from tests.smtp_server import SmtpServer

# A word of each section's first title in the sample, which no other section has.
WORDS = {"caucasus": "Moscow", "eu-china": "Wang Yi", "us-china": "clock", "australia-china": "Canberra"}
TITLES = {"caucasus": "Caucasus", "eu-china": "EU–China", "us-china": "US–China", "australia-china": "Australia–China"}


@pytest.fixture
def workspace(tmp_path: Path, root: Path) -> Workspace:
    made = Workspace(tmp_path)
    for name in ("newsletter.toml", issue_path(ISSUE)):
        made.write(name, (root / name).read_bytes())
    return made


def render(workspace: Workspace) -> Rendered:
    return render_issue(workspace, read_config(workspace), ISSUE)


def add_lines(workspace: Workspace, *lines: str) -> None:
    """More lines into the front matter."""
    text = workspace.read(issue_path(ISSUE)).decode()
    workspace.write(issue_path(ISSUE), text.replace("\n---\n", "\n" + "\n".join(lines) + "\n---\n", 1))


def _body(message: EmailMessage, kind: str) -> object:
    body = message.get_body(preferencelist=(kind,))
    assert body is not None
    return body.get_content()


def head_of(mail: bytes) -> dict[str, str]:
    """What readers see above a mail, wherever it stands."""
    message = email.message_from_bytes(mail, policy=email.policy.default)
    text, html = (str(_body(message, kind)).replace("\r\n", "\n") for kind in ("plain", "html"))
    from lxml import html as lxml_html

    page: Any = lxml_html.document_fromstring(html.encode(), parser=lxml_html.HTMLParser(encoding="utf-8"))
    underlined = re.search(r"(?m)^((?:.+\n)+)=+$", text)
    assert underlined
    return {
        "subject": str(message["Subject"]),
        "title": page.findtext(".//title"),
        "headline": page.find(".//h1").text_content(),
        "label": page.find(".//div[@role='article']").get("aria-label"),
        "text": " ".join(underlined[1].split()),
        "preheader": page.find(".//div").text_content().rstrip("\u034f\u200c\xa0"),
    }


@pytest.mark.parametrize("count", [1, 2, 3])
def test_c64_a_reader_of_some_themes_reads_of_these_only(workspace: Workspace, count: int) -> None:
    rendered = render(workspace)
    for chosen in combinations(WORDS, count):
        found = head_of(write_variant(rendered, read_config(workspace), " ".join(chosen), NOW))
        assert {found[name] for name in ("title", "headline", "label", "text")} == {found["subject"]}
        for slug, word in WORDS.items():
            assert (TITLES[slug] in found["preheader"]) is (slug in chosen)
            if slug not in chosen:
                assert word not in found["subject"] + found["preheader"]
        assert WORDS[chosen[0]] in found["subject"]
        posts = sum(len(section.posts) for section in rendered.shown.sections if section.slug in chosen)
        assert found["preheader"].startswith(f"{posts} post{'s' if posts > 1 else ''} on ")


def test_the_whole_issue_has_the_head_that_was_written(workspace: Workspace) -> None:
    rendered = render(workspace)
    found = head_of(write_variant(rendered, read_config(workspace), "", NOW))
    assert found["subject"] == found["headline"] == rendered.issue.subject
    assert found["preheader"] == rendered.issue.preheader


def test_c64_the_editor_writes_each_head(workspace: Workspace) -> None:
    add_lines(
        workspace,
        'subject.caucasus: "Drifting <apart> & \\"so\\""',
        'preheader.caucasus: "One long story of Baku and Moscow, and what it is about."',
        'subject.us-china+eu-china: "Two capitals"',
    )
    rendered, config = render(workspace), read_config(workspace)
    alone = head_of(write_variant(rendered, config, "caucasus", NOW))
    assert {alone[name] for name in ("subject", "title", "headline", "label", "text")} == {'Drifting <apart> & "so"'}
    assert alone["preheader"] == "One long story of Baku and Moscow, and what it is about."
    both = head_of(write_variant(rendered, config, "eu-china us-china", NOW))
    assert both["subject"] == "Two capitals"
    assert both["preheader"].startswith("3 posts on EU–China and US–China.")
    # A section says the same beside another one.
    joined = head_of(write_variant(rendered, config, "caucasus us-china", NOW))
    assert joined["subject"] == 'Drifting <apart> & "so"; A “six-month” clock'
    assert "__READER_SUBJECT__" not in write_variant(rendered, config, "caucasus", NOW).decode()


def test_c64_an_issue_without_a_preheader_has_none_for_its_parts(workspace: Workspace) -> None:
    text = workspace.read(issue_path(ISSUE)).decode()
    workspace.write(issue_path(ISSUE), re.sub(r'preheader: ".*"', 'preheader: ""', text))
    assert head_of(write_variant(render(workspace), read_config(workspace), "caucasus", NOW))["preheader"] == ""


def test_a_line_of_a_section_that_is_not_there_is_reported(workspace: Workspace) -> None:
    add_lines(workspace, 'subject.caucasas: "Words"')
    [told] = [one for one in render(workspace).findings if one.rule == "issue"]
    assert told.where == f"{issue_path(ISSUE)}:7"
    assert (
        told.message
        == 'subject.caucasas: there is no section {#caucasas} in this issue; did you mean "caucasus"?; not used'
    )


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (['subject.eu-china+caucasus: "A"', 'subject.caucasus+eu-china: "B"'], ":8: subject.caucasus+eu-china: these"),
        (['subjekt.caucasus: "A"'], ":7: subjekt.caucasus: unknown key"),
        (['date.caucasus: "A"'], ":7: date.caucasus: unknown key"),
        (['subject.caucasus: ["A"]'], ":7: subject.caucasus: wants one value"),
    ],
)
def test_what_is_wrong_with_a_line_is_told_with_its_line(workspace: Workspace, lines: list[str], told: str) -> None:
    add_lines(workspace, *lines)
    with pytest.raises(InputError, match=re.escape(told)):
        render(workspace)


def test_c64_heads_are_read_back_as_they_were_written(workspace: Workspace) -> None:
    text = workspace.read(issue_path(ISSUE)).decode()
    assert write_issue(read_issue(text, "issue.md").issue) == text, "an issue of version 0.1 is read as before"
    add_lines(workspace, 'subject.caucasus: "A: b"', 'preheader.caucasus: "P"', 'subject.caucasus+us-china: "C"')
    text = workspace.read(issue_path(ISSUE)).decode()
    issue = read_issue(text, "issue.md").issue
    assert issue.heads == {
        frozenset({"caucasus"}): Head(subject="A: b", preheader="P"),
        frozenset({"caucasus", "us-china"}): Head(subject="C"),
    }
    assert write_issue(issue) == text


@pytest.mark.parametrize(
    "change",
    [
        ("### Moscow and Baku drift apart", "### Moscow and Baku drift"),
        ("\n---\n", '\nsubject.caucasus: "Other words"\n---\n'),
        ("\n---\n", '\npreheader.eu-china+us-china: "Other words"\n---\n'),
    ],
)
def test_c64_an_approval_covers_every_head(workspace: Workspace, change: tuple[str, str]) -> None:
    config = read_config(workspace)
    approve_issue(workspace, config, render(workspace), by="the editor", now=NOW)
    assert approval_state(workspace, config, render(workspace)).state == "good"
    text = workspace.read(issue_path(ISSUE)).decode()
    workspace.write(issue_path(ISSUE), text.replace(*change, 1))
    assert approval_state(workspace, config, render(workspace)).state == "changed"


def test_c64_words_that_heads_are_made_with_are_covered_too(workspace: Workspace) -> None:
    config = read_config(workspace)
    approve_issue(workspace, config, render(workspace), by="the editor", now=NOW)
    workspace.write("templates/phrases.toml", '[en]\nposts_on = "{count} pieces on {themes}."\n')
    assert approval_state(workspace, config, render(workspace)).state == "changed"


def test_c64_the_preview_shows_the_head_of_each_reader(workspace: Workspace) -> None:
    preview = Preview(workspace, ISSUE)
    preview.refresh()
    whole, part = preview.summary(), preview.summary(["caucasus"])
    assert (part["subject"], part["preheader"][:18]) == ("Moscow and Baku drift apart", "1 post on Caucasus")
    assert part["subject"] != whole["subject"]
    assert part["bytes"] < whole["bytes"]
    assert preview.shown
    assert "\r\nSubject: Moscow and Baku drift apart\r\n" in preview.shown.head_lines(["caucasus"])


def test_c64_what_is_written_above_a_part_is_checked(workspace: Workspace) -> None:
    def told() -> list[tuple[str, str, str]]:
        found = check_issue(workspace, read_config(workspace), render(workspace))
        return [(one.rule, one.level, one.message.partition(": ")[0]) for one in found]

    assert told() == []
    add_lines(workspace, 'subject.caucasus: "Re: TK"', 'preheader.caucasus: "Short"')
    assert set(told()) == {
        ("spam-reply", "error", "for readers of Caucasus"),
        ("H27", "warning", "for readers of Caucasus"),
        ("leftover", "warning", "'TK' was left over"),
    }


def test_c64_who_chose_a_theme_gets_its_subject_on_the_wire(tmp_path: Path, store: Store) -> None:
    desk: Any = make_desk(tmp_path, store, readers=0)
    for name, themes in (("all", ""), ("one", "caucasus"), ("two", "eu-china us-china")):
        desk.add(SubscriberRow(f"{name}@example.org", f"{name}@example.org", themes=themes))
    rendered = render_issue(desk.workspace, desk.config, ISSUE)
    card = show_card(rendered, desk.config, store, NOW)
    assert card.subjects["caucasus"] == "Moscow and Baku drift apart"
    with in_thread(SmtpServer()) as server:
        desk.port = server.port
        desk.send()
    found = {mail.recipient.partition("@")[0]: head_of(mail.data)["subject"] for mail in server.mails}
    assert found == {
        "all": rendered.issue.subject,
        "one": "Moscow and Baku drift apart",
        "two": "Wang Yi in Brussels; A “six-month” clock",
    }


def test_c64_all_themes_without_what_is_unsorted_is_a_part_too(workspace: Workspace) -> None:
    text = workspace.read(issue_path(ISSUE)).decode()
    workspace.write(issue_path(ISSUE), text + "\n## More this week {#unsorted}\n\n### A stray story\n\nWords.\n")
    rendered = render(workspace)
    chosen = choose_sections(rendered)(" ".join(WORDS))
    assert chosen == " ".join(WORDS)
    found = head_of(write_variant(rendered, read_config(workspace), chosen, NOW))
    assert found["preheader"].startswith("5 posts on Caucasus")
    assert "stray" not in found["subject"]


def test_a_section_without_posts_has_no_part_in_a_head(workspace: Workspace) -> None:
    rendered = render(workspace)
    sections = tuple(
        replace(section, posts=()) if section.slug == "caucasus" else section for section in rendered.issue.sections
    )
    empty = replace(rendered, issue=replace(rendered.issue, sections=sections))
    assert empty.head(["caucasus", "eu-china"]) == empty.head(["eu-china"])


@pytest.mark.parametrize(
    ("template", "written", "told"),
    [
        ("html", "{{ issue.subject|upper }}", "SUBJECT OF CAUCASUS"),
        ("html", "{{ issue.subject|truncate(9, true, '~', 0) }}", "Subject ~"),
        ("html", "{{ issue.subject|replace('Subject', 'Words') }}", "Words of Caucasus"),
        ("html", "{{ issue.subject|length }} letters", "19 letters"),
        ("txt", "{{ issue.subject|lower|underline('=') }}", "subject of caucasus\n==================="),
    ],
)
def test_c64_templates_of_0_1_may_do_what_they_like_with_the_subject(
    workspace: Workspace, root: Path, template: str, written: str, told: str
) -> None:
    """No mail shows the mark that stands for a subject, and no filter is lost."""
    name = f"templates/email/issue.{template}.j2"
    usual = '{{ issue.subject|underline("=") }}' if template == "txt" else "{{ issue.subject }}"
    text = (root / name).read_text(encoding="utf-8")
    assert usual in text
    workspace.write(name, text.replace(usual, written, 1))
    add_lines(workspace, 'subject.caucasus: "Subject of Caucasus"')
    rendered = render(workspace)
    chosen = rendered.bodies(("caucasus",))
    assert told in chosen[template == "txt"]
    for part in (*chosen, *rendered.bodies()):
        assert "reader_subject" not in part.lower()
        assert "__reader_p" not in part.lower()


def test_the_packaged_templates_are_inlined_once_for_all_readers(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages: list[str] = []

    def inline(html: str) -> str:
        pages.append(html)
        return inline_css(html)

    monkeypatch.setattr("newsletter.rendering.email.inline_css", inline)
    long = "A subject that is too long for one line of the text part & has a 'quote', \"more\" & <more>, and no end"
    add_lines(workspace, f"subject.caucasus: {json.dumps(long)}")
    rendered = render(workspace)
    assert "&amp; &lt;more&gt;, and no end" in rendered.bodies(("caucasus",))[0]
    rendered.bodies(("us-china",))
    assert len(pages) == 1
