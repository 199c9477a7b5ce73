"""The commands: their data, their JSON, their exit codes (DESIGN §7)."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from time_machine import TimeMachineFixture

from tests.cli.conftest import Call
from tests.web_server import WebServer, serve

DAY = ("--date", "2025-07-07")
SLUG = "2025-07-07-weekly"


@pytest.fixture
def server() -> Iterator[WebServer]:
    with serve() as one:
        yield one


# --- init -----------------------------------------------------------------------------------------------------------


def test_init_makes_a_workspace_that_builds(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = call("init", str(tmp_path / "desk"), "--json")
    assert made.code == 0
    assert set(made.json["files"]) >= {
        "newsletter.toml",
        "subscribers.csv.example",
        ".gitignore",
        "posts/2025-07-05-collected.txt",
    }
    monkeypatch.chdir(tmp_path / "desk")
    assert call("build", *DAY, "--json").json["posts"] == 5


def test_init_never_overwrites(call: Call, tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("mine", encoding="utf-8")
    made = call("init", str(tmp_path))
    assert made.code == 0
    assert f"kept {tmp_path / '.gitignore'}" in made.err
    assert (tmp_path / ".gitignore").read_text(encoding="utf-8") == "mine"


def test_init_of_a_workspace_brings_no_sample_back(call: Call, tmp_path: Path) -> None:
    call("init", str(tmp_path))
    sample = next((tmp_path / "posts").glob("*.txt"))
    sample.unlink()
    again = call("init", str(tmp_path))
    assert (again.code, again.out) == (6, "")
    assert "is a workspace already; nothing was changed" in again.err
    assert not sample.exists()


def test_init_copies_the_templates_on_request(call: Call, tmp_path: Path) -> None:
    call("init", str(tmp_path))
    copied = call("init", str(tmp_path), "--templates", "--json").json["files"]
    assert {"templates/email/theme.css", "templates/web/base.html.j2", "templates/phrases.toml"} <= set(copied)
    build = call("--workspace", str(tmp_path), "build", *DAY, "--json")
    assert (build.code, build.json["warnings"]) == (0, [])


# --- draft ----------------------------------------------------------------------------------------------------------


def test_draft_has_the_keys_of_the_contract(call: Call, sample: Path) -> None:
    drafted = call("draft", *DAY, "--json")
    assert drafted.code == 0
    expected = {"issue": SLUG, "path": f"issues/{SLUG}/issue.md", "posts": 5, "unsorted": 0, "duplicates": []}
    assert drafted.json.items() >= expected.items()
    assert drafted.err == ""
    assert (sample / f"issues/{SLUG}/issue.md").is_file()


def test_draft_again_leaves_what_stands(call: Call, sample: Path) -> None:
    call("draft", *DAY)
    path = sample / f"issues/{SLUG}/issue.md"
    path.write_text(path.read_text(encoding="utf-8").replace("Moscow", "MOSCOW"), encoding="utf-8")
    before = path.read_bytes()
    again = call("draft", *DAY)
    assert again.code == 6
    assert f"issues/{SLUG}/issue.md stands already" in again.err
    assert "newsletter draft --refresh" in again.err
    assert path.read_bytes() == before


def test_draft_without_a_date_is_for_the_next_day_of_the_schedule(
    call: Call, sample: Path, time_machine: TimeMachineFixture
) -> None:
    time_machine.move_to("2025-07-08 10:00 +0000")
    assert call("draft", "--json").json["issue"] == "2025-07-14-weekly"


def test_on_the_day_itself_the_day_counts_in_the_publications_zone(
    call: Call, sample: Path, time_machine: TimeMachineFixture
) -> None:
    time_machine.move_to("2025-07-06 22:30 +0000")  # Monday already in Berlin
    assert call("draft", "--json").json["issue"] == "2025-07-07-weekly"


def test_posts_dated_later_wait_for_their_issue(call: Call, sample: Path) -> None:
    drafted = call("draft", "--date", "2025-07-01", "--json")
    assert drafted.code == 6
    assert "5 are dated later" in drafted.json["error"]["message"]


def test_nothing_new_is_told_as_such(call: Call, sample: Path) -> None:
    call("draft", *DAY)
    again = call("draft", "--date", "2025-07-14")
    assert again.code == 6
    assert again.err.startswith("no new posts for 2025-07-14-weekly: 5 stood in an issue before")


# --- build ----------------------------------------------------------------------------------------------------------


def test_build_drafts_first_and_writes_the_files_of_the_contract(call: Call, sample: Path) -> None:
    built = call("build", *DAY, "--json")
    assert built.code == 0
    document = built.json
    assert document["issue"] == SLUG
    assert document["posts"] == 5
    assert {theme["slug"]: theme["posts"] for theme in document["themes"]} == {
        "caucasus": 1,
        "eu-china": 2,
        "us-china": 1,
        "australia-china": 1,
    }
    assert document["unsorted"] == 0
    assert set(document["files"]) >= {"html", "text", "eml", "site", "rss", "atom", "json"}
    assert all((sample / path).is_file() for path in document["files"].values())
    assert document["bytes"] == len((sample / document["files"]["html"]).read_bytes())
    assert document["warnings"] == []
    report = json.loads((sample / f"build/{SLUG}/report.json").read_text(encoding="utf-8"))
    assert report["posts"] == 5
    assert str(sample) not in json.dumps(report)


def test_build_without_an_issue_takes_the_latest(call: Call, sample: Path) -> None:
    call("draft", *DAY)
    assert call("build", "--json").json["issue"] == SLUG
    for spelling in (SLUG, f"issues/{SLUG}/issue.md", f"issues/{SLUG}/"):
        assert call("build", spelling, "--json").json["issue"] == SLUG


def test_in_a_pipe_there_is_one_record_a_line(call: Call, sample: Path) -> None:
    built = call("build", *DAY)
    rows = [line.split("\t") for line in built.out.splitlines()]
    assert ["html", f"build/{SLUG}/email.html"] in rows
    assert all(len(row) == 2 for row in rows)
    assert "5 posts" in built.err
    assert call("build", "--quiet").err == ""


def test_an_issue_that_does_not_exist_has_a_suggestion(call: Call, sample: Path) -> None:
    call("draft", *DAY)
    built = call("build", "2025-07-07-weakly")
    assert built.code == 2
    assert built.err.startswith(f"no issue '2025-07-07-weakly'; did you mean \"{SLUG}\"?")
    assert call("build", "../../etc").code == 2


def test_warnings_are_told(call: Call, sample: Path) -> None:
    call("draft", *DAY)
    path = sample / f"issues/{SLUG}/issue.md"
    text = path.read_text(encoding="utf-8").replace("{#caucasus}", "{#kaukasus}")
    path.write_text(
        text + "\n### By hand\n\nNo source here.\n\n## EU–Africa {#eu-africa}\n" + "\n### Long\n\n" + "word " * 20_000,
        encoding="utf-8",
    )
    rules = {warning["rule"] for warning in call("build", SLUG, "--json").json["warnings"]}
    assert rules == {"section", "source", "shown"}


def test_nothing_is_written_if_anything_is_wrong(call: Call, sample: Path) -> None:
    call("build", *DAY)
    before = {path: path.read_bytes() for path in (sample / "build").rglob("*") if path.is_file()}
    issue = sample / f"issues/{SLUG}/issue.md"
    issue.write_text(
        issue.read_text(encoding="utf-8").replace("subject:", "subjekt:").replace("Moscow", "Moskau"),
        encoding="utf-8",
    )
    built = call("build", SLUG)
    assert built.code == 3
    assert built.err.startswith(f'issues/{SLUG}/issue.md:5: subjekt: unknown key; did you mean "subject"?')
    assert {path: path.read_bytes() for path in (sample / "build").rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("template", "text", "told"),
    [
        (
            "email/post.html.j2",
            "{% macro show_post(post, phrases) %}\n{{ post.titel }}\n{% endmacro %}",
            "templates/email/post.html.j2:2: ",
        ),
        ("email/issue.txt.j2", "a\n\n{% if %}", "templates/email/issue.txt.j2:3: "),
        ("web/index.html.j2", "{{ nothing }}", "templates/web/index.html.j2:1: 'nothing' is undefined"),
        (
            "email/issue.html.j2",
            "{% extends 'email/none.html.j2' %}",
            "templates/email/issue.html.j2: needs the template email/none.html.j2",
        ),
        (
            "email/theme.css",
            "p:hover { color: #000000; }",
            "templates/email/theme.css:1: holds a rule that cannot be inlined",
        ),
        ("phrases.toml", "[en\n", "templates/phrases.toml:1:4: "),
    ],
)
def test_a_broken_template_of_the_workspace_is_told_with_its_line(
    call: Call, sample: Path, template: str, text: str, told: str
) -> None:
    path = sample / "templates" / template
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    built = call("build", *DAY)
    assert (built.code, built.out) == (3, "")
    assert told in built.err
    assert not (sample / "build").exists()


def test_a_template_of_the_workspace_wins(call: Call, sample: Path) -> None:
    (sample / "templates/email").mkdir(parents=True)
    (sample / "templates/email/issue.txt.j2").write_text("Mine: {{ issue.subject }}\n", encoding="utf-8")
    built = call("build", *DAY)
    assert built.code == 0
    assert "templates/email/issue.txt.j2: no unsubscribe_url in it" in built.err
    assert (sample / f"build/{SLUG}/email.txt").read_text(encoding="utf-8").startswith("Mine: Moscow")


@pytest.mark.parametrize(
    ("subject", "told"),
    [
        ('"a\\u000aBcc: evil@x.example"', "holds a character that must not stand in a header"),
        ('"=?utf-8?q?a=0aBcc:_evil@x?="', "holds a character that must not stand in a header"),
        ('"' + "x" * 201 + '"', "is longer than 200 characters"),
    ],
)
def test_t16_a_subject_cannot_add_a_header(call: Call, sample: Path, subject: str, told: str) -> None:
    call("draft", *DAY)
    path = sample / f"issues/{SLUG}/issue.md"
    lines = path.read_text(encoding="utf-8").split("\n")
    lines[4] = f"subject: {subject}"
    path.write_text("\n".join(lines), encoding="utf-8")
    built = call("build", SLUG)
    if "u000a" in subject:  # white space of a subject is one space: nothing to refuse
        assert built.code == 0
        assert "\nBcc" not in (sample / f"build/{SLUG}/message.eml").read_text(encoding="ascii")
        return
    assert built.code == 3
    assert built.err.startswith(f"issues/{SLUG}/issue.md: Subject: {told}")
    assert not (sample / "build").exists()


# --- explain --------------------------------------------------------------------------------------------------------


def test_explain_shows_words_scores_and_the_stray_bullet(call: Call, sample: Path) -> None:
    told = call("explain", "posts/2025-07-05-collected.txt").out
    assert "→ caucasus: leads by" in told
    assert "Baku" in told
    assert "off theme: “**A Word on Democracy:**" in told
    document = call("explain", "posts/2025-07-05-collected.txt", "--json").json
    first = document["posts"][0]
    assert first.keys() >= {"key", "title", "theme", "scores", "matches"}
    assert first["theme"] == "caucasus"
    assert first["scores"]["caucasus"] > first["scores"]["eu-china"] > 0
    assert {
        "word": "Baku",
        "zone": "title",
        "count": 1,
        "points": 4.0,
        "side": 0,
        "theme": "caucasus",
    } in first["matches"]
    assert set(first["off_theme"][0]["words"]) == {"China", "Chinese"}
    assert [post["theme"] for post in document["posts"]] == [
        "caucasus",
        "eu-china",
        "eu-china",
        "us-china",
        "australia-china",
    ]


def test_explain_finds_posts_by_key_title_and_issue(call: Call, sample: Path) -> None:
    call("draft", *DAY)
    key = call("explain", "airbus", "--json").json["posts"][0]["key"]
    assert call("explain", key[:6], "--json").json["posts"][0]["key"] == key
    assert call("explain", f"p-{key}", "--json").json["posts"][0]["key"] == key
    assert len(call("explain", SLUG, "--json").json["posts"]) == 5
    assert len(call("explain", f"issues/{SLUG}/issue.md", "--json").json["posts"]) == 5
    missing = call("explain", "Moscow and Baku drift aprt")
    assert missing.code == 2
    assert 'did you mean "Moscow and Baku drift apart"?' in missing.err


# --- collect --------------------------------------------------------------------------------------------------------


def test_collect_looks_into_folders_and_tells_what_is_new(call: Call, sample: Path) -> None:
    first = call("collect", "--json")
    assert (first.code, first.json["posts"]) == (0, 5)
    assert first.json["sources"][0].items() >= {"name": "desk", "new": 5, "duplicates": 0, "failed": 0}.items()
    again = call("collect", "--json")
    assert (again.code, again.json["posts"], again.json["sources"][0]["duplicates"]) == (6, 0, 5)


def test_collect_takes_in_a_paste_once(call: Call, sample: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    paste = tmp_path_factory.mktemp("elsewhere") / "week.txt"
    paste.write_text(
        "A new story\n\nWords of it.\n\nhttps://e.org/1?utm_source=x\n\nAnother one\n\nMore words.\n\nhttps://e.org/2\n",
        encoding="utf-8",
    )
    taken = call("collect", str(paste), "--json")
    assert (taken.code, taken.json["posts"]) == (0, 2)
    assert len(taken.json["files"]) == 2
    text = (sample / taken.json["files"][0]).read_text(encoding="utf-8")
    assert text.startswith("---\ntitle: ")
    assert 'url: https://e.org/1\nraw_urls: ["https://e.org/1?utm_source=x"]\n' in text
    assert "source: desk" in text
    edited = sample / taken.json["files"][0]
    edited.write_text(text.replace("Words of it.", "Better words."), encoding="utf-8")
    again = call("collect", str(paste), "--json")
    assert (again.code, again.json["posts"]) == (6, 0)
    assert "Better words." in edited.read_text(encoding="utf-8")
    assert call("draft", "--date", "2030-01-07", "--json").json["posts"] == 7


def test_collect_reads_standard_input(call: Call, sample: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import io

    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("Ünïque title\n\nText.\n".encode())))
    assert call("collect", "-", "--json").json["collected"][0]["title"] == "Ünïque title"


def test_the_report_names_every_line_once(call: Call, sample: Path) -> None:
    path = "posts/2025-07-05-collected.txt"
    reported = call("collect", path, "--report", "--json")
    assert reported.code == 0
    lines = reported.json["lines"]
    text = (sample / path).read_text(encoding="utf-8").split("\n")
    assert [line["line"] for line in lines] == [number for number, line in enumerate(text, 1) if line.strip()]
    assert lines[0] == {
        "line": 1,
        "post": 1,
        "field": "title",
        "file": path,
        "text": "Moscow and Baku drift apart",
    }
    assert {line["field"] for line in lines} == {"title", "paragraph", "heading", "list", "source"}
    plain = call("collect", path, "--report").out.splitlines()
    assert plain[0] == f"{path}\t1\t1\ttitle\tMoscow and Baku drift apart"
    assert len(plain) == len(lines)


def test_c24_the_report_says_which_lines_of_a_page_were_left_out(
    call: Call, tmp_path_factory: pytest.TempPathFactory
) -> None:
    paste = tmp_path_factory.mktemp("elsewhere") / "2025-07-05-week.txt"
    post = "Ana Example\n3 d · Shared with Public\n{}\nAll reactions:\n345\nLike\nComment\nShare\n"
    paste.write_text(post.format("The ferry sails") + post.format("The tunnel is free"), encoding="utf-8")
    reported = call("collect", str(paste), "--report", "--dry-run", "--json")
    assert [post["title"] for post in reported.json["collected"]] == ["The ferry sails", "The tunnel is free"]
    fields = [(line["line"], line["post"], line["field"]) for line in reported.json["lines"]]
    assert fields[:4] == [(1, 1, "author"), (2, 1, "date"), (3, 1, "title"), (4, None, "noise")]
    assert [line for line, _, _ in fields] == list(range(1, 17))
    warnings = "\n".join(reported.json["sources"][0]["warnings"])
    assert "left out, a button or counter: 'Like'" in warnings
    assert "taken as the author of the post below: 'Ana Example'" in warnings


def test_a_dry_run_takes_nothing_in(call: Call, sample: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    paste = tmp_path_factory.mktemp("elsewhere") / "week.txt"
    paste.write_text("A story\n\nWords.\n", encoding="utf-8")
    assert call("collect", str(paste), "--dry-run").code == 0
    assert not (sample / "posts/collected").exists()


def test_text_of_an_old_machine_is_told_and_can_be_read(call: Call, sample: Path) -> None:
    (sample / "posts/old.txt").write_bytes("Title\n\nIt’s old\n".encode("cp1252"))
    drafted = call("draft", *DAY)
    assert drafted.code == 5
    assert drafted.err.startswith("posts/old.txt:3: not utf-8 (byte 0x92); save the file as UTF-8")
    read = call("collect", "posts/old.txt", "--encoding", "cp1252", "--dry-run", "--json")
    assert read.json["collected"][0]["title"] == "Title"


def test_feeds_are_fetched_written_once_and_failures_are_partly_done(
    call: Call, sample: Path, server: WebServer
) -> None:
    feed = """<rss version="2.0"><channel><title>F</title><item><title>From the wire</title><link>https://e.org/a</link>
    <guid>1</guid><pubDate>Fri, 04 Jul 2025 10:00:00 GMT</pubDate><description>&lt;p&gt;Talks in Baku.&lt;/p&gt;</description></item></channel></rss>"""
    url = server.give("/feed", feed.encode(), ETag='"1"')
    settings = (sample / "newsletter.toml").read_text(encoding="utf-8")
    settings += f'\n[fetch]\nallow_hosts = ["127.0.0.1"]\n[[sources]]\nname = "wire"\nkind = "feed"\nurl = "{url}"\n'
    settings += f'[[sources]]\nname = "lost"\nkind = "feed"\nurl = "{server.url("/lost")}"\n'
    (sample / "newsletter.toml").write_text(settings, encoding="utf-8")
    collected = call("collect", "--json")
    assert collected.code == 5
    by_name = {one["name"]: one for one in collected.json["sources"]}
    assert (by_name["wire"]["new"], by_name["lost"]["failed"], by_name["lost"]["reason"]) == (
        1,
        1,
        "the server answers 404 Not Found",
    )
    path = sample / "posts/collected/wire/2025-07-04-from-the-wire.md"
    assert collected.json["files"] == ["posts/collected/wire/2025-07-04-from-the-wire.md"]
    text = path.read_text(encoding="utf-8")
    assert 'title: "From the wire"\nurl: https://e.org/a\ndate: 2025-07-04T12:00:00+02:00\nsource: wire\nkey: ' in text
    assert text.endswith("---\n\nTalks in Baku.\n")
    path.write_text(text + "\nEdited.\n", encoding="utf-8")
    server.give("/feed", status=304)
    again = call("collect", "--source", "wire", "--json")
    assert (again.code, again.json["sources"][0]["note"]) == (6, "unchanged")
    assert server.hits[-1][1]["If-None-Match"] == '"1"'
    path.unlink()
    server.give("/feed", feed.encode())
    assert call("collect", "--source", "wire", "--json").json["posts"] == 0
    assert not path.exists(), "what the editor has deleted stays deleted"
    assert (sample / ".newsletter/.gitignore").read_text(encoding="utf-8") == "*\n"


def test_a_feed_that_is_gone_is_not_asked_again(call: Call, sample: Path, server: WebServer) -> None:
    url = server.give("/feed", status=410)
    settings = (sample / "newsletter.toml").read_text(encoding="utf-8")
    settings += f'\n[fetch]\nallow_hosts = ["127.0.0.1"]\n[[sources]]\nname = "wire"\nkind = "feed"\nurl = "{url}"\n'
    (sample / "newsletter.toml").write_text(settings, encoding="utf-8")
    for _ in range(3):
        collected = call("collect", "--source", "wire", "--json")
        assert collected.code == 1
        assert "gone for good (410)" in collected.json["sources"][0]["reason"]
    assert len(server.hits) == 1


def test_a_feed_that_asks_to_wait_is_left_alone(
    call: Call, sample: Path, server: WebServer, time_machine: TimeMachineFixture
) -> None:
    time_machine.move_to("2025-07-07 10:00 +0000", tick=True)
    url = server.give("/feed", status=429, Retry_After="3600")
    settings = (sample / "newsletter.toml").read_text(encoding="utf-8")
    settings += f'\n[fetch]\nallow_hosts = ["127.0.0.1"]\n[[sources]]\nname = "wire"\nkind = "feed"\nurl = "{url}"\n'
    (sample / "newsletter.toml").write_text(settings, encoding="utf-8")
    call("collect", "--source", "wire")
    waiting = call("collect", "--source", "wire")
    assert "left alone until 2025-07-07 11:00 UTC" in waiting.err
    assert len(server.hits) == 1
    time_machine.move_to("2025-07-07 11:01 +0000", tick=True)
    call("collect", "--source", "wire")
    assert len(server.hits) == 2


# --- the whole program ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["biuld"], 2, "Did you mean 'build'?"),
        (["build", "--opn"], 2, "'--open'"),
        (["build", "--date", "7 July"], 2, "'7 July' is no day; write it as 2025-07-07"),
        (["build", "x", "--date", "2025-07-07"], 2, "name either an ISSUE, or its --edition and --date"),
        (["draft", "--edition", "wekly"], 2, "no edition 'wekly' in the settings; did you mean \"weekly\"?"),
        (["collect", "--source", "desc"], 2, "no source 'desc' in the settings; did you mean \"desk\"?"),
        (["collect", "nothing.txt"], 3, "nothing.txt: cannot be read: No such file or directory"),
        (["collect", "--dry-run"], 2, "go with a FILE"),
        (["--workspace", "nowhere", "build"], 3, "nowhere: no newsletter.toml in it"),
        (["build", "--workspace", "nowhere"], 3, "nowhere: no newsletter.toml in it"),
    ],
)
def test_mistakes_are_told_with_what_to_do(
    call: Call, sample: Path, arguments: list[str], code: int, told: str
) -> None:
    called = call(*arguments)
    assert called.code == code
    assert called.out == ""
    assert told in called.err
    assert "Traceback" not in called.err
    as_json = call(*arguments, "--json")
    assert as_json.code == code
    assert as_json.json["error"]["message"]


def test_the_error_document_has_its_place(call: Call, sample: Path) -> None:
    (sample / "newsletter.toml").write_text(
        (sample / "newsletter.toml").read_text(encoding="utf-8") + "prot = 1\n", encoding="utf-8"
    )
    called = call("build", "--json")
    assert called.code == 3
    error = called.json["error"]
    assert error["code"] == "NL012"
    assert error["message"] == 'smtp.prot: unknown key; did you mean "port"?'
    assert (error["file"], error["column"]) == ("newsletter.toml", 1)
    assert call("build").err.splitlines()[0].endswith('smtp.prot: unknown key; did you mean "port"?  [NL012]')


def test_outside_of_a_workspace_the_way_in_is_told(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    called = call("build")
    assert called.code == 3
    assert "newsletter init DIR" in called.err


def test_the_workspace_is_found_from_below_and_by_name(
    call: Call, sample: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    (sample / "posts/deep").mkdir()
    monkeypatch.chdir(sample / "posts/deep")
    assert call("draft", *DAY, "--json").json["path"] == f"issues/{SLUG}/issue.md"
    monkeypatch.chdir(tmp_path_factory.mktemp("away"))
    assert call("build", "--workspace", str(sample), "--json").json["issue"] == SLUG
    monkeypatch.setenv("NEWSLETTER_WORKSPACE", str(sample))
    assert call("build", "--json").json["issue"] == SLUG


def test_interrupting_ends_with_130(call: Call, sample: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("newsletter.cli.build.build_issue", interrupt)
    called = call("build", *DAY)
    assert called.code == 130
    assert "interrupted" in called.err


def test_a_fault_of_ours_says_so_and_shows_itself_on_request(
    call: Call, sample: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise RuntimeError("broken inside")

    monkeypatch.setattr("newsletter.cli.build.build_issue", fail)
    called = call("build", *DAY)
    assert called.code == 1
    assert "this is a fault of the program (RuntimeError at " in called.err
    with pytest.raises(RuntimeError):
        call("build", "--debug")


def test_completion_knows_commands_and_issues(call: Call, sample: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for shell in ("bash", "zsh", "fish", "powershell"):
        script = call("completion", shell)
        assert script.code == 0
        assert "_NEWSLETTER_COMPLETE" in script.out
    call("draft", *DAY)
    environment = {
        "_NEWSLETTER_COMPLETE": "bash_complete",
        "COMP_WORDS": "newsletter build 2025",
        "COMP_CWORD": "2",
        "PATH": "/usr/bin",
    }
    done = subprocess.run(
        [sys.executable, "-m", "newsletter"],
        env=environment,
        cwd=sample,
        capture_output=True,
        text=True,
        check=False,
    )
    assert f"plain,{SLUG}" in done.stdout


def test_help_is_there_for_every_command_with_an_example(call: Call) -> None:
    from newsletter.cli import COMMANDS

    listing = call("--help").out
    for name, (_, line) in COMMANDS.items():
        assert f"  {name}" in listing
        assert line in listing
        text = call(name, "--help").out
        assert "Example: " in text
        for option in ("--workspace", "--json", "--quiet"):
            assert option in text
    assert "Exit codes:" in listing


def test_help_loads_no_heavy_library() -> None:
    code = "import sys; sys.argv = ['newsletter', '--help']\nfrom newsletter.cli import run\nrun(['--help'])\nprint(sorted(m for m in sys.modules if m in ('jinja2', 'premailer', 'pydantic', 'lxml', 'requests', 'yaml', 'rich', 'markdown_it')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


# --- what users ran into ----------------------------------------------------------------------------------------------


def test_a_folder_that_is_not_there_is_told(call: Call, sample: Path) -> None:
    settings = (sample / "newsletter.toml").read_text(encoding="utf-8")
    (sample / "newsletter.toml").write_text(settings.replace('path = "posts"', 'path = "psts"'), encoding="utf-8")
    collected = call("collect", "--json")
    assert collected.code == 1
    assert "there is no folder psts" in collected.json["sources"][0]["reason"]
    assert call("draft", *DAY).code == 6


def test_refresh_wants_an_issue_and_names_the_latest(call: Call, sample: Path) -> None:
    call("draft", *DAY)
    refused = call("draft", "--refresh", "--date", "2025-07-21")
    assert refused.code == 2
    assert "newsletter draft --refresh --date 2025-07-07" in refused.err
    assert not (sample / "issues/2025-07-21-weekly").exists()


def test_notes_on_a_paste_are_told_once(call: Call, sample: Path) -> None:
    assert "note:" in call("draft", *DAY).err
    (sample / "posts/new.md").write_text("# A new one\n\nWords about tea.\n", encoding="utf-8")
    assert "note:" not in call("draft", "--refresh", *DAY).err


def test_explain_takes_an_issue_with_a_section_of_ones_own(call: Call, sample: Path) -> None:
    call("draft", *DAY)
    issue = sample / "issues/2025-07-07-weekly/issue.md"
    issue.write_text(issue.read_text(encoding="utf-8").replace("{#caucasus}", "{#letters}"), encoding="utf-8")
    assert call("explain", "2025-07-07-weekly").code == 0


def test_a_theme_of_a_paste_that_does_not_exist_is_told_once_where_it_stands(call: Call, sample: Path) -> None:
    (sample / "posts/more.txt").write_text(
        "---\nnoise: keep\ntheme: tee\n---\nA\n\nhttps://e.org/1\n\nB\n\nhttps://e.org/2\n"
    )
    drafted = call("draft", *DAY)
    assert (drafted.code, drafted.err.count("posts/more.txt:3: theme: no theme 'tee'")) == (5, 1)


def test_a_bad_file_does_not_stop_another_from_being_taken_in(
    call: Call, sample: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    (sample / "posts/old.txt").write_bytes(b"Title\n\nIt\x92s old\n")
    paste = tmp_path_factory.mktemp("elsewhere") / "week.txt"
    paste.write_text("A story\n\nWords.\n", encoding="utf-8")
    assert call("collect", str(paste)).code == 0


def test_c36_an_issue_that_is_not_out_yet_is_told_as_such(call: Call, sample: Path) -> None:
    call("draft", *DAY)
    newer = sample / "issues/2125-07-09-weekly/issue.md"
    newer.parent.mkdir()
    text = (sample / "issues/2025-07-07-weekly/issue.md").read_text(encoding="utf-8")
    newer.write_text(text.replace("2025-07-07", "2125-07-09"), encoding="utf-8")
    built = call("build", "--json")
    assert built.json["issue"] == "2125-07-09-weekly"
    [told] = [one["message"] for one in built.json["warnings"] if one["rule"] == "archive"]
    assert told.startswith("2125-07-09-weekly is not in build/site yet: it comes out on Monday 9 July 2125, 07:00")
    assert "2125" not in (sample / "build/site/feed.xml").read_text(encoding="utf-8")
    assert "not in build/site" not in call("build", "2025-07-07-weekly").err


@pytest.mark.parametrize(
    ("phrases", "told"),
    [
        ('[en]\nsauce = "Source"\n', 'en.sauce: unknown key; did you mean "source"?'),
        ("[en]\nmonths = []\n", "en.months: wants a list of twelve names"),
        (
            '[en]\nposts_on = "{number} posts"\n',
            "en.posts_on: {number} is nothing that is filled in; there is: count, themes",
        ),
    ],
)
def test_words_of_ones_own_are_looked_at(call: Call, sample: Path, phrases: str, told: str) -> None:
    (sample / "templates").mkdir()
    (sample / "templates/phrases.toml").write_text(phrases, encoding="utf-8")
    built = call("build", *DAY)
    assert built.code == 3
    assert f"templates/phrases.toml: {told}" in built.err


def test_a_few_words_of_ones_own_are_enough(call: Call, sample: Path) -> None:
    (sample / "templates").mkdir()
    (sample / "templates/phrases.toml").write_text('[en]\nsource = "Read it at"\n', encoding="utf-8")
    assert call("build", *DAY).code == 0
    assert "Read it at:" in (sample / "build/2025-07-07-weekly/email.txt").read_text(encoding="utf-8")


def test_a_misspelt_template_is_told(call: Call, sample: Path) -> None:
    (sample / "templates/email").mkdir(parents=True)
    (sample / "templates/email/isue.html.j2").write_text("x", encoding="utf-8")
    assert 'did you mean "email/issue.html.j2"?' in call("build", *DAY).err


@pytest.mark.parametrize(
    ("css", "told"),
    [
        (".post { margin: 0;\n.text { margin: 0; }\n", "templates/email/theme.css:2: a { or } too many"),
        (
            ".post { margin: 0; }\na:hover { color: #000000; }\n",
            "templates/email/theme.css:2: holds a rule that cannot be",
        ),
    ],
)
def test_a_broken_style_sheet_is_told_with_its_line(call: Call, sample: Path, css: str, told: str) -> None:
    (sample / "templates/email").mkdir(parents=True)
    (sample / "templates/email/theme.css").write_text(css, encoding="utf-8")
    assert told in call("build", *DAY).err
