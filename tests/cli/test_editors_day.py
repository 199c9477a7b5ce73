"""What an editor meets in a week of work: the next issue, a file deleted by accident, notes, words, mistakes in the settings."""

import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from time_machine import TimeMachineFixture

from newsletter.calendar import next_day, skipped_by, slots_from
from newsletter.model import Edition
from tests.cli.conftest import Call, Called

DAY = ("--date", "2025-07-07")
SLUG = "2025-07-07-weekly"
ISSUE = f"issues/{SLUG}/issue.md"
BERLIN = ZoneInfo("Europe/Berlin")


# --- C55: which issue `draft` makes -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "day"),
    [
        ("2025-07-06 22:30 +0000", "2025-07-07"),  # Monday already in Berlin, and the slot is still to come
        ("2025-07-07 04:59 +0000", "2025-07-07"),
        ("2025-07-07 05:00 +0000", "2025-07-14"),
        ("2025-07-07 19:38 +0000", "2025-07-14"),  # 21:38 in Berlin
        ("2025-07-07 21:59 +0000", "2025-07-14"),
        ("2025-07-08 10:00 +0000", "2025-07-14"),
    ],
)
def test_c55_draft_makes_the_issue_of_the_next_slot_to_come(
    call: Call, sample: Path, time_machine: TimeMachineFixture, now: str, day: str
) -> None:
    time_machine.move_to(now)
    assert call("draft", "--json").json["issue"] == f"{day}-weekly"


def test_c55_build_that_drafts_first_takes_the_next_slot_too(
    call: Call, sample: Path, time_machine: TimeMachineFixture
) -> None:
    time_machine.move_to("2025-07-07 19:38 +0000")
    assert call("build", "--json").json["issue"] == "2025-07-14-weekly"


EDITIONS = st.builds(
    Edition,
    slug=st.just("weekly"),
    title=st.just("Weekly"),
    themes=st.just(()),
    schedule=st.sampled_from(["mon 07:00", "mon,thu 18:30", "sun 02:30", "tue,wed,fri 00:00"]),
    undo=st.sampled_from(["", "5m", "2h"]),
    local_time=st.booleans(),
    skip=st.sampled_from([(), ("2026-12-28",), ("2026-12-01/2027-01-15",), ("2026-03-01/2026-03-31", "2026-10-26")]),
)


@given(EDITIONS, st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC)))
def test_c55_the_day_of_a_draft_is_that_of_the_first_slot_that_can_still_be_changed(edition: Edition, now: datetime) -> None:  # fmt: skip
    day = next_day(edition, now, BERLIN)
    slots = list(slots_from(edition, now.astimezone(BERLIN).date() - timedelta(days=3), BERLIN))
    (mine,) = (slot for slot in slots if slot.day == day)
    assert mine.freezes_at > now
    assert not skipped_by(edition, day)
    assert not [
        slot for slot in slots if slot.day < day and slot.freezes_at > now and not skipped_by(edition, slot.day)
    ]


def test_c55_a_day_of_no_issue_is_no_next_slot() -> None:
    edition = Edition(slug="weekly", title="W", themes=(), schedule="mon 07:00", skip=("2026-12-28",))
    assert next_day(edition, datetime(2026, 12, 27, tzinfo=UTC), BERLIN).isoformat() == "2027-01-04"


# --- C58: an issue.md that was deleted by accident --------------------------------------------------------------------


@pytest.fixture
def built(call: Call, sample: Path) -> Path:
    """An issue that the editor has changed and built; then it is deleted."""
    call("draft", *DAY)
    path = sample / ISSUE
    path.write_text(path.read_text().replace("Moscow", "Moskau"))
    assert call("build", SLUG).code == 0
    path.unlink()
    return sample


@pytest.mark.parametrize(
    "words",
    [
        ("build",),
        ("build", *DAY),
        ("build", SLUG),
        ("check", SLUG),
        ("send", SLUG, "--yes"),
        ("send", SLUG, "--dry-run"),
        ("approve", SLUG, "--by", "me"),
        ("send", SLUG, "--to", "a@example.org"),
    ],
    ids=" ".join,
)
def test_c58_an_issue_that_is_gone_is_missed_and_its_last_text_offered(
    call: Call, built: Path, words: tuple[str, ...]
) -> None:
    call("subscribers", "add", "a@example.org", "--consent", "x")
    called = call(*words)
    assert called.code == 3
    assert called.err.startswith(f"{ISSUE}: stood here and is gone")
    assert not (built / ISSUE).exists()
    offered = re.search(r"cp (\S+) (\S+);", called.err)
    assert offered
    shutil.copy(built / offered[1], built / offered[2])
    assert "Moskau" in (built / ISSUE).read_text()
    assert call("build").code == 0


def test_c58_an_older_issue_is_not_built_in_the_place_of_one_that_is_gone(call: Call, built: Path) -> None:
    older = built / "issues/2025-06-30-weekly"
    older.mkdir()
    kept = (built / f".newsletter/texts/{SLUG}.md").read_text()
    (older / "issue.md").write_text(kept.replace("2025-07-07", "2025-06-30"))
    called = call("build")
    assert (called.code, ISSUE in called.err) == (3, True)


def test_c58_draft_makes_a_new_one_when_it_is_told_to_and_keeps_the_last_text(call: Call, built: Path) -> None:
    called = call("draft", *DAY)
    assert called.code == 0
    kept = f".newsletter/texts/{SLUG}.before.md"
    assert f"note: {ISSUE}: one stood here before and was gone; its last text is kept: {kept}" in called.err
    assert "Moskau" in (built / kept).read_text()
    assert "Moskau" not in (built / ISSUE).read_text()
    assert call("build").code == 0


def test_c58_a_whole_folder_that_was_taken_away_is_drafted_anew_and_that_is_said(call: Call, built: Path) -> None:
    shutil.rmtree(built / "issues")
    called = call("build", *DAY)
    assert called.code == 0
    assert f"its last text is kept: .newsletter/texts/{SLUG}.before.md" in called.err
    assert "Moskau" in (built / f".newsletter/texts/{SLUG}.before.md").read_text()


def test_c58_the_text_that_the_desk_wrote_last_is_the_one_that_is_offered(call: Call, sample: Path) -> None:
    from newsletter.flows.desk import Desk, Edit, hash_of
    from newsletter.workspace.files import Workspace

    call("draft", *DAY)
    desk = Desk(Workspace(sample), SLUG)
    data = (sample / ISSUE).read_bytes()
    desk.edit(Edit(do="subject", value="Written at the desk", sha=hash_of(data)))
    (sample / ISSUE).unlink()
    offered = re.search(r"cp (\S+) ", call("build").err)
    assert offered
    assert "Written at the desk" in (sample / offered[1]).read_text()


def test_c58_an_issue_that_was_never_there_is_drafted_as_ever(call: Call, sample: Path) -> None:
    assert call("build", *DAY).code == 0
    assert call("build", "2025-06-30-weekly").code == 2


# --- C59: notes -------------------------------------------------------------------------------------------------------

PASTE = "A post without a source\n\nIts text goes on and on.\n\n- Another one that has one\nhttps://example.org/1\n"


def notes(called: Called) -> list[str]:
    return [line for line in called.err.splitlines() if line.startswith("note: ")]


def test_c59_a_note_on_a_file_is_shown_once(call: Call, sample: Path) -> None:
    (sample / "posts/stray.txt").write_text(f"{PASTE}\n\nA stray end\n")
    first = notes(call("collect"))
    assert any("stray.txt" in note for note in first)
    for words in (("collect",), ("draft", *DAY), ("draft", "--refresh", *DAY), ("collect",), ("explain", "airbus")):
        assert notes(call(*words)) == []


def test_c59_a_file_that_grows_shows_only_the_notes_on_what_is_new(call: Call, sample: Path) -> None:
    path = sample / "posts/stray.txt"
    path.write_text(f"{PASTE}\n\nA stray end\n")
    (old,) = (note for note in notes(call("collect")) if "stray.txt" in note)
    heading = "What follows from it, in short:"
    new = f"A new post of today\n\nWith some words of its own.\n\n{heading}\n\nMore words.\nhttps://example.org/2\n\n"
    path.write_text(new + path.read_text())
    (note,) = notes(call("collect"))
    assert note == f"note: posts/stray.txt:5: possible heading, kept as a paragraph: {heading!r}"
    assert note != old


def test_c59_what_is_wrong_with_the_settings_is_told_until_it_is_mended(call: Call, sample: Path) -> None:
    (sample / "posts").rename(sample / "elsewhere")
    assert [call("collect").code for _ in range(2)] == [1, 1]


def test_c59_json_has_all_notes_every_time(call: Call, sample: Path) -> None:
    (sample / "posts/stray.txt").write_text(f"{PASTE}\n\nA stray end\n")
    call("collect")
    assert call("draft", *DAY, "--json").json["warnings"]


# --- C59: words -------------------------------------------------------------------------------------------------------


@pytest.fixture
def single(call: Call, sample: Path) -> Path:
    """One post, one reader, one file."""
    for path in (sample / "posts").iterdir():
        path.unlink()
    (sample / "posts/one.md").write_text(
        "---\ntitle: Baku and Yerevan sign\ndate: 2025-07-05\nurl: https://example.org/1\n---\n\nArmenia and Azerbaijan agree.\n"
    )
    return sample


def test_c59_one_is_not_many(call: Call, single: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("HOST", "127.0.0.1"), ("PORT", "1"), ("SECURITY", "none")):
        monkeypatch.setenv(f"NEWSLETTER_SMTP__{name}", value)
    (single / "people.csv").write_text("email\nnobody\n")
    (single / "paste.txt").write_text("A paste with one post\n\nIts text.\nhttps://example.org/2\n")
    said = []
    for words in (
        ("collect",),
        ("collect", "paste.txt"),
        ("draft", *DAY),
        ("build",),
        ("check",),
        ("explain", "baku"),
        ("themes", "report"),
        ("subscribers", "add", "one@example.org", "--consent", "x"),
        ("subscribers", "import", "people.csv", "--consent", "x"),
        ("subscribers", "list"),
        ("subscribers", "show", "one@example.org"),
        ("subscribers", "export", "out.csv"),
        ("send", SLUG, "--dry-run"),
        ("send", SLUG, "--yes"),
        ("status",),
        ("rehearse", SLUG),
        ("resend", SLUG, "--only", "missed", "--yes"),
        ("cancel", SLUG, "--yes"),
        ("doctor", "--offline"),
        ("draft", "--date", "2025-07-14"),
    ):
        called = call(*words)
        said.append(f"{words}: {called.out}{called.err}")
    found = re.findall(r"(?<![\w.,:/-])1 [a-z]+s\b(?! than)", "\n".join(said))
    assert [words for words in found if words not in ("1 stands", "1 is")] == []
    assert "1 post" in "".join(said)


def test_c59_a_draft_without_posts_says_what_to_do_next(call: Call, sample: Path) -> None:
    called = call("draft", "--date", "2025-06-01")
    assert (called.code, "5 are dated later" in called.err) == (6, True)
    assert "help: an issue of their day: newsletter draft --edition weekly --date 2025-07-0" in called.err
    for path in (sample / "posts").iterdir():
        path.unlink()
    called = call("draft", *DAY)
    assert called.code == 6
    assert "the sources hold none" in called.err
    assert "help: fetch feeds: newsletter collect; take in a paste: newsletter collect FILE" in called.err


# --- C59: mistakes in the settings ------------------------------------------------------------------------------------


def change(folder: Path, old: str, new: str) -> None:
    path = folder / "newsletter.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.mark.parametrize(
    ("zone", "told"),
    [
        ("GMT+1", "must be the name of a place, such as Europe/Berlin"),
        ("UTC-05:00", "must be the name of a place"),
        ("+02:00", "must be the name of a place"),
        ("CEST", "must be the name of a place"),
        ("PDT", "must be the name of a place"),
        ("europe/berlin ", 'did you mean "Europe/Berlin"?'),
        ("Berlin", 'did you mean "Europe/Berlin"?'),
        ("new york", 'did you mean "America/New_York"?'),
        ("Europe/Berln", 'did you mean "Europe/Berlin"?'),
        ("Middle Earth", "unknown time zone"),
    ],
)
def test_c59_a_time_zone_that_is_none_is_not_answered_with_a_wrong_one(call: Call, sample: Path, zone: str, told: str) -> None:  # fmt: skip
    change(sample, 'timezone = "Europe/Berlin"', f'timezone = "{zone}"')
    called = call("draft", *DAY)
    assert called.code == 3
    assert told in called.err
    assert "GMT+0" not in called.err


@pytest.mark.parametrize(
    ("line", "column", "told"),
    [
        ("title = “Borderlines”", 9, "a curly quote “ cannot stand here"),
        ("title = „Borderlines“", 9, "a curly quote „ cannot stand here"),
        ("title = «Borderlines»", 9, "a curly quote « cannot stand here"),
        ("title = ‘Borderlines’", 9, "a curly quote ‘ cannot stand here"),
        ('title =\u00a0"Borderlines"', 8, "a character '\\xa0' (no-break space) cannot stand here"),
        ('tïtle = "Borderlines"', 2, "a character 'ï'"),
    ],
)
@pytest.mark.parametrize("file", ["newsletter.toml", "templates/phrases.toml"])
def test_c59_quotes_of_a_word_processor_are_called_that(
    call: Call, sample: Path, file: str, line: str, column: int, told: str
) -> None:
    path = sample / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"# “here” they may stand\n{line}\n", encoding="utf-8")
    called = call("build", *DAY)
    assert called.code == 3
    assert called.err.startswith(f"{file}:2:{column}: {told}")
    assert "help: " in called.err


def test_c59_a_password_in_the_settings_is_refused_and_not_repeated(call: Call, sample: Path) -> None:
    change(sample, "[smtp]\n", '[smtp]\npassword = "kanari-1A"\n')
    called = call("schedule")
    assert called.code == 3
    assert re.match(r"newsletter\.toml:\d+:1: smtp\.password: must not stand in this file", called.err)
    assert "NEWSLETTER_SMTP__PASSWORD" in called.err
    assert "kanari" not in called.err


def test_c59_a_password_from_the_environment_is_taken(
    call: Call, sample: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEWSLETTER_SMTP__PASSWORD", "kanari-1A")
    assert call("schedule").code == 0


# --- C59: addresses and git -------------------------------------------------------------------------------------------


@pytest.fixture
def repository(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "desk"
    call("init", str(folder))
    (folder / ".git").mkdir()
    monkeypatch.chdir(folder)
    call("subscribers", "add", "one@example.org", "--consent", "x")
    return folder


def test_c59_lists_of_readers_and_secrets_are_left_out_of_git(call: Call, repository: Path) -> None:
    from newsletter.workspace.files import Workspace

    workspace = Workspace(repository)
    for name in ("people.csv", "smtp.password", "crm.secret", "dkim.pem", "newsletter.db-wal", "newsletter.key"):
        assert not workspace.is_in_git(repository / name), name
    for name in ("newsletter.toml", "posts/a.txt", "issues/x/issue.md", "subscribers.csv.example", "posts/data.csv"):
        assert workspace.is_in_git(repository / name), name
    assert "git" not in call("subscribers", "export", "people.csv").err


def test_c59_an_export_that_git_would_take_along_is_said(call: Call, repository: Path) -> None:
    (repository / "lists").mkdir()
    (repository / "lists/in.csv").write_text("email\ntwo@example.org\n")
    for words in (
        ("export", "lists/people.csv"),
        ("import", "lists/in.csv", "--consent", "x"),
    ):
        called = call("subscribers", *words)
        assert "git would take it along: add /lists/" in called.err
    (repository / ".gitignore").write_text("")
    assert any(
        "git would take it along" in one["detail"] for one in call("doctor", "--offline", "--json").json["checks"]
    )
