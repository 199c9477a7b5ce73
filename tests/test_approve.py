"""An approval holds for the bytes that were looked at, and shows what is not as it was."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import newsletter.flows.approval_record
import newsletter.flows.build
import newsletter.workspace.templates
from newsletter import __version__
from newsletter.config import Config
from newsletter.errors import InputError, UsageError
from newsletter.flows.approval_record import TEXT_LIMIT
from newsletter.flows.approve import (
    Approval,
    ApprovalStatus,
    approval_path,
    approval_state,
    approve_issue,
    check_approval,
    content_hash,
    read_approval,
)
from newsletter.flows.build import render_issue
from newsletter.rendering.email import Mail, render_mail
from newsletter.resources import resource
from newsletter.workspace.files import Workspace
from newsletter.workspace.load import read_config

ROOT = Path(__file__).resolve().parent.parent
SLUG = "2025-07-07-weekly"
NOW = datetime(2025, 7, 6, 8, tzinfo=UTC)
POST = "templates/email/post.html.j2"


class Desk:
    """The sample workspace with its issue."""

    def __init__(self, folder: Path) -> None:
        shutil.copy(ROOT / "newsletter.toml", folder)
        shutil.copytree(ROOT / "issues", folder / "issues")
        self.workspace = Workspace(folder)
        self.config: Config = read_config(self.workspace)

    @property
    def file(self) -> Path:
        return self.workspace.root / approval_path(SLUG)

    def approve(self) -> Approval:
        return approve_issue(
            self.workspace, self.config, render_issue(self.workspace, self.config, SLUG), by="the editor", now=NOW
        )

    def standing(self) -> ApprovalStatus:
        return approval_state(self.workspace, self.config, render_issue(self.workspace, self.config, SLUG))

    def check(self) -> None:
        check_approval(self.workspace, self.config, render_issue(self.workspace, self.config, SLUG))

    def edit(self, old: str, new: str, path: str = f"issues/{SLUG}/issue.md") -> None:
        text = self.workspace.read(path).decode()
        assert old in text
        self.workspace.write(path, text.replace(old, new, 1))

    def publication(self, **values: Any) -> None:
        self.config = replace(self.config, publication=replace(self.config.publication, **values))

    def edition(self, **values: Any) -> None:
        self.config = replace(self.config, editions=(replace(self.config.editions[0], **values),))

    def rewrite(self, change: Callable[[dict[str, Any]], object]) -> None:
        """Edit approval.json by hand."""
        document = json.loads(self.file.read_text())
        change(document)
        self.file.write_text(json.dumps(document))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def shown(standing: ApprovalStatus) -> dict[str, str]:
    """Part → its lines."""
    assert standing.state == "changed"
    return {one.part: "\n".join(one.lines) for one in standing.changes}


# --- the file ---------------------------------------------------------------------------------------------------------


def test_it_says_who_when_and_what_was_looked_at(desk: Desk) -> None:
    desk.approve()
    document = json.loads(desk.file.read_text())
    assert (document["issue"], document["by"], document["at"]) == (SLUG, "the editor", "2025-07-06T08:00:00Z")
    approved = document["approved"]
    issue = (desk.workspace.root / f"issues/{SLUG}/issue.md").read_text()
    assert "\n".join(approved["issue"]["lines"]) == issue
    assert approved["audience"]["themes"] == list(desk.config.editions[0].themes)
    assert approved["templates"][POST].keys() == {"sha256", "packaged"}
    assert "Moscow and Baku drift apart" in approved["text"]["lines"]
    assert desk.standing().state == "good"


def test_approving_the_same_at_the_same_moment_gives_the_same_bytes(desk: Desk) -> None:
    desk.approve()
    first = desk.file.read_bytes()
    desk.approve()
    assert desk.file.read_bytes() == first


def test_what_is_read_back_is_what_was_written(desk: Desk) -> None:
    written = desk.approve()
    assert read_approval(desk.workspace, SLUG) == written


def test_a_line_of_the_issue_is_a_line_of_the_file_for_git(desk: Desk) -> None:
    desk.approve()
    before = desk.file.read_text().splitlines()
    desk.edit("- Concerts, exhibitions and", "- Exhibitions and")
    desk.approve()
    after = desk.file.read_text().splitlines()
    # The line itself, its line in the rendered text, and the three hashes.
    assert len(set(after) - set(before)) <= 6


def test_every_template_of_the_mail_is_in_it_and_no_other(desk: Desk) -> None:
    desk.workspace.write("templates/email/mine.html.j2", "Mine.\n")
    packed = (ROOT / POST).read_text()
    extra = '{% include "email/mine.html.j2" %}{% include "email/none.html.j2" ignore missing %}'
    desk.workspace.write(
        POST, packed.replace("{% macro show_post(post, phrases) %}", "{% macro show_post(post, phrases) %}" + extra)
    )
    approved = desk.approve().approved
    assert approved
    names = {name.removeprefix("templates/") for name in approved.templates}
    assert names == {
        "email/issue.html.j2", "email/issue.txt.j2", "email/layout.html.j2", "email/post.html.j2",
        "email/theme.css", "email/client.css", "email/mine.html.j2", "phrases.toml",
    }  # fmt: skip
    own = {name.removeprefix("templates/") for name, kept in approved.templates.items() if not kept.packaged}
    assert own == {"email/post.html.j2", "email/mine.html.j2"}


def test_it_holds_no_secret_and_no_address_that_is_not_mailed(desk: Desk) -> None:
    desk.publication(editor="private@example.org")
    desk.config = replace(desk.config, smtp=replace(desk.config.smtp, password="hunter22", username="deskuser"))
    desk.approve()
    text = desk.file.read_text()
    assert "private@" not in text
    assert "hunter22" not in text
    assert "deskuser" not in text


def test_texts_that_are_too_long_are_kept_as_their_hash(desk: Desk) -> None:
    """Attack: a template of megabytes would make every approval one of megabytes, for ever in git."""
    packed = (ROOT / POST).read_text()
    desk.workspace.write(POST, "{# " + "x" * TEXT_LIMIT + " #}\n" + packed)
    desk.approve()
    assert desk.file.stat().st_size < TEXT_LIMIT
    desk.edit('class="quiet"', 'class="loud"', POST)
    assert shown(desk.standing()) == {POST: "it has changed; how it was is not kept"}


# --- what has changed ---------------------------------------------------------------------------------------------------


def test_a_change_of_the_text_is_shown_by_its_lines(desk: Desk) -> None:
    desk.approve()
    desk.edit("- Concerts, exhibitions and", "- Exhibitions and")
    standing = desk.standing()
    assert str(standing) == "was changed after it was approved: issue.md"
    lines = shown(standing)["issue.md"].splitlines()
    assert "-- Concerts, exhibitions and every other event with Russian state partners are off." in lines
    assert "+- Exhibitions and every other event with Russian state partners are off." in lines


def test_a_template_of_ones_own_is_compared_with_the_packaged_one_that_it_replaces(desk: Desk) -> None:
    desk.approve()
    packed = (ROOT / POST).read_text()
    desk.workspace.write(POST, packed.replace('class="source"', 'class="origin"'))
    lines = shown(desk.standing())[POST].splitlines()
    assert [line[0] for line in lines if 'class="origin"' in line or 'class="source"' in line] == ["-", "+"]
    desk.approve()
    (desk.workspace.root / POST).unlink()
    lines = shown(desk.standing())[POST].splitlines()
    assert [line[0] for line in lines if 'class="origin"' in line or 'class="source"' in line] == ["-", "+"]


def test_a_copy_of_a_packaged_template_is_no_change(desk: Desk) -> None:
    desk.approve()
    desk.workspace.write(POST, (ROOT / POST).read_bytes())
    desk.edit("Moscow and Baku drift", "Moscow and Baku glide")
    assert shown(desk.standing()).keys() == {"issue.md"}


def test_a_template_that_joins_or_leaves_is_named(desk: Desk) -> None:
    packed = (ROOT / POST).read_text()
    mine = "templates/email/mine.html.j2"
    desk.workspace.write(mine, "<p>Mine.</p>\n")
    desk.approve()
    macro = "{% macro show_post(post, phrases) %}"
    desk.workspace.write(POST, packed.replace(macro, macro + '{% include "email/mine.html.j2" %}'))
    assert shown(desk.standing())[mine] == "it was not used then"
    desk.approve()
    (desk.workspace.root / POST).unlink()
    assert shown(desk.standing())[mine] == "it is not used any more"


def test_ones_own_words_are_compared_too(desk: Desk) -> None:
    desk.approve()
    desk.workspace.write("templates/phrases.toml", '[en]\nunsubscribe = "Leave us"\n')
    assert '+unsubscribe = "Leave us"' in shown(desk.standing())["templates/phrases.toml"].splitlines()


def newer_program(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the program had been brought up to date: another theme.css in it, another version."""
    packed = folder / "packed"
    shutil.copytree(resource("templates"), packed / "templates")
    sheet = packed / "templates/email/theme.css"
    sheet.write_text(sheet.read_text() + "\n.masthead { color: #123456; }\n")
    monkeypatch.setattr(
        newsletter.workspace.templates,
        "resource",
        lambda name: packed / name if name.startswith("templates") else resource(name),
    )
    monkeypatch.setattr(newsletter.flows.approval_record, "__version__", "9.1.0")


def test_a_packaged_template_is_named_with_both_versions(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.approve()
    then = __version__
    newer_program(tmp_path, monkeypatch)
    assert shown(desk.standing()) == {
        "templates/email/theme.css": f"the packaged template email/theme.css has changed (newsletter {then} then, 9.1.0 now)"
    }


def test_a_template_of_ones_own_that_replaces_one_of_an_older_program_has_nothing_to_compare_with(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.approve()
    newer_program(tmp_path, monkeypatch)
    desk.workspace.write("templates/email/theme.css", ".masthead { color: #654321; }\n")
    assert shown(desk.standing()) == {"templates/email/theme.css": "it has changed; how it was is not kept"}


def test_the_audience_is_shown_as_old_and_new(desk: Desk) -> None:
    desk.approve()
    desk.edition(themes=desk.config.editions[0].themes[:2], local_time=True)
    standing = desk.standing()
    assert str(standing) == "was changed after it was approved: audience (themes, local_time)"
    assert shown(standing)["audience"].splitlines() == [
        "themes: caucasus, eu-china, us-china, australia-china → caucasus, eu-china",
        "local_time: false → true",
    ]


@pytest.mark.parametrize(
    ("where", "name", "value", "line"),
    [
        ("publication", "postal_address", "", 'postal_address: Borderlines, 1 Example Street, 10115 Berlin → ""'),
        (
            "publication",
            "sender",
            "B <b@borderlines.example>",
            "sender: Borderlines <desk@borderlines.example> → B <b@",
        ),
        ("publication", "reason", "One\ntwo", 'reason: "" → One\\ntwo'),
        ("publication", "timezone", "UTC", "timezone: Europe/Berlin → UTC"),
        ("publication", "reason", "why " * 100, "…"),
        ("editions", "title", "Borders", "title: Borderlines Weekly → Borders"),
        ("editions", "schedule", "mon 08:00", "schedule: mon 07:00 → mon 08:00"),
    ],
    ids=["gone", "sender", "lines", "zone", "long", "title", "schedule"],
)
def test_a_setting_is_shown_as_old_and_new(desk: Desk, where: str, name: str, value: str, line: str) -> None:
    desk.approve()
    (desk.publication if where == "publication" else desk.edition)(**{name: value})
    standing = desk.standing()
    assert str(standing).endswith(f"settings ({where}.{name})")
    assert shown(standing).keys() == {"settings"}
    assert line in shown(standing)["settings"]
    assert "\n" not in shown(standing)["settings"]
    assert len(shown(standing)["settings"]) < 300


def changed_rendering(monkeypatch: pytest.MonkeyPatch, change: Callable[[Mail], Mail]) -> None:
    """As if a library rendered otherwise than before."""
    monkeypatch.setattr(newsletter.flows.build, "render_mail", lambda *a, **k: change(render_mail(*a, **k)))


def test_what_nothing_explains_is_shown_in_the_mails_text(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.approve()
    changed_rendering(monkeypatch, lambda mail: replace(mail, text=mail.text.replace("Wang Yi saw", "Wang Yi met")))
    lines = shown(desk.standing())["the mail's text"]
    assert "-China’s foreign minister Wang Yi saw" in lines
    assert "+China’s foreign minister Wang Yi met" in lines


def test_what_not_even_the_text_shows_is_told(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.approve()
    changed_rendering(monkeypatch, lambda mail: replace(mail, html=mail.html.replace("<h1", '<h1 id="x"')))
    assert "another version of a library" in shown(desk.standing())["the mail"]
    then = __version__
    monkeypatch.setattr(newsletter.flows.approval_record, "__version__", "9.1.0")
    assert f"(newsletter {then} then, 9.1.0 now)" in shown(desk.standing())["the mail"]


def test_a_newer_program_that_writes_the_same_mail_changes_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.approve()
    monkeypatch.setattr(newsletter.flows.approval_record, "__version__", "9.1.0")
    assert desk.standing().state == "good"


def test_what_no_reader_sees_does_not_take_the_approval_away(desk: Desk) -> None:
    desk.approve()
    desk.publication(editor="other@example.org")
    desk.edition(undo="5m", late="ask")
    desk.workspace.write("templates/web/site.css", "p { color: #000000; }\n")
    assert desk.standing() == ApprovalStatus("good", read_approval(desk.workspace, SLUG))


def test_many_parts_are_counted(desk: Desk) -> None:
    desk.approve()
    for name in ("issue.html.j2", "issue.txt.j2", "layout.html.j2", "post.html.j2", "theme.css", "client.css"):
        path = f"templates/email/{name}"
        text = (ROOT / path).read_text()
        desk.workspace.write(path, text + ("\n.x { color: #000000 !important; }\n" if name.endswith("css") else "\n\n"))
    desk.edit("Moscow and Baku drift", "Moscow and Baku glide")
    assert str(desk.standing()).endswith(" and 2 more")


# --- approvals that were not written by this program --------------------------------------------------------------------


def old_approval(desk: Desk) -> None:
    """As versions before wrote it: four keys, and a hash that does not speak of local_time."""
    rendered = render_issue(desk.workspace, desk.config, SLUG)
    whole = content_hash(rendered, desk.config, rule=1)
    document = {"issue": SLUG, "by": "the editor", "at": "2025-07-06T08:00:00Z", "sha256": whole}
    desk.workspace.write(approval_path(SLUG), json.dumps(document, indent=1) + "\n")


def test_an_approval_of_four_keys_still_holds(desk: Desk) -> None:
    old_approval(desk)
    assert desk.standing().state == "good"
    desk.check()
    desk.edit("Moscow and Baku drift", "Moscow and Baku glide")
    standing = desk.standing()
    assert (standing.state, standing.changes) == ("changed", ())
    with pytest.raises(UsageError, match="was changed after it was approved") as told:
        desk.check()
    assert told.value.mistakes[0].diff is None
    assert "--diff" not in (told.value.mistakes[0].help or "")


def test_the_hash_of_four_keys_is_the_one_that_was_written_before(desk: Desk) -> None:
    """The rule by which they were made, word for word: a change of it would take all of them away."""
    import hashlib

    from newsletter.calendar import publication_moment
    from newsletter.flows.freeze import write_variant
    from newsletter.store.issues import ALL

    rendered = render_issue(desk.workspace, desk.config, SLUG)
    moment = publication_moment(rendered.edition, rendered.issue.date, desk.config.zone)
    rule = json.dumps({"edition": "weekly", "themes": ["caucasus", "eu-china", "us-china", "australia-china"]})
    whole = hashlib.sha256(rule.encode())
    for part in (write_variant(rendered, desk.config, ALL, moment), *(one.encode() for one in rendered.mail.marked)):
        whole.update(hashlib.sha256(part).digest())
    assert content_hash(rendered, desk.config, rule=1) == whole.hexdigest()


def test_an_approval_of_version_0_1_still_holds_and_shows_what_has_changed(desk: Desk) -> None:
    """Its rule listed three keys by hand; it is compared by that rule."""
    import hashlib

    from newsletter.calendar import publication_moment
    from newsletter.flows.freeze import write_variant
    from newsletter.store.issues import ALL

    desk.approve()
    rendered = render_issue(desk.workspace, desk.config, SLUG)
    edition = desk.config.editions[0]
    moment = publication_moment(edition, rendered.issue.date, desk.config.zone)
    audience = {"edition": "weekly", "themes": list(edition.themes), "local_time": False}
    whole = hashlib.sha256(json.dumps(audience).encode())
    for part in (write_variant(rendered, desk.config, ALL, moment), *(one.encode() for one in rendered.mail.marked)):
        whole.update(hashlib.sha256(part).digest())

    def age(document: dict[str, Any]) -> None:
        del document["rule"]
        document["sha256"] = whole.hexdigest()
        document["approved"]["audience"] = audience
        document["approved"]["settings"] = {"publication.title": "Borderlines", "editions.title": edition.title}

    desk.rewrite(age)
    assert desk.standing().state == "good"
    desk.edition(local_time=True, title="Borders")
    assert str(desk.standing()).endswith("audience (local_time), settings (editions.title)")


def test_an_approval_edited_to_match_the_new_text_still_fails(desk: Desk) -> None:
    """Attack: who changes the text also changes what the approval says was approved. The hash is of the octets."""
    desk.approve()
    desk.edit("Moscow and Baku drift", "Moscow and Baku glide")
    now = newsletter.flows.approval_record.look_at_issue(
        desk.workspace, desk.config, render_issue(desk.workspace, desk.config, SLUG)
    )

    def match(document: dict[str, Any]) -> None:
        for name in ("issue", "text"):
            kept = getattr(now, name)
            document["approved"][name] = {"sha256": kept.sha256, "lines": list(kept.lines)}

    desk.rewrite(match)
    standing = desk.standing()
    assert standing.state == "changed"
    assert "a hand in approval.json" in shown(standing)["the mail"]
    desk.rewrite(lambda document: document["approved"]["issue"].update(sha256="0" * 64))
    assert "other words than those" in shown(desk.standing())["issue.md"]
    with pytest.raises(UsageError):
        desk.check()


def test_an_approval_without_what_it_looked_at_does_not_become_an_old_one(desk: Desk) -> None:
    """Attack: taking `approved` out of the file must not make the hash one of fewer things."""
    desk.approve()
    desk.rewrite(lambda document: document.pop("approved"))
    assert desk.standing().state == "changed"


@pytest.mark.parametrize("rule", [None, 1, 2, 4])
def test_an_approval_of_this_rule_does_not_become_one_of_another(desk: Desk, rule: int | None) -> None:
    """Attack: a rule that covers less."""
    desk.approve()
    desk.rewrite(lambda document: document.update(rule=rule) if rule else document.pop("rule"))
    assert desk.standing().state == "changed"


def test_an_approval_of_another_issue_does_not_hold(desk: Desk) -> None:
    desk.approve()
    other = "2025-07-14-weekly"
    text = (desk.workspace.root / f"issues/{SLUG}/issue.md").read_text()
    text = text.replace(SLUG, other).replace("date: 2025-07-07", "date: 2025-07-14")
    desk.workspace.write(f"issues/{other}/issue.md", text)
    desk.workspace.write(approval_path(other), desk.file.read_bytes())
    assert (
        approval_state(desk.workspace, desk.config, render_issue(desk.workspace, desk.config, other)).state == "changed"
    )


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b"[]", b"null", b"\xff\xfe", b"<<<<<<< HEAD\n", b"[" * 100_000, b'{"issue": 1, "by": 2, "at": 3, "sha256": 4}'],
    ids=["empty", "no keys", "list", "null", "no text", "merge", "deep", "numbers"],
)  # fmt: skip
def test_a_file_that_is_no_approval_is_told(desk: Desk, data: bytes) -> None:
    desk.workspace.write(approval_path(SLUG), data)
    with pytest.raises(InputError, match="is no approval") as told:
        desk.check()
    assert told.value.mistakes[0].code == "NL097"


def test_keys_of_a_newer_program_are_no_mistake(desk: Desk) -> None:
    desk.approve()

    def add(document: dict[str, Any]) -> None:
        document["mood"] = "good"
        document["approved"]["settings"]["publication.motto"] = "New"
        del document["approved"]["settings"]["publication.description"]

    desk.rewrite(add)
    assert desk.standing().state == "good"
    desk.edit("Moscow and Baku drift", "Moscow and Baku glide")
    assert shown(desk.standing()).keys() == {"issue.md"}


def test_a_name_in_the_file_leads_nowhere(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Attack: a packaged template named ../../etc/passwd would be read and shown; a line break would begin a header."""
    desk.approve()
    names = ["templates/../../../../etc/passwd", "/dev/zero", "templates/a\r\nBcc: x@example.org\x1b[2J", "t" * 10_000]

    def add(document: dict[str, Any]) -> None:
        document["approved"]["templates"] |= {name: {"sha256": "0" * 64, "packaged": True} for name in names}

    desk.rewrite(add)
    desk.edit("Moscow and Baku drift", "Moscow and Baku glide")
    asked: list[str] = []

    def packaged(name: str) -> str | None:
        asked.append(name)
        return newsletter.workspace.templates.packaged_template(name)

    monkeypatch.setattr(newsletter.flows.approval_record, "packaged_template", packaged)
    desk.workspace.write(POST, "{# mine #}" + (ROOT / POST).read_text())
    standing = desk.standing()
    assert len(standing.changes) == 6
    assert POST in asked
    assert not set(asked) & set(names)
    assert all(one.part.isprintable() and len(one.part) <= 100 for one in standing.changes)
