"""`newsletter approve` and what `newsletter send` says when something was changed after it."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Call

SLUG = "2025-07-07-weekly"


@pytest.fixture
def desk(call: Call, sample: Path) -> Path:
    call("subscribers", "add", "a@example.org", "--consent", "x")
    call("draft", "--date", "2025-07-07")
    assert call("approve", SLUG, "--by", "the editor").code == 0
    return sample


def edit(folder: Path, old: str, new: str, path: str = f"issues/{SLUG}/issue.md") -> None:
    text = (folder / path).read_text(encoding="utf-8")
    assert old in text
    (folder / path).write_text(text.replace(old, new, 1), encoding="utf-8")


def test_send_refuses_a_changed_issue_and_shows_what_changed(call: Call, desk: Path) -> None:
    edit(desk, "- Concerts, exhibitions and", "- Exhibitions and")
    edit(desk, 'schedule = "mon 07:00"', 'schedule = "mon 07:00"\nlocal_time = true', "newsletter.toml")
    done = call("send", SLUG, "--yes")
    lines = done.err.splitlines()
    assert done.code == 2
    assert lines[0] == f"{SLUG} was changed after it was approved: issue.md, audience (local_time)  [NL097]"
    assert "-- Concerts, exhibitions and every other event with Russian state partners are off." in lines
    assert "+- Exhibitions and every other event with Russian state partners are off." in lines
    assert "local_time: false → true" in lines
    assert lines[-1].startswith("help: ")
    assert lines[-1].endswith(f"newsletter approve {SLUG}")
    assert call("status", "--json").json["issues"] == []


def test_the_diff_is_a_field_of_the_json(call: Call, desk: Path) -> None:
    edit(desk, "- Concerts, exhibitions and", "- Exhibitions and")
    done = call("send", SLUG, "--yes", "--json")
    error = done.json["error"]
    assert (done.code, error["code"]) == (2, "NL097")
    assert "+- Exhibitions and every other event" in error["diff"]
    assert "\n" not in error["message"]
    assert done.err == ""


def test_of_a_long_diff_forty_lines_are_shown_and_the_rest_is_counted(call: Call, desk: Path) -> None:
    edit(desk, "- Concerts", "".join(f"- Line {number}\n" for number in range(100)) + "- Concerts")
    lines = call("send", SLUG, "--yes").err.splitlines()
    assert sum(line.startswith("+- Line") for line in lines) < 40
    rest = next(line for line in lines if line.startswith("… and "))
    assert lines.index(rest) == 42
    whole = call("approve", SLUG, "--diff").out.splitlines()
    assert sum(line.startswith("+- Line") for line in whole) == 100
    assert int(rest.split()[2]) == len(whole) - 1 - 40


def test_diff_shows_without_approving(call: Call, desk: Path) -> None:
    approval = desk / f"issues/{SLUG}/approval.json"
    good = call("approve", SLUG, "--diff")
    assert (good.code, good.out) == (0, "")
    assert "is as it was approved (by the editor, " in good.err
    edit(desk, "- Concerts, exhibitions and", "- Exhibitions and")
    before = approval.read_bytes()
    done = call("approve", SLUG, "--diff")
    assert done.code == 4
    assert done.out.startswith("issue.md:\n@@ -")
    assert "\n+- Exhibitions and every" in done.out
    document = call("approve", SLUG, "--diff", "--json").json
    assert (document["state"], document["by"]) == ("changed", "the editor")
    assert [one["part"] for one in document["changes"]] == ["issue.md"]
    assert "+- Exhibitions and every" in document["changes"][0]["diff"]
    assert approval.read_bytes() == before


def test_diff_without_an_approval_has_nothing_to_compare(call: Call, desk: Path) -> None:
    (desk / f"issues/{SLUG}/approval.json").unlink()
    done = call("approve", SLUG, "--diff")
    assert done.code == 6
    assert "is not approved" in done.err


def test_diff_of_an_old_approval_says_that_it_is_not_known(call: Call, desk: Path) -> None:
    path = desk / f"issues/{SLUG}/approval.json"
    document = json.loads(path.read_text())
    del document["approved"]
    path.write_text(json.dumps(document))
    done = call("approve", SLUG, "--diff")
    assert (done.code, done.out) == (4, "")
    assert "what has changed is not known" in done.err


def test_what_is_shown_cannot_steer_the_terminal(call: Call, desk: Path) -> None:
    """Attack: an issue or an approval with escape sequences would be shown to whoever looks at the change."""
    edit(desk, "- Concerts, exhibitions and", "- \x1b[2J\u202eExhibitions\u2028\x9b and\t")
    for done in (call("send", SLUG, "--yes"), call("approve", SLUG, "--diff")):
        text = done.out + done.err
        assert "Exhibitions" in text
        assert all(character.isprintable() or character == "\n" for character in text)


def test_colours_are_those_of_a_diff(call: Call, desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    edit(desk, "- Concerts, exhibitions and", "- Exhibitions and")
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("FORCE_COLOR", "1")
    lines = call("approve", SLUG, "--diff").out.splitlines()
    assert "\x1b[31m-- Concerts, exhibitions and every other event with Russian state partners are off.\x1b[0m" in lines
    assert "\x1b[32m+- Exhibitions and every other event with Russian state partners are off.\x1b[0m" in lines
    assert lines[0] == "issue.md:"


def test_approving_again_lets_it_go(call: Call, desk: Path) -> None:
    edit(desk, "- Concerts, exhibitions and", "- Exhibitions and")
    assert call("approve", SLUG).code == 0
    assert call("approve", SLUG, "--diff").code == 0
    # Past the approval: without a terminal it wants --yes.
    assert "--yes" in call("send", SLUG).err
