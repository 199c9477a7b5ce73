"""What must be in no message: passwords of the settings, whatever fails; and in no file: an address that was erased."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import URL

from newsletter.cli import run
from newsletter.config import Config
from newsletter.config.settings import Database
from newsletter.errors import describe_fault
from newsletter.model import Publication
from newsletter.store.location import show_address
from tests.cli.conftest import Call, call, sample
from tests.serving import Desk

__all__ = ["call", "sample"]  # fixtures

ISSUE = "2025-07-07-weekly"
PASSWORD = "kanari-1A"
# Addresses as people write them who do not know that a password must be encoded in one.
ADDRESSES = {
    "right, and nobody there": f"postgresql+psycopg://desk:{PASSWORD}@127.0.0.1:1/news",
    "a slash in the password": f"postgresql+psycopg://desk:{PASSWORD}/x@127.0.0.1:1/news",
    "an at sign in the password": f"postgresql+psycopg://desk:x@{PASSWORD}@127.0.0.1:1/news",
    "a hash in the password": f"postgresql+psycopg://desk:{PASSWORD}#1@127.0.0.1:1/news",
    "a question mark in the password": f"postgresql+psycopg://desk:{PASSWORD}?1@127.0.0.1:1/news",
    "a percent sign in the password": f"postgresql+psycopg://desk:{PASSWORD}%zz@127.0.0.1:1/news",
    "a colon in the password": f"postgresql+psycopg://desk:x:{PASSWORD}@127.0.0.1:1/news",
    "where the port should be": f"postgresql+psycopg://desk@127.0.0.1:{PASSWORD}/news",
    "two at signs": f"postgresql+psycopg://desk:1@2@{PASSWORD}@127.0.0.1/news",
    "a port first": f"postgresql+psycopg://desk:12/{PASSWORD}@127.0.0.1:1/news",
    "a name of a database": f"postgresql+psycopg://desk:1/{PASSWORD}@@/news",
    "as an option": f"postgresql+psycopg://desk@127.0.0.1:1/news?password={PASSWORD}",
    "as an option that there is none of": f"postgresql+psycopg://desk@127.0.0.1:1/news?pasword={PASSWORD}",
    "a bracket": f"postgresql+psycopg://desk:[{PASSWORD}@127.0.0.1:1/news",
}
COMMANDS = {
    "status": ("status",),
    "doctor": ("doctor", "--offline"),
    "import": ("subscribers", "add", "a@example.org", "--consent", "x"),
    "schedule": ("schedule",),
    "send": ("send", ISSUE, "--yes"),
}


@pytest.mark.parametrize("url", ADDRESSES.values(), ids=ADDRESSES)
def test_c52_a_password_is_in_no_message(call: Call, sample: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSLETTER_DATABASE__URL", url)
    for words in COMMANDS.values():
        for form in ((), ("--json",)):
            called = call(*words, *form)
            assert PASSWORD not in called.out + called.err
            assert "NL099" not in called.out + called.err


@given(st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF), min_size=6, max_size=20))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_c52_no_part_of_an_unencoded_password_is_told(
    sample: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], password: str
) -> None:
    monkeypatch.setenv("NEWSLETTER_DATABASE__URL", f"postgresql+psycopg://desk:{password}@127.0.0.1:1/news")
    run(["status"])
    told = "".join(capsys.readouterr())
    assert password not in told
    assert "NL099" not in told


def test_c52_an_unexpected_error_is_named_by_its_place_and_not_by_its_words(
    call: Call, sample: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A library puts the value into its message that it could not use."""

    def fail(*arguments: object, **options: object) -> None:
        raise ValueError(f"invalid literal: {PASSWORD} of reader@example.org")

    monkeypatch.setattr("newsletter.flows.draft.read_sources", fail)
    for form in ((), ("--json",)):
        called = call("draft", "--date", "2025-07-07", *form)
        assert "NL099" in called.out + called.err
        assert "ValueError at " in called.out + called.err
        assert "draft.py:" in called.out + called.err
        assert PASSWORD not in called.out + called.err
        assert "reader@" not in called.out + called.err


def test_c52_the_log_and_the_editors_mail_have_no_words_of_an_unexpected_error(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise ValueError(f"{PASSWORD} of reader@example.org")

    desk.tick()
    monkeypatch.setattr("newsletter.flows.schedule.draft_issue", fail)
    desk.tick(to="2025-07-06 05:00")
    monkeypatch.setattr("newsletter.serve.drop_unconfirmed", fail)
    monkeypatch.setattr("newsletter.web.archive_pages.public_of", fail)
    desk.server._add("cleaning", desk.server.clean, trigger="interval", seconds=60)
    desk.server._scheduler.get_job("cleaning").func()
    assert desk.pages().get("/").status == 500
    told = json.dumps([*desk.notes, *(str(mail) for mail in desk.mails)])
    assert {"failed", "fault", "slot"} <= {note["event"] for note in desk.notes}
    assert "ValueError" in told
    assert PASSWORD not in told
    assert "reader@example.org" not in json.dumps(desk.notes)


def test_c52_what_serve_says_of_a_new_database_has_no_password() -> None:
    url = f"postgresql+psycopg://desk:{PASSWORD}@db.example/news?sslpassword={PASSWORD}&sslmode=require"
    config = Config(
        publication=Publication(title="x", url="https://x.example", sender="x@x.example"), database=Database(url=url)
    )
    from newsletter.workspace.database import show_database
    from newsletter.workspace.files import Workspace

    shown = show_database(Workspace(Path("/nowhere")), config)
    assert "db.example/news" in shown
    assert "sslmode=require" in shown
    assert PASSWORD not in shown + repr(config)


@given(password=st.text(min_size=6, max_size=20), key=st.sampled_from(["password", "sslpassword", "client_secret"]))
def test_c52_an_address_is_shown_without_what_opens_it(password: str, key: str) -> None:
    address = URL.create("postgresql+psycopg", "desk", password, "db.example", 5432, "news", {key: password})
    shown = show_address(address)
    assert quote(password) not in shown
    assert (shown.count("***"), shown.count("=hidden")) == (1, 1)


def test_c52_describing_a_fault_needs_no_traceback() -> None:
    assert describe_fault(KeyError(PASSWORD)) == "KeyError"


# --- erased -----------------------------------------------------------------------------------------------------------


def files_with(folder: Path, word: str) -> list[str]:
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and word.encode() in path.read_bytes()
    )


@pytest.fixture
def dry(call: Call, sample: Path) -> Path:
    """A workspace with two readers, in which a dry run was made."""
    call("draft", "--date", "2025-07-07")
    for name in ("gone", "stays"):
        assert call("subscribers", "add", f"{name}@example.org", "--consent", "x").code == 0
    assert call("send", ISSUE, "--dry-run", "--json").json["files"] == [
        f"build/{ISSUE}/outbox/{number:06}.eml" for number in (1, 2)
    ]
    return sample


def test_c52_an_erased_address_is_in_no_file_of_a_dry_run(call: Call, dry: Path) -> None:
    assert files_with(dry / "build", "gone@example.org")
    assert call("subscribers", "forget", "Gone@Example.org", "--yes", "--json").json["copies"] == []
    assert files_with(dry, "gone@example.org") == []


def test_c52_a_dry_run_keeps_no_mail_of_the_one_before(call: Call, dry: Path) -> None:
    call("subscribers", "unsubscribe", "gone@example.org")
    assert len(call("send", ISSUE, "--dry-run", "--json").json["files"]) == 1
    assert files_with(dry / "build", "gone@example.org") == []


def test_c52_the_mails_of_a_dry_run_are_for_their_owner_only(dry: Path) -> None:
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (dry / f"build/{ISSUE}/outbox").iterdir()}
    assert modes == {0o600}


def test_c52_who_is_erased_is_told_which_files_of_the_editor_still_name_them(call: Call, dry: Path) -> None:
    (dry / "old.csv").write_text("email\nGONE@example.org\n")
    (dry / "others.csv").write_text("email\nstays@example.org\n")
    (dry / "newsletter.db.before-0002").write_bytes(b"")
    called = call("subscribers", "forget", "gone@example.org", "--yes", "--json")
    assert called.json["copies"] == ["newsletter.db.before-0002", "old.csv"]
    assert (dry / "old.csv").exists()


def test_c52_a_reader_who_erases_themselves_is_in_no_file_of_a_dry_run(desk: Desk) -> None:
    outbox = desk.workspace.root / f"build/{ISSUE}/outbox"
    desk.subscribe("gone@example.org")
    outbox.mkdir(parents=True)
    (outbox / "000001.eml").write_text("To: gone@example.org\n")
    pages = desk.pages()
    desk.clock.advance(seconds=10)
    stamp = pages.get("/preferences").text.partition('name="stamp" value="')[2].partition('"')[0]
    desk.clock.advance(seconds=3)
    pages.post("/preferences", {"address": "gone@example.org", "stamp": stamp})
    desk.tick()
    assert pages.post(desk.link("/p/", "gone@example.org"), {"action": "erase-sure"}).status == 200
    assert not outbox.exists()


def test_c52_serve_that_makes_a_database_says_where_without_a_password(sample: Path) -> None:
    """The line is printed before anything can fail."""
    environment = {**os.environ, "NEWSLETTER_WEB__HOST": "192.0.2.1", "NEWSLETTER_DATABASE__URL": "sqlite:///own.db"}
    words = [sys.executable, "-m", "newsletter", "serve", "--port", "1"]
    done = subprocess.run(words, cwd=sample, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 69
    assert f"a new database: {sample / 'own.db'}; back it up" in done.stderr
