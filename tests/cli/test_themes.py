"""Teaching by moving: draft and explain follow the editor's moves, and `themes report` tells how well."""

import json
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from newsletter.workspace.files import Workspace
from tests.cli.conftest import Call
from tests.sorting import Made, collect_posts, edit_weeks, make_posts, make_workspace, move_posts

DAY, NEXT = ("--date", "2025-07-07"), ("--date", "2025-07-14")
SLUG = "2025-07-07-weekly"
FILES = ("issue.md", "offered.json")
KETTLES = """# Kettles of the north

The kettle makers of Lindenhall met again. Copper has become dear, and their guild asks for a price that feeds a family.
Oolong was poured for guests; the tasters stayed until night, and the makers showed how a spout is soldered.
"""
MORE = """# What the guild wants

In Lindenhall the guild of kettle makers has named its price for copper. Tasters poured oolong while a spout was soldered,
and guests asked how a family of makers can live.
"""


def write(root: Path, name: str, text: str) -> None:
    (root / f"posts/{name}.md").write_text(text, encoding="utf-8")


def move(root: Path, slug: str, title: str, theme: str) -> None:
    """Move a post by hand into another section of an issue.md."""
    from newsletter.workspace.load import load_issue

    posts = load_issue(Workspace(root), slug).issue.posts
    move_posts(Workspace(root), slug, {post.key or "": theme for post in posts if post.title == title})


@pytest.fixture
def taught(sample: Path, call: Call) -> Path:
    """The sample week, drafted, with one post that no theme claims."""
    write(sample, "kettles", KETTLES)
    assert call("draft", *DAY, "--json").json["unsorted"] == 1
    return sample


def explain(call: Call, title: str) -> dict[str, object]:
    (post,) = call("explain", title, "--json").json["posts"]
    return dict(post)


# --- moving -------------------------------------------------------------------------------------------------------


def test_moving_one_post_changes_the_next_verdict(call: Call, taught: Path) -> None:
    write(taught, "more", MORE)
    before = explain(call, "What the guild wants")
    assert (before["theme"], before["learned"]) == ("unsorted", {})
    move(taught, SLUG, "Kettles of the north", "australia-china")
    after = explain(call, "What the guild wants")
    assert (after["theme"], after["by"]) == ("australia-china", "learned")
    assert after["learned"].keys() == {"australia-china"}  # type: ignore[attr-defined]
    told = call("explain", "What the guild wants").out
    assert "→ australia-china: leads by 100% with what was learned" in told
    assert "learned +" in told
    assert call("draft", *NEXT, "--json").json["unsorted"] == 0
    text = (taught / "issues/2025-07-14-weekly/issue.md").read_text(encoding="utf-8")
    assert "{#australia-china}\n\n### What the guild wants" in text


def test_a_move_in_the_issue_that_is_refreshed_counts_for_what_is_new(call: Call, taught: Path) -> None:
    move(taught, SLUG, "Kettles of the north", "caucasus")
    write(taught, "more", MORE)
    assert call("draft", "--refresh", *DAY, "--json").json["unsorted"] == 0


def test_a_post_that_was_moved_is_not_explained_by_itself(call: Call, taught: Path) -> None:
    move(taught, SLUG, "Kettles of the north", "caucasus")
    assert explain(call, "Kettles of the north")["theme"] == "unsorted"


def test_without_a_move_nothing_differs_to_the_byte(
    call: Call, taught: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    write(taught, "more", MORE)
    plain = tmp_path_factory.mktemp("plain") / "desk"
    shutil.copytree(taught, plain)
    with (plain / "newsletter.toml").open("a", encoding="utf-8") as settings:
        settings.write("\n[sorting]\nlearned = 0\n")
    for arguments in (("explain", "posts/more.md"), ("explain", "posts/more.md", "--json"), ("draft", *NEXT, "--json")):
        with_learning = call(*arguments)
        without = call("--workspace", str(plain), *arguments)
        assert (with_learning.code, with_learning.out) == (0, without.out.replace(f"{plain}/", ""))
    for name in ("issue.md", "offered.json"):
        path = f"issues/2025-07-14-weekly/{name}"
        assert (taught / path).read_bytes() == (plain / path).read_bytes()


def test_weight_nought_turns_it_off(call: Call, taught: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    move(taught, SLUG, "Kettles of the north", "caucasus")
    write(taught, "more", MORE)
    assert explain(call, "What the guild wants")["theme"] == "caucasus"
    monkeypatch.setenv("NEWSLETTER_SORTING__LEARNED", "0")
    assert explain(call, "What the guild wants")["theme"] == "unsorted"


def test_new_words_in_the_settings_are_no_moves(call: Call, taught: Path) -> None:
    """What a draft put where it stands was not moved, whatever the rules say later."""
    settings = taught / "newsletter.toml"
    settings.write_text(
        settings.read_text(encoding="utf-8").replace('any = ["Nagorno', 'any = ["Lindenhall", "Nagorno'),
        encoding="utf-8",
    )
    report = call("themes", "report", "--json").json
    assert (report["moves"], report["learning"], report["posts"]) == (0, False, 5)


def test_an_issue_of_before_is_compared_with_the_rules(call: Call, taught: Path) -> None:
    """Without a note of where posts were put, those that the rules would put elsewhere count as moved."""
    (taught / f"issues/{SLUG}/offered.json").unlink()
    assert call("themes", "report", "--json").json["moves"] == 0
    move(taught, SLUG, "Kettles of the north", "caucasus")
    assert call("themes", "report", "--json").json["moves"] == 1


def test_a_prior_that_decided_is_no_move(call: Call, sample: Path) -> None:
    settings = (sample / "newsletter.toml").read_text(encoding="utf-8")
    prior = settings.replace('path = "posts"', 'path = "posts"\nthemes = ["caucasus"]')
    (sample / "newsletter.toml").write_text(prior, encoding="utf-8")
    write(sample, "hint", "# A letter\n\nOf this and that.\n\nIt names Baku once.\n")
    call("draft", *DAY)
    (sample / f"issues/{SLUG}/offered.json").unlink()
    (sample / "posts/hint.md").unlink()
    assert call("themes", "report", "--json").json["moves"] == 0


def test_an_issue_that_cannot_be_read_teaches_nothing_and_stops_nobody(call: Call, taught: Path) -> None:
    broken = taught / "issues/2025-06-30-monthly/issue.md"
    broken.parent.mkdir()
    broken.write_text("no front matter", encoding="utf-8")
    assert call("explain", "Kettles").code == 0
    report = call("themes", "report")
    assert report.code == 0
    assert "note: issues/2025-06-30-monthly/issue.md:1: no front matter" in report.err


def test_offered_json_of_an_older_version_is_read(call: Call, taught: Path) -> None:
    path = taught / f"issues/{SLUG}/offered.json"
    document = json.loads(path.read_bytes())
    assert set(document["themes"].values()) == {"caucasus", "eu-china", "us-china", "australia-china", "unsorted"}
    path.write_text(json.dumps({"posts": document["posts"]}), encoding="utf-8")
    write(taught, "more", MORE)
    assert call("draft", "--refresh", *DAY, "--json").json["posts"] == 1
    assert set(json.loads(path.read_bytes())["themes"].values()) == {"unsorted"}


def test_no_issue_is_read_twice(call: Call, taught: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(taught, "more", MORE)
    paths: list[str] = []
    read = Workspace.read

    def watched(self: Workspace, relative: str) -> bytes:
        paths.append(relative)
        return read(self, relative)

    monkeypatch.setattr(Workspace, "read", watched)
    call("draft", *NEXT)
    assert [path for path in paths if path.startswith("issues/")] == [f"issues/{SLUG}/{name}" for name in FILES]


def test_help_does_not_load_what_learns() -> None:
    code = "from newsletter.cli import run\nimport sys\nrun(['--help'])\nprint(sorted(m for m in sys.modules if m.startswith('newsletter.') and m.split('.')[1] in ('editing', 'learn', 'report')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


# --- themes report ------------------------------------------------------------------------------------------------


def test_the_report_of_a_workspace_without_issues(call: Call, sample: Path) -> None:
    report = call("themes", "report")
    assert report.code == 0
    assert "0 posts in issues, 0 moves by hand" in report.out
    assert "Nothing to learn from yet" in report.out
    assert "No new theme to propose" in report.out
    document = call("themes", "report", "--json").json
    assert (document["posts"], document["accuracy"]) == (0, {"rules": None, "learned": None})


def test_the_report_says_that_few_posts_say_little(call: Call, taught: Path) -> None:
    report = call("themes", "report").out
    assert "6 posts in issues, 0 moves by hand" in report
    assert "right by the rules alone:     6 of 6 (100%)" in report
    assert "No post was moved to another section" in report
    assert "So few posts say little" in report


def test_the_report_proposes_a_theme_that_can_be_pasted(call: Call, taught: Path) -> None:
    write(taught, "more", MORE)
    third = "The makers of Lindenhall send a kettle of copper to each guild. Oolong for the tasters, says their guild."
    write(taught, "third", f"# A gift\n\n{third}\n")
    (proposal,) = call("themes", "report", "--json").json["proposals"]
    assert {post["title"] for post in proposal["posts"]} == {"Kettles of the north", "What the guild wants", "A gift"}
    assert "Lindenhall" in proposal["words"]
    told = call("themes", "report").out
    assert "3 unsorted posts that could be a theme:" in told
    block = told[told.index("[[themes]]") : told.index("\n\nPut what fits")]
    assert tomllib.loads(block)["themes"][0]["slug"] == proposal["slug"]
    settings = taught / "newsletter.toml"
    settings.write_text(f"{settings.read_text(encoding='utf-8')}\n{block}\n", encoding="utf-8")
    assert explain(call, "What the guild wants")["theme"] == proposal["slug"]


def test_moves_against_clear_rules_are_pointed_at(call: Call, taught: Path) -> None:
    move(taught, SLUG, "Moscow and Baku drift apart", "us-china")
    (one,) = call("themes", "report", "--json").json["differ"]
    assert (one["theme"], one["rules"], one["clear"]) == ("us-china", "caucasus", True)
    assert "a `not` word would help" in call("themes", "report").out


def test_the_report_writes_nothing(call: Call, taught: Path) -> None:
    before = {path: path.read_bytes() for path in taught.rglob("*") if path.is_file()}
    call("themes", "report")
    assert {path: path.read_bytes() for path in taught.rglob("*") if path.is_file()} == before


# --- the promise --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Made]]:
    """A workspace whose editor has moved 200 made-up posts where they belong, in four issues; and 200 that are new."""
    made = make_posts(7, 400)
    folder = tmp_path_factory.mktemp("taught")
    edit_weeks(make_workspace(folder), made[:200], 4)
    return folder, made[200:]


def test_posts_held_back_are_sorted_better_than_by_the_rules_alone(
    call: Call, desk: tuple[Path, list[Made]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, held_back = desk
    shutil.copytree(folder, tmp_path / "desk")
    monkeypatch.chdir(tmp_path / "desk")
    collect_posts(Workspace(tmp_path / "desk"), held_back)
    wanted = {one.post.key: one.theme for one in held_back}
    right, clear = {}, {}
    for weight in ("5", "0"):
        monkeypatch.setenv("NEWSLETTER_SORTING__LEARNED", weight)
        shutil.rmtree("issues/2026-03-02-weekly", ignore_errors=True)
        assert call("draft", "--date", "2026-03-02", "--json").json["posts"] == 200
        put = json.loads(Path("issues/2026-03-02-weekly/offered.json").read_bytes())["themes"]
        right[weight] = sum(theme == wanted[key] for key, theme in put.items())
        posts = call("explain", "0007", "--json").json["posts"]
        clear[weight] = {post["key"]: post for post in posts if post["by"] == "words" and post["margin"] >= 0.5}
    assert right["5"] - right["0"] >= 40, "a fifth of two hundred"
    kept = [clear["5"].get(key) == post for key, post in clear["0"].items()]
    assert len(kept) > 100
    assert all(kept), "a clear verdict is the same, whatever was learned"


def test_the_report_finds_learning_better_on_posts_that_it_left_out(
    call: Call, desk: tuple[Path, list[Made]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(desk[0])
    report = call("themes", "report", "--json").json
    assert report["posts"] == 200
    assert report["moves"] > 30
    assert report["accuracy"]["learned"] - report["accuracy"]["rules"] >= 0.2
    assert sum(theme["posts"] for theme in report["themes"]) == 200
    assert sum(theme["moves"] for theme in report["themes"]) == report["moves"]
    assert "each post left out in turn" in call("themes", "report").out
