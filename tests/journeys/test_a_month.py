"""Four weeks of an editor: drafts, edits, refreshes, deletions; what stands stands, what was told is not told again."""

from pathlib import Path

from tests.journeys.conftest import run_newsletter

ONE, TWO = "2025-07-07-weekly", "2025-07-14-weekly"


def issue(workspace: Path, slug: str = ONE) -> Path:
    return workspace / f"issues/{slug}/issue.md"


def add(workspace: Path, name: str, title: str, body: str, **front: str) -> None:
    keys = "".join(f"{key}: {value}\n" for key, value in front.items())
    (workspace / f"posts/{name}.md").write_text(f"---\ntitle: {title}\n{keys}---\n\n{body}\n", encoding="utf-8")


def test_refresh_adds_what_is_new_and_keeps_every_edit(workspace: Path) -> None:
    run_newsletter(workspace, "draft", "--date", "2025-07-07")
    path = issue(workspace)
    text = path.read_text(encoding="utf-8")
    start = text.index("### No big Airbus order")
    edited = text[:start] + text[text.index("## US–China") :]  # a post deleted
    edited = edited.replace("preheader: ", "preheader:   ").replace("Half a century", "**Half** a century  ")
    edited += "\n\n### By hand\n\nMy own words.\n\n\n"
    path.write_text(edited, encoding="utf-8")
    assert run_newsletter(workspace, "draft", "--date", "2025-07-07", "--refresh").returncode == 6
    assert path.read_text(encoding="utf-8") == edited
    add(workspace, "new", "Yerevan signs", "A ceremony in Yerevan, and one in Baku.", date="2025-07-06")
    add(workspace, "other", "About nothing", "Words without a theme.", date="2025-07-06")
    add(workspace, "later", "Tbilisi later", "In Tbilisi, next week.", date="2025-07-10")
    done = run_newsletter(workspace, "draft", "--date", "2025-07-07", "--refresh")
    assert done.returncode == 0, done.stderr
    refreshed = path.read_text(encoding="utf-8")
    position = 0
    for line in edited.splitlines():
        position = refreshed.index(line, position)
    assert "### Yerevan signs {#p-" in refreshed
    assert refreshed.index("### Yerevan signs") < refreshed.index("## EU–China")
    assert refreshed.index("## More this week {#unsorted}") > refreshed.index("### By hand")
    assert "No big Airbus order" not in refreshed, "what the editor deleted does not come back"
    assert "Tbilisi later" not in refreshed
    assert run_newsletter(workspace, "build", ONE).returncode == 0


def test_the_next_issue_has_only_what_is_new(workspace: Path) -> None:
    run_newsletter(workspace, "draft", "--date", "2025-07-07")
    text = issue(workspace).read_text(encoding="utf-8")
    start = text.index("### Wang Yi in Brussels")
    issue(workspace).write_text(text[:start] + text[text.index("### No big Airbus order") :], encoding="utf-8")
    add(
        workspace,
        "again",
        "Moscow and Baku, again",
        (workspace / "posts/2025-07-05-collected.txt")
        .read_text(encoding="utf-8")
        .split("\n\nhttps")[0]
        .partition("\n\n")[2],
    )
    add(workspace, "new", "Tbilisi votes", "A ballot in Georgia, watched from Yerevan.")
    done = run_newsletter(workspace, "draft", "--date", "2025-07-14")
    assert done.returncode == 0, done.stderr
    drafted = issue(workspace, TWO).read_text(encoding="utf-8")
    assert "### Tbilisi votes" in drafted
    assert drafted.count("\n### ") == 1
    assert "left out: 'Moscow and Baku, again'" in done.stderr
    assert "issue 2025-07-07-weekly" in done.stderr
    assert "Wang Yi" not in drafted, "deleted from the issue it was offered to: not offered again"


def test_an_edition_can_have_a_memory_of_its_own(workspace: Path) -> None:
    settings = (workspace / "newsletter.toml").read_text(encoding="utf-8")
    settings += '\n[[editions]]\nslug = "monthly"\ntitle = "Monthly"\nthemes = ["caucasus"]\npast = "edition"\nunsorted = "hold"\n'
    (workspace / "newsletter.toml").write_text(settings, encoding="utf-8")
    run_newsletter(workspace, "draft", "--date", "2025-07-07")
    done = run_newsletter(workspace, "draft", "--edition", "monthly", "--date", "2025-07-31")
    assert done.returncode == 0, done.stderr
    monthly = issue(workspace, "2025-07-31-monthly").read_text(encoding="utf-8")
    assert monthly.count("\n### ") == 1
    assert "for other editions: 4" in done.stderr


def test_the_archive_grows_and_a_build_of_an_old_issue_takes_nothing_out_of_it(workspace: Path) -> None:
    run_newsletter(workspace, "build", "--date", "2025-07-07")
    add(workspace, "new", "Tbilisi votes", "A ballot in Georgia, watched from Yerevan.")
    run_newsletter(workspace, "build", "--date", "2025-07-14")
    assert "Tbilisi votes" in (workspace / "build/site/feed.xml").read_text(encoding="utf-8")
    assert (workspace / f"build/site/{ONE}/index.html").is_file()
    assert f"../{TWO}/" in (workspace / f"build/site/{ONE}/index.html").read_text(encoding="utf-8")
    both = (workspace / "build/site/feed.xml").read_bytes()
    run_newsletter(workspace, "build", ONE)
    assert (workspace / "build/site/feed.xml").read_bytes() == both, (
        "the archive holds what is out, whichever issue is built"
    )


def test_an_editors_theme_wins_and_a_wrong_one_is_told(workspace: Path) -> None:
    add(workspace, "mine", "Nothing in particular", "Words.", theme="caucasus")
    run_newsletter(workspace, "draft", "--date", "2025-07-07")
    text = issue(workspace).read_text(encoding="utf-8")
    assert text.index("### Nothing in particular") < text.index("## EU–China")
    add(workspace, "wrong", "Another", "Words.", theme="kaukasus")
    done = run_newsletter(workspace, "draft", "--date", "2025-07-14")
    assert done.returncode == 3, "there was nothing but this file"
    assert done.stderr.startswith(
        "posts/wrong.md:3: theme: no theme 'kaukasus' in the settings; did you mean \"caucasus\"?"
    )


def test_c25_three_mistakes_in_three_files_are_told_at_once_and_the_other_files_are_taken(workspace: Path) -> None:
    (workspace / "posts/a.md").write_text("---\ntitel: x\n---\n", encoding="utf-8")
    (workspace / "posts/b.md").write_text("---\ntitle: a: b\n---\n", encoding="utf-8")
    (workspace / "posts/c.txt").write_bytes(b"Caf\xe9\n")
    done = run_newsletter(workspace, "draft", "--date", "2025-07-07")
    assert done.returncode == 5
    lines = done.stderr.splitlines()
    assert lines[0].startswith('posts/a.md:2: titel: unknown key; did you mean "title"?')
    assert lines[1].startswith("posts/b.md:2: front matter: title: there is a colon in the text")
    assert lines[2].startswith("posts/c.txt:1: not utf-8 (byte 0xe9)")
    assert lines[3].startswith("help: put text with a colon or a quote in it between double quotes")
    assert issue(workspace).read_text(encoding="utf-8").count("\n### ") == 5, "the other posts are taken"
