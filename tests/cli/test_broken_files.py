"""One file that cannot be read stops nothing but itself: posts, past issues, what was put into them, the memory of feeds."""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from newsletter.flows.desk import Desk
from newsletter.flows.visits import is_patient, last_visit
from newsletter.workspace.files import Workspace
from tests.cli.conftest import Call

DAY = ("--date", "2025-07-07")
NEXT = ("--date", "2025-07-14")
OLD, SLUG = "2025-07-07-weekly", "2025-07-14-weekly"
BREAK: dict[str, Callable[[str], str | bytes]] = {
    "no front matter": lambda text: "just words",
    "broken front matter": lambda text: text.replace("subject: ", "subject: a: b: "),
    "a post twice": lambda text: text + text[text.index("### ") :],
    "not UTF-8": lambda text: b"\xff\xfe\xff" + text.encode(),
    "of another day": lambda text: text.replace("date: 2025-07-07", "date: 2024-07-07"),
    "half of it": lambda text: text[:100],
    "nothing": lambda text: "",
}
BROKEN_POST = "---\ntitle: a: b\nulr: x\ndate: soon\n---\n\nText about Baku.\n"


@pytest.fixture(params=BREAK)
def broken(request: pytest.FixtureRequest, call: Call, sample: Path) -> Path:
    """A workspace with an issue of last week whose file is broken, and one new post."""
    assert call("draft", *DAY).code == 0
    path = sample / f"issues/{OLD}/issue.md"
    made = BREAK[request.param](path.read_text(encoding="utf-8"))
    path.write_bytes(made if isinstance(made, bytes) else made.encode())
    (sample / "posts/new.md").write_text(
        "# Yerevan signs in Baku\n\nNew words, and nobody has read them.\n", encoding="utf-8"
    )
    return sample


def titles(sample: Path) -> list[str]:
    text = (sample / f"issues/{SLUG}/issue.md").read_text(encoding="utf-8")
    return [line[4:].partition(" {#")[0] for line in text.splitlines() if line.startswith("### ")]


def test_c35_a_past_issue_that_cannot_be_read_stops_no_other(call: Call, broken: Path) -> None:
    drafted = call("draft", *NEXT)
    assert drafted.code == 0, drafted.err
    assert titles(broken) == ["Yerevan signs in Baku"], "what stood in the broken one is not told again"
    assert f"note: issues/{OLD}/issue.md" in drafted.err
    assert f"the issue {OLD} is left out here" in drafted.err
    built = call("build", SLUG)
    assert built.code == 0, built.err
    assert f"the issue {OLD} is left out here" in built.err
    assert OLD not in (broken / "build/site/index.html").read_text(encoding="utf-8")
    checked = call("check", SLUG, "--json")
    assert checked.code == 0
    assert [one["level"] for one in checked.json["findings"] if OLD in one["message"]] == ["warning"]
    assert call("explain", SLUG).code == 0
    assert call("themes", "report").code == 0
    assert call("approve", SLUG).code == 0


def test_c35_an_issue_is_sent_though_a_past_one_cannot_be_read(call: Call, broken: Path) -> None:
    call("draft", *NEXT)
    (broken / "readers.csv").write_text("email\nreader@example.org\n", encoding="utf-8")
    assert call("subscribers", "import", "readers.csv", "--consent", "a test").code == 0
    sent = call("send", SLUG, "--dry-run")
    assert sent.code == 0, sent.err


def test_c35_the_issue_itself_says_what_is_wrong(call: Call, broken: Path) -> None:
    for command in ("build", "check", "approve"):
        told = call(command, OLD)
        assert told.code == 3
        assert told.err.startswith(f"issues/{OLD}/issue.md")


def test_c35_the_note_of_what_was_put_in_that_cannot_be_read_stops_nothing(call: Call, sample: Path) -> None:
    call("draft", *DAY)
    (sample / f"issues/{OLD}/offered.json").write_text("[", encoding="utf-8")
    (sample / "posts/new.md").write_text("# Yerevan signs in Baku\n\nNew words.\n", encoding="utf-8")
    drafted = call("draft", *NEXT)
    assert drafted.code == 0
    assert titles(sample) == ["Yerevan signs in Baku"]
    assert f"note: issues/{OLD}/offered.json: cannot be read" in drafted.err
    assert call("build", SLUG).code == call("check", SLUG).code == 0


# --- posts ----------------------------------------------------------------------------------------------------------


def test_c25_one_file_with_mistakes_fails_alone(call: Call, sample: Path) -> None:
    (sample / "posts/broken.md").write_text(BROKEN_POST, encoding="utf-8")
    (sample / "posts/good.md").write_text("# A good one about Baku\n\nWords.\n", encoding="utf-8")
    collected = call("collect")
    assert collected.code == 5
    assert collected.err.splitlines()[:4] == [
        "posts/broken.md:2: front matter: title: there is a colon in the text; put the text between double quotes  [NL021]",
        'posts/broken.md:3: ulr: unknown key; did you mean "url"?  [NL022]',
        "posts/broken.md:4: date: 'soon': write a date as 2025-07-04 or 2025-07-04 10:00  [NL023]",
        'help: put text with a colon or a quote in it between double quotes: title: "A: b"',
    ]
    assert "1 file not read; the others are taken" in collected.err
    assert collected.out == "desk\t6 new\t0 known\t1 file not read\n"
    again = call("collect", "--json")
    assert again.code == 5
    source = again.json["sources"][0]
    assert (source["new"], source["duplicates"], source["failed"], len(source["mistakes"])) == (0, 6, 0, 3)
    drafted = call("draft", *DAY, "--json")
    assert (drafted.code, drafted.json["posts"], len(drafted.json["mistakes"])) == (5, 6, 3)
    (sample / "posts/broken.md").write_text("---\ntitle: Mended\n---\n\nText about Baku.\n", encoding="utf-8")
    assert call("collect", "--json").json["posts"] == 1
    assert call("draft", "--refresh", *DAY, "--json").json["posts"] == 1


def test_c25_a_build_that_drafts_first_says_which_files_it_could_not_read(call: Call, sample: Path) -> None:
    (sample / "posts/broken.md").write_text(BROKEN_POST, encoding="utf-8")
    built = call("build", *DAY, "--json")
    assert (built.code, built.json["posts"], len(built.json["mistakes"])) == (5, 5, 3)


def test_c25_a_file_that_cannot_be_opened_fails_alone(call: Call, sample: Path) -> None:
    (sample / "posts/away.md").symlink_to("nowhere.md")
    collected = call("collect", "--json")
    assert (collected.code, collected.json["posts"]) == (5, 5)
    assert collected.json["sources"][0]["mistakes"][0]["message"] == "there is no such file"


def test_c25_a_folder_that_cannot_be_listed_is_reported(
    call: Call, sample: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = sample / "posts/closed"
    closed.mkdir()
    listing = os.scandir

    def scandir(path: str) -> object:
        if Path(path) == closed:
            raise PermissionError(13, "Permission denied", str(path))
        return listing(path)

    monkeypatch.setattr(os, "scandir", scandir)
    collected = call("collect", "--json")
    assert (collected.code, collected.json["posts"]) == (5, 5)
    assert collected.json["sources"][0]["mistakes"][0]["file"] == "posts/closed"


def test_c25_a_broken_post_brings_no_known_paste_in_again(call: Call, sample: Path) -> None:
    """The keys of all other files are known as they were."""
    (sample / "posts/broken.md").write_text(BROKEN_POST, encoding="utf-8")
    again = call("collect", "posts/2025-07-05-collected.txt", "--json")
    assert (again.code, again.json["posts"]) == (6, 0)


def test_c25_what_the_calendar_remembers_may_be_broken(sample: Path) -> None:
    (sample / ".newsletter").mkdir()
    for name in ("visit", "visit-wanted"):
        (sample / f".newsletter/{name}.json").write_text("{", encoding="utf-8")
    now, workspace = datetime(2025, 7, 6, 5, tzinfo=UTC), Workspace(sample)
    assert last_visit(workspace, now, timedelta(days=1)) is None
    assert is_patient(workspace, now)


def test_c25_the_desk_shows_what_lies_beside_though_one_post_is_broken(call: Call, sample: Path) -> None:
    call("draft", *DAY)
    (sample / "posts/broken.md").write_text(BROKEN_POST, encoding="utf-8")
    (sample / "posts/good.md").write_text("# A good one about Baku\n\nWords.\n", encoding="utf-8")
    shown = Desk(Workspace(sample), OLD).look()
    assert [post["title"] for post in shown["beside"]] == ["A good one about Baku"]
    assert "posts/broken.md:2: front matter: title" in shown["trouble"]
    assert json.dumps(shown)
