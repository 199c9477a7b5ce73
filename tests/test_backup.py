"""A backup holds everything that cannot be made again, of one moment, verified; a restore sends nothing and loses nothing."""

import json
import os
import shutil
import sqlite3
import stat
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from newsletter.config.settings import Dkim
from newsletter.errors import NewsletterError, UsageError
from newsletter.flows.backup import Backup, verify_backup, write_backup
from newsletter.flows.restore import Restored, restore_backup
from newsletter.model import SubscriberRow
from newsletter.store import issues, schema
from newsletter.store.copies import NUMBERS_LEFT_OUT
from newsletter.store.database import Store, StoreError, open_store
from newsletter.store.restore_guard import accept_restore, find_restore
from newsletter.store.subscribers import SubscriberIntake, find_person, forget, suppression_reason, unsubscribe
from newsletter.workspace.backup_file import (
    DATABASE,
    FILE_LIMIT,
    JOURNAL,
    KEY,
    MANIFEST,
    MARK,
    BackupError,
    reading_backup,
)
from newsletter.workspace.database import journal_path, mark_path
from newsletter.workspace.files import Workspace
from newsletter.workspace.load import read_config
from tests.databases import DATABASE as FILE
from tests.databases import KEY as KEY_FILE
from tests.databases import NOW, new_postgresql
from tests.sending import Desk, make_desk
from tests.store.desk import all_text, url_of


@pytest.fixture
def desk(tmp_path: Path, store: Store) -> Iterator[Desk]:
    """A workspace with 50 readers and an issue, on both kinds of database."""
    folder = tmp_path / "ws"
    folder.mkdir()
    made = make_desk(folder, store, readers=50)
    place(made, store, tmp_path)
    yield made
    made.store.close()


def place(desk: Desk, store: Store, folder: Path) -> None:
    """Where the settings say that the database is: in the workspace, or on the server."""
    root = desk.workspace.root
    store.close()
    shutil.move(folder / KEY_FILE, root / KEY_FILE)
    if store.path:
        shutil.move(store.path, root / FILE)
    url = "sqlite:///newsletter.db" if store.path else url_of(store)
    toml = root / "newsletter.toml"
    toml.write_text(f'{toml.read_text()}\n[database]\nurl = "{url}"\n')
    desk.config = read_config(desk.workspace)
    desk.store = open_store(f"sqlite:///{root / FILE}" if store.path else url, root / KEY_FILE)


def back_up(desk: Desk, target: Path, now: datetime = NOW) -> Backup:
    return write_backup(desk.workspace, desk.config, target, now)


def restore(desk: Desk, backup: Path, root: Path, monkeypatch: pytest.MonkeyPatch, **options: Any) -> Restored:
    """On another machine: an empty folder, and an empty server if there is one."""
    if desk.store.is_sqlite:
        return restore_backup(backup, root, NOW + timedelta(hours=3), **options)
    fresh = root.parent / f"{root.name}-server"
    fresh.mkdir(exist_ok=True)
    if not (fresh / "url").exists():
        url, _ = new_postgresql(fresh)
        empty_server(url)
        (fresh / "url").write_text(url)
    monkeypatch.setenv("NEWSLETTER_DATABASE__URL", (fresh / "url").read_text())
    return restore_backup(backup, root, NOW + timedelta(hours=3), **options)


def empty_server(url: str) -> None:
    from sqlalchemy import create_engine

    engine = create_engine(url)
    with engine.begin() as connection:
        for table in (*reversed(schema.metadata.sorted_tables), "alembic_version"):
            connection.execute(text(f"DROP TABLE {getattr(table, 'name', table)} CASCADE"))
    engine.dispose()


def open_restored(desk: Desk, root: Path) -> Desk:
    """The restored workspace, opened as a command does."""
    from newsletter.workspace.database import open_database
    from tests.sending import Clock

    workspace = Workspace(root)
    config = read_config(workspace)
    return Desk(workspace, config, open_database(workspace, config), Clock(NOW + timedelta(hours=3)), desk.port)


def rows_of(store: Store) -> dict[str, list[Any]]:
    """All rows of all tables, but for what a copy says of itself."""
    found = {}
    with store.reading() as connection:
        for table in schema.metadata.sorted_tables:
            columns = [column for column in table.c if column.name != "copied_at"]
            found[table.name] = [tuple(row) for row in connection.execute(select(*columns).order_by(*columns[:2]))]
    return found


# --- the file ---------------------------------------------------------------------------------------------------------


def test_c50_a_backup_holds_database_key_mark_settings_issues_and_posts_for_its_owner_only(
    desk: Desk, tmp_path: Path
) -> None:
    root = desk.workspace.root
    for path in ("posts/one.md", "pictures/a.png", "templates/email/theme.css", ".newsletter/collect.json"):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(path)
    (root / "people.csv").write_text("email\na@example.org\n")
    (root / "posts/readers.csv").write_text("email\na@example.org\n")
    (root / "build").mkdir()
    (root / "build/x.html").write_text("x")
    desk.freeze()
    send_none(desk)
    mask = os.umask(0)
    try:
        done = back_up(desk, tmp_path / "b.backup")
    finally:
        os.umask(mask)
    assert stat.S_IMODE(done.path.stat().st_mode) == 0o600
    names = set(done.files)
    assert {DATABASE, KEY, MARK} <= names
    assert {
        f"workspace/{one}"
        for one in (
            "newsletter.toml",
            "posts/one.md",
            "pictures/a.png",
            "templates/email/theme.css",
            ".newsletter/collect.json",
            "issues/2025-07-07-weekly/issue.md",
        )
    } <= names
    assert not [one for one in names if one.endswith(".csv") or "build/" in one or FILE in one.removeprefix(DATABASE)]
    assert (done.bytes, done.left_out) == (done.path.stat().st_size, ())
    assert set(done.not_in_it) >= {"build", "people.csv"}
    assert done.rows["subscriber"] == 50
    assert not list(tmp_path.glob(".newsletter-backup-*"))


def send_none(desk: Desk) -> None:
    """A pass that takes the lease, and so writes the mark, and sends nothing."""
    from newsletter.store.lease import take_lease

    take_lease(desk.store, mark_path(desk.workspace, desk.store)).release(desk.store)


def test_a_workspace_without_a_database_can_be_backed_up(tmp_path: Path) -> None:
    from newsletter.cli import run

    assert run(["init", str(tmp_path / "ws")]) == 0
    assert run(["--workspace", str(tmp_path / "ws"), "backup", str(tmp_path / "b")]) == 0
    done = restore_backup(tmp_path / "b", tmp_path / "new", NOW)
    assert (done.rows, done.stayed_away) == ({}, None)
    assert (tmp_path / "new/newsletter.toml").read_bytes() == (tmp_path / "ws/newsletter.toml").read_bytes()
    assert not (tmp_path / "new" / FILE).exists()


def test_a_lost_database_is_not_backed_up_as_if_there_were_none(desk: Desk, tmp_path: Path) -> None:
    (desk.workspace.root / KEY_FILE).rename(tmp_path / "away")
    with pytest.raises(StoreError, match="key"):
        back_up(desk, tmp_path / "b.backup")
    assert not (tmp_path / "b.backup").exists()
    (tmp_path / "away").rename(desk.workspace.root / KEY_FILE)


def test_a_file_that_is_no_backup_is_never_overwritten_and_an_older_backup_is(desk: Desk, tmp_path: Path) -> None:
    toml = desk.workspace.root / "newsletter.toml"
    before = toml.read_bytes()
    with pytest.raises(BackupError, match="is no backup: it is not overwritten"):
        back_up(desk, toml)
    assert toml.read_bytes() == before
    (desk.workspace.root / "posts").mkdir(exist_ok=True)
    with pytest.raises(BackupError, match="the next backup would hold this one"):
        back_up(desk, desk.workspace.root / "posts/b.backup")
    with pytest.raises(BackupError, match="is a folder"):
        back_up(desk, tmp_path)
    with pytest.raises(BackupError, match="the folder for it is not there"):
        back_up(desk, tmp_path / "no/b.backup")
    target = tmp_path / "b.backup"
    back_up(desk, target)
    back_up(desk, target, NOW + timedelta(days=1))
    with reading_backup(target) as found:
        assert found.manifest.made_at == "2026-11-24T07:00:00Z"


def test_a_backup_that_fails_leaves_the_one_before(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "b.backup"
    back_up(desk, target)
    good = target.read_bytes()

    def fail(*given: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("newsletter.flows.backup.verify_backup", fail)
    with pytest.raises(BackupError, match="No space left"):
        back_up(desk, target)
    assert target.read_bytes() == good
    assert not list(tmp_path.glob(".newsletter-backup-*"))


def test_what_a_killed_backup_left_is_taken_away_by_the_next_one(desk: Desk, tmp_path: Path) -> None:
    """Addresses are in it."""
    stale = tmp_path / ".newsletter-backup-x"
    stale.mkdir()
    (stale / "lock").touch()
    (stale / "newsletter.db").write_text("reader@example.org")
    back_up(desk, tmp_path / "b.backup")
    assert not stale.exists()


def test_what_cannot_be_taken_is_reported_and_the_rest_is_taken(desk: Desk, tmp_path: Path) -> None:
    root = desk.workspace.root
    (root / "posts").mkdir(exist_ok=True)
    with (root / "posts/film.mp4").open("wb") as file:
        file.truncate(FILE_LIMIT + 1)
    os.mkfifo(root / "posts/pipe")
    (tmp_path / "elsewhere").mkdir()
    (root / "posts/linked").symlink_to(tmp_path / "elsewhere")
    (root / "posts/a\nb.md").write_text("x")
    (tmp_path / "credential").write_text("secret")
    (root / "smtp.password").symlink_to(tmp_path / "credential")
    (root / "dkim.pem").write_text("a key")
    desk.config = replace(
        desk.config,
        smtp=replace(desk.config.smtp, password_file="smtp.password"),
        dkim=(Dkim(selector="a", key_file="dkim.pem"), Dkim(selector="b", key_file="/etc/dkim.pem")),
    )
    done = back_up(desk, tmp_path / "b.backup")
    told = "\n".join(done.left_out)
    assert len(done.left_out) == 6
    for words in (
        "posts/film.mp4: has 256 MB",
        "posts/pipe: is no plain file",
        "posts/linked: is a link to a folder",
        "a\\nb.md",
        "smtp.password: lies outside",
        "/etc/dkim.pem: lies outside",
    ):
        assert words in told, words
    assert "workspace/dkim.pem" in done.files
    with reading_backup(done.path) as found:
        member = found.find("workspace/dkim.pem")
        assert member
        assert member.private


def test_a_text_that_is_a_link_of_the_editors_own_is_taken_with_its_words(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("Words.")
    (desk.workspace.root / "posts").mkdir(exist_ok=True)
    (desk.workspace.root / "posts/notes.md").symlink_to(tmp_path / "notes.md")
    back_up(desk, tmp_path / "b.backup")
    with zipfile.ZipFile(tmp_path / "b.backup") as archive:
        assert archive.read("workspace/posts/notes.md") == b"Words."


def test_a_source_that_is_the_whole_workspace_brings_neither_the_database_nor_builds(
    tmp_path: Path, desk: Desk
) -> None:
    from newsletter.model import Source

    root = desk.workspace.root
    (root / "build").mkdir()
    (root / "build/post.md").write_text("x")
    (root / "loose.md").write_text("x")
    (root / "script.py").write_text("x")
    desk.config = replace(desk.config, sources=(Source(name="all", kind="folder", path="."),))
    names = {one for one in back_up(desk, tmp_path / "b.backup").files if one.startswith("workspace/")}
    assert "workspace/loose.md" in names
    assert not {"workspace/build/post.md", "workspace/script.py", f"workspace/{FILE}", f"workspace/{KEY_FILE}"} & names


# --- and back ---------------------------------------------------------------------------------------------------------


def test_c50_a_restored_database_has_the_same_rows_and_the_workspace_the_same_files(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.freeze()
    unsubscribe(desk.store, "r7@example.org", source="a link", now=NOW)
    before = rows_of(desk.store)
    done = back_up(desk, tmp_path / "b.backup")
    root = tmp_path / "new"
    came = restore(desk, done.path, root, monkeypatch)
    again = open_restored(desk, root)
    assert rows_of(again.store) == before
    assert came.rows == done.rows
    assert (came.kept, came.stayed_away, came.made_at) == ("", None, "2026-11-23T07:00:00Z")
    assert came.may_be_sent == ("2025-07-07-weekly",)
    for path in ("newsletter.toml", "issues/2025-07-07-weekly/issue.md"):
        assert (root / path).read_bytes() == (desk.workspace.root / path).read_bytes()
    private = [path for path in root.rglob("*") if path.is_file() and not stat.S_IMODE(path.stat().st_mode) & 0o077]
    assert {KEY_FILE} <= {path.name for path in private}
    assert not list(root.glob(".newsletter-*"))
    if again.store.path:
        assert stat.S_IMODE(again.store.path.stat().st_mode) == 0o600
    again.store.close()


def test_c50_a_backup_of_either_kind_can_be_restored_into_the_other(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It holds a SQLite file in any case: so it also moves a publication to another database."""
    before = rows_of(desk.store)
    back_up(desk, tmp_path / "b.backup")
    url = "sqlite:///newsletter.db"
    if desk.store.is_sqlite:
        (tmp_path / "server").mkdir()
        url = new_postgresql(tmp_path / "server")[0]
        empty_server(url)
    monkeypatch.setenv("NEWSLETTER_DATABASE__URL", url)
    restore_backup(tmp_path / "b.backup", tmp_path / "new", NOW)
    again = open_restored(desk, tmp_path / "new")
    assert again.store.is_sqlite is not desk.store.is_sqlite
    assert rows_of(again.store) == before
    again.store.close()


def test_c7_a_restored_copy_sends_nothing_until_somebody_says_that_they_know(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even one that had never sent when the backup was made: what went out afterwards it does not know."""
    back_up(desk, tmp_path / "b.backup")
    restore(desk, tmp_path / "b.backup", tmp_path / "new", monkeypatch)
    again = open_restored(desk, tmp_path / "new")
    mark = mark_path(again.workspace, again.store)
    assert "is a backup of 2026-11-23T07:00:00Z" in find_restore(again.store, mark)
    with pytest.raises(StoreError, match="put back"):
        again.send()
    accept_restore(again.store, mark)
    assert find_restore(again.store, mark) == ""
    again.store.close()


def test_c7_a_copy_that_was_put_in_place_by_hand_sends_nothing_either(desk: Desk, tmp_path: Path) -> None:
    """It says of itself that it is one: also with the mark of the machine beside it, which is not ahead of it."""
    if not desk.store.is_sqlite:
        pytest.skip("a file can be put in the place of a SQLite database only")
    send_none(desk)
    back_up(desk, tmp_path / "b.backup")
    desk.store.close()
    with zipfile.ZipFile(tmp_path / "b.backup") as archive:
        (desk.workspace.root / FILE).write_bytes(archive.read(DATABASE))
    again = open_restored(desk, desk.workspace.root)
    assert "is a backup of" in find_restore(again.store, mark_path(again.workspace, again.store))
    again.store.close()


def test_numbers_of_subscribers_who_came_after_the_backup_are_not_given_again(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their mails are out: the links in them must not open a stranger's page."""
    back_up(desk, tmp_path / "b.backup")
    restore(desk, tmp_path / "b.backup", tmp_path / "new", monkeypatch)
    again = open_restored(desk, tmp_path / "new")
    again.add(SubscriberRow("new@example.org", "new@example.org"))
    person = find_person(again.store, "new@example.org")
    assert person
    assert person.id > 50 + NUMBERS_LEFT_OUT - 1
    again.store.close()


def test_a_deleted_subscribers_number_is_not_given_again_after_a_restore(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.add(SubscriberRow("last@example.org", "last@example.org"))
    last = find_person(desk.store, "last@example.org")
    assert last
    forget(desk.store, "last@example.org", NOW)
    back_up(desk, tmp_path / "b.backup")
    restore(desk, tmp_path / "b.backup", tmp_path / "new", monkeypatch)
    again = open_restored(desk, tmp_path / "new")
    again.add(SubscriberRow("new@example.org", "new@example.org"))
    person = find_person(again.store, "new@example.org")
    assert person
    assert person.id > last.id
    again.store.close()


def test_replies_that_only_the_journal_has_come_along(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from newsletter.store.journal import Journal
    from tests.store.desk import accepted, start

    frozen = desk.freeze()
    process = start(desk.store, frozen)
    (claim,) = process.claim(1)
    journal = Journal(journal_path(desk.workspace, desk.store))
    journal._path.parent.mkdir(exist_ok=True)
    journal.prepare()
    journal.append(frozen.id, [accepted(claim)])
    process.die()
    assert JOURNAL in back_up(desk, tmp_path / "b.backup").files
    restore(desk, tmp_path / "b.backup", tmp_path / "new", monkeypatch)
    again = open_restored(desk, tmp_path / "new")
    process = start(again.store, frozen, journal=Journal(journal_path(again.workspace, again.store)))
    assert process.recovered == 0
    assert issues.read_books(again.store, frozen).counts == {"accepted": 1, "pending": 49}
    process.end()
    again.store.close()


# --- over something that stands there ---------------------------------------------------------------------------------


def over(desk: Desk, backup: Path, **options: Any) -> Restored:
    """Into the workspace where the database still is."""
    desk.store.close()
    return restore_backup(backup, desk.workspace.root, NOW + timedelta(hours=3), **options)


def test_c7_a_restore_overwrites_nothing_without_being_asked(desk: Desk, tmp_path: Path) -> None:
    back_up(desk, tmp_path / "b.backup")
    path = desk.workspace.root / "issues/2025-07-07-weekly/issue.md"
    path.write_text(path.read_text().replace("Baku", "Bakou"))
    before = {one: one.read_bytes() for one in desk.workspace.root.rglob("*") if one.is_file() and FILE not in one.name}
    with pytest.raises(UsageError, match=r"are other: issues/2025-07-07-weekly/issue\.md, the database") as told:
        over(desk, tmp_path / "b.backup")
    assert "--overwrite" in str(told.value.mistakes[0].help)
    assert {
        one: one.read_bytes() for one in desk.workspace.root.rglob("*") if one.is_file() and FILE not in one.name
    } == before
    again = open_restored(desk, desk.workspace.root)
    assert find_restore(again.store, mark_path(again.workspace, again.store)) == ""
    again.store.close()


def test_c7_what_is_overwritten_is_kept(desk: Desk, tmp_path: Path) -> None:
    back_up(desk, tmp_path / "b.backup")
    desk.add(SubscriberRow("later@example.org", "later@example.org"))
    path = desk.workspace.root / "issues/2025-07-07-weekly/issue.md"
    edited = path.read_text().replace("Baku", "Bakou")
    path.write_text(edited)
    done = over(desk, tmp_path / "b.backup", overwrite=True)
    keep = desk.workspace.root / done.kept
    assert (keep / "issues/2025-07-07-weekly/issue.md").read_text() == edited
    assert "Bakou" not in path.read_text()
    with closing(sqlite3.connect(keep / FILE)) as old:
        assert old.execute("SELECT count(*) FROM subscriber").fetchone() == (51,)
    assert stat.S_IMODE(keep.stat().st_mode) == 0o700
    again = open_restored(desk, desk.workspace.root)
    assert find_person(again.store, "later@example.org") is None
    again.store.close()


def test_c7_who_left_since_the_backup_stays_away_if_the_database_that_stood_there_knows(
    desk: Desk, tmp_path: Path
) -> None:
    """An unsubscribe, a complaint and an erasure win over a restore."""
    unsubscribe(desk.store, "r9@example.org", source="a link", now=NOW)
    back_up(desk, tmp_path / "b.backup")
    later = NOW + timedelta(hours=1)
    unsubscribe(desk.store, "r1@example.org", source="one click", now=later)
    unsubscribe(desk.store, "r2@example.org", source="feedback", now=later, state="complained")
    forget(desk.store, "r3@example.org", later)
    forget(desk.store, "r9@example.org", later)  # had left before, and is erased now
    unsubscribe(desk.store, "nobody@example.org", source="a list", now=later)  # never was a subscriber
    done = over(desk, tmp_path / "b.backup", overwrite=True)
    assert done.stayed_away == 4
    again = open_restored(desk, desk.workspace.root)
    states = {name: find_person(again.store, f"{name}@example.org") for name in ("r1", "r2", "r3", "r4", "r9")}
    assert {name: one.row.state if one else None for name, one in states.items()} == {
        "r1": "unsubscribed", "r2": "complained", "r3": None, "r4": "active", "r9": None
    }  # fmt: skip
    with again.store.reading() as connection:
        reasons = [
            suppression_reason(again.store, connection, f"{name}@example.org") for name in ("r1", "r2", "r3", "nobody")
        ]
    assert reasons == ["unsubscribed", "complained", "erased", "unsubscribed"]
    assert "r3@example.org" not in all_text(again.store)
    with again.store.writing() as connection:
        intake = SubscriberIntake(again.store, connection, source="a list", event="imported", now=later)
        intake.take([SubscriberRow("nobody@example.org", "nobody@example.org")])
    assert find_person(again.store, "nobody@example.org") is None
    again.store.close()


@pytest.mark.parametrize("damage", ["garbage", "empty", "another key"])
def test_c7_a_database_that_cannot_be_read_is_kept_and_it_is_said_that_nobody_knows_who_left(
    desk: Desk, tmp_path: Path, damage: str
) -> None:
    if not desk.store.is_sqlite:
        pytest.skip("a file can be damaged")
    back_up(desk, tmp_path / "b.backup")
    desk.store.close()
    file = desk.workspace.root / FILE
    if damage == "another key":
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("UPDATE installation SET key_check = 'x'")
            connection.commit()
    else:
        file.write_bytes(b"x" * 5000 if damage == "garbage" else b"")
    done = over(desk, tmp_path / "b.backup", overwrite=True)
    assert done.stayed_away is None
    assert (desk.workspace.root / done.kept / FILE).exists()
    again = open_restored(desk, desk.workspace.root)
    assert issues.frozen_issues(again.store) == []
    again.store.close()


def test_c7_a_database_that_is_in_use_is_not_replaced(desk: Desk, tmp_path: Path) -> None:
    back_up(desk, tmp_path / "b.backup")
    with desk.store.reading() as connection:
        connection.execute(select(schema.sender)).all()
    # As a running serve has it: its connections stay open.
    with pytest.raises(UsageError, match="in use"):
        restore_backup(tmp_path / "b.backup", desk.workspace.root, NOW, overwrite=True)
    desk.store.close()
    restore_backup(tmp_path / "b.backup", desk.workspace.root, NOW, overwrite=True)


def test_a_journal_that_stood_there_is_not_read_for_the_restored_database(desk: Desk, tmp_path: Path) -> None:
    """Its numbers are those of issues that the restored database will give to others."""
    back_up(desk, tmp_path / "b.backup")
    journal = journal_path(desk.workspace, desk.store)
    journal.parent.mkdir(exist_ok=True)
    journal.write_bytes(b"replies of an issue that is lost")
    done = over(desk, tmp_path / "b.backup", overwrite=True)
    assert not journal.exists()
    assert list((desk.workspace.root / done.kept).rglob(journal.name))


def test_a_file_that_stands_where_a_folder_belongs_is_kept(desk: Desk, tmp_path: Path) -> None:
    (desk.workspace.root / "posts").mkdir(exist_ok=True)
    (desk.workspace.root / "posts/a.md").write_text("A")
    back_up(desk, tmp_path / "b.backup")
    root = tmp_path / "new"
    root.mkdir()
    (root / "posts").write_text("a file")
    with pytest.raises(UsageError, match=r"posts/a\.md"):
        restore_backup(tmp_path / "b.backup", root, NOW) if desk.store.is_sqlite else over(
            replace(desk, workspace=Workspace(root)), tmp_path / "b.backup"
        )
    assert (root / "posts").read_text() == "a file"


@pytest.mark.parametrize("existing", [False, True], ids=["new folder", "over another"])
def test_c7_a_restore_that_is_ended_after_any_step_can_be_repeated_and_nothing_was_sent_or_lost(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, existing: bool
) -> None:
    """A kill between two files: what is there then is no database, the old one, or one that sends nothing."""
    if not desk.store.is_sqlite:
        pytest.skip("with a server the database is one transaction")
    backup = back_up(desk, tmp_path / "b.backup").path
    desk.add(SubscriberRow("later@example.org", "later@example.org"))
    unsubscribe(desk.store, "r2@example.org", source="a link", now=NOW)
    desk.store.close()
    for step in range(1, 50):
        root = tmp_path / f"try{step}"
        if existing:
            shutil.copytree(desk.workspace.root, root)
            (root / "posts").mkdir(exist_ok=True)
            (root / "issues/2025-07-07-weekly/issue.md").write_text("an edit")
        calls = end_after(step, monkeypatch)
        try:
            restore_backup(backup, root, NOW, overwrite=existing)
        except KeyboardInterrupt:
            monkeypatch.undo()
            check_harmless(root)
            restore_backup(backup, root, NOW + timedelta(minutes=1), overwrite=True)
        monkeypatch.undo()
        check_harmless(root)
        again = open_restored(desk, root)
        left = find_person(again.store, "r2@example.org")
        assert left
        assert left.row.state == ("unsubscribed" if existing else "active")
        again.store.close()
        if existing:
            kept = [path.read_text() for path in root.rglob(".newsletter/before-restore-*/issues/*/issue.md")]
            assert "an edit" in kept
            assert any(count_subscribers(one) == 51 for one in root.rglob(f".newsletter/before-restore-*/{FILE}"))
        if calls[0] < step:
            break
    assert step > 4


def end_after(step: int, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The process ends at its n-th file → how many there were."""
    from newsletter.workspace.backup_file import put_in_place as real

    calls = [0]

    def put(new: Path, place: Path) -> None:
        calls[0] += 1
        if calls[0] == step:
            raise KeyboardInterrupt
        real(new, place)

    monkeypatch.setattr("newsletter.flows.restore.put_in_place", put)
    return calls


def check_harmless(root: Path) -> None:
    """No database that would send stands there, but for the old one, untouched."""
    file = root / FILE
    if not file.exists():
        return
    with closing(sqlite3.connect(file)) as connection:
        (copied_at,) = connection.execute("SELECT copied_at FROM sender").fetchone()
    assert copied_at or count_subscribers(file) == 51


def count_subscribers(file: Path) -> int:
    with closing(sqlite3.connect(file)) as connection:
        found: int = connection.execute("SELECT count(*) FROM subscriber").fetchone()[0]
        return found


# --- files that are no backups, or hostile ones -----------------------------------------------------------------------


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A backup of a workspace without a database, to be tampered with."""
    from newsletter.cli import run

    assert run(["init", str(tmp_path / "ws")]) == 0
    assert run(["--workspace", str(tmp_path / "ws"), "backup", str(tmp_path / "b")]) == 0
    return tmp_path / "b"


def tamper(path: Path, change: Callable[[dict[str, Any]], object], *, drop: str = "", **members: Any) -> None:
    """Rewrite a backup: its manifest changed, members dropped or added (bytes, or a ZipInfo and bytes)."""
    with zipfile.ZipFile(path) as archive:
        content = {info.filename: archive.read(info) for info in archive.infolist()}
    manifest = json.loads(content.pop(MANIFEST))
    content.pop(drop, None)
    change(manifest)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)
        for info, data in members.get("added", ()):
            archive.writestr(info, data)
        archive.writestr(MANIFEST, json.dumps(manifest))


def listed(name: str, data: bytes, **changes: Any) -> Callable[[dict[str, Any]], None]:
    """The manifest lists this one too, rightly unless told otherwise."""
    import hashlib

    entry = {"name": name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest(), "private": False} | changes
    return lambda manifest: manifest["files"].append(entry)


def refused(path: Path, words: str) -> None:
    """Nothing is written, not even the folder."""
    root = path.parent / "new"
    outside = set(path.parent.rglob("*"))
    with pytest.raises(NewsletterError, match=words):
        restore_backup(path, root, NOW)
    assert set(path.parent.rglob("*")) == outside


NAMES = [
    "workspace/../evil", "workspace//etc/evil", "/evil", "../evil", "workspace/a/../../evil", "evil", "workspace/.git/config",
    "workspace/posts/.git/hooks/x", "workspace/.bashrc", "workspace/.newsletter/mark", "workspace/.newsletter/a/b.json",
    "workspace/posts/a\\b", "workspace/posts/a\nb", "workspace/posts/./a", "workspace/", "database/other", "workspace/..",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_leads_elsewhere_is_refused(small: Path, name: str) -> None:
    tamper(small, listed(name, b"evil"), added=[(name, b"evil")])
    refused(small, "in the workspace|none of the files|no plain file")


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFDIR])
def test_a_link_or_anything_that_is_no_file_is_refused(small: Path, kind: int) -> None:
    info = zipfile.ZipInfo("workspace/posts/link.md")
    info.create_system = 3
    info.external_attr = (kind | 0o777) << 16
    tamper(small, listed("workspace/posts/link.md", b"/etc/passwd"), added=[(info, b"/etc/passwd")])
    refused(small, "is no plain file")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (listed("workspace/posts/more.md", b"x"), "other files than its manifest lists"),
        (lambda manifest: manifest["files"].pop(), "other files than its manifest lists"),
        (lambda manifest: manifest["files"].append(manifest["files"][0]), "other files than its manifest lists"),
        (lambda manifest: manifest["files"][0].update(sha256="0" * 64), "is not what was written"),
        (lambda manifest: manifest["files"][0].update(bytes=1), "another size"),
        (lambda manifest: manifest["files"][0].update(bytes=-1), "another size"),
        (lambda manifest: manifest.update(format=2), "is of format 2"),
        (lambda manifest: manifest.update(files=None), "manifest that cannot be read"),
        (lambda manifest: manifest.update(files=["x"]), "manifest that cannot be read"),
        (lambda manifest: manifest.pop("made_at"), "manifest that cannot be read"),
        (lambda manifest: manifest.update(made_at="yesterday"), "manifest that cannot be read"),
        (lambda manifest: manifest.update(database={"rows": {}}), "a database without its key"),
        (lambda manifest: manifest.update(database=7), "manifest that cannot be read"),
    ],
)  # fmt: skip
def test_a_manifest_that_does_not_agree_with_the_file_is_refused(
    small: Path, change: Callable[[dict[str, Any]], object], words: str
) -> None:
    tamper(small, change)
    refused(small, words)


def test_a_file_that_says_it_holds_more_than_may_be_in_it_is_refused(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("newsletter.workspace.backup_file.FILE_LIMIT", 1000)
    data = bytes(1001)
    tamper(small, listed("workspace/posts/big.md", data), added=[("workspace/posts/big.md", data)])
    refused(small, "too large")


def test_an_archive_that_unpacks_to_more_than_the_disk_has_is_refused_before_it_is_unpacked(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10, 9, 1))
    refused(small, "0 MB are free")


@pytest.mark.parametrize("cut", [0, 1, 100, -1, -22, -100])
def test_a_file_that_is_cut_off_is_refused(small: Path, cut: int) -> None:
    small.write_bytes(small.read_bytes()[:cut])
    refused(small, "no backup of newsletter-desk|cannot be read|holds other files")


def test_a_flipped_octet_anywhere_is_noticed(small: Path) -> None:
    whole = small.read_bytes()
    with reading_backup(small) as found:
        sizes = sum(member.bytes for member in found.manifest.files)
    assert sizes > 0
    noticed = 0
    for place in range(40, len(whole), max(1, len(whole) // 40)):
        small.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        try:
            restore_backup(small, small.parent / "new", NOW)
        except NewsletterError:
            noticed += 1
        else:
            # Octets that say nothing: times and the like of the archive. Every file is what was written.
            for path in (small.parent / "new").rglob("*"):
                if path.is_file():
                    assert (
                        path.read_bytes() == (small.parent / "ws" / path.relative_to(small.parent / "new")).read_bytes()
                    )
            shutil.rmtree(small.parent / "new")
    assert noticed > 20


@pytest.mark.parametrize(
    "data", [b"", b"PK\x05\x06" + bytes(18), b"no backup", b"\x1f\x8b"], ids=["empty", "empty zip", "text", "gzip"]
)
def test_a_file_that_is_no_backup_is_refused_in_one_line(small: Path, data: bytes) -> None:
    small.write_bytes(data)
    refused(small, "is no backup of newsletter-desk")


def test_a_backup_that_is_not_there_is_refused(tmp_path: Path) -> None:
    refused(tmp_path / "none", "there is no such file")


def test_settings_that_put_the_database_elsewhere_are_asked_about(desk: Desk, tmp_path: Path) -> None:
    """Attack: the settings in a backup name any place of this machine."""
    if not desk.store.is_sqlite:
        pytest.skip("a server has its own place")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    toml = desk.workspace.root / "newsletter.toml"
    toml.write_text(toml.read_text().replace("sqlite:///newsletter.db", f"sqlite:///{elsewhere}/n.db"))
    desk.store.close()
    (desk.workspace.root / FILE).rename(elsewhere / "n.db")
    desk.config = read_config(desk.workspace)
    back_up(desk, tmp_path / "b.backup")
    (elsewhere / "n.db").unlink()
    with pytest.raises(UsageError, match="outside of") as told:
        restore_backup(tmp_path / "b.backup", tmp_path / "new", NOW)
    assert "--outside" in str(told.value.mistakes[0].help)
    assert not (elsewhere / "n.db").exists()
    restore_backup(tmp_path / "b.backup", tmp_path / "new", NOW, outside=True)
    assert (elsewhere / "n.db").exists()


def test_a_link_in_the_folder_is_not_written_through(small: Path) -> None:
    """Attack: whoever may make a link in the folder has a file of theirs written elsewhere."""
    (small.parent / "victim").mkdir()
    root = small.parent / "new"
    root.mkdir()
    (root / "posts").symlink_to(small.parent / "victim")
    with pytest.raises(UsageError, match="leads out of the workspace"):
        restore_backup(small, root, NOW, overwrite=True)
    assert not list((small.parent / "victim").iterdir())


def test_a_file_of_the_workspace_never_takes_the_place_of_the_database(desk: Desk, tmp_path: Path) -> None:
    if not desk.store.is_sqlite:
        pytest.skip("a server has its own place")
    back_up(desk, tmp_path / "b.backup")
    for name in (FILE, KEY_FILE, f"{FILE}.mark", f"{FILE}-wal"):
        evil = tmp_path / "evil"
        shutil.copy(tmp_path / "b.backup", evil)
        tamper(evil, listed(f"workspace/{name}", b"evil"), added=[(f"workspace/{name}", b"evil")])
        with pytest.raises(BackupError, match="the place of the database"):
            restore_backup(evil, tmp_path / "new", NOW)


def database_with(path: Path, statement: str) -> bytes:
    with zipfile.ZipFile(path) as archive:
        (path.parent / "t.db").write_bytes(archive.read(DATABASE))
    with closing(sqlite3.connect(path.parent / "t.db")) as connection:
        connection.execute(statement)
        connection.commit()
    return (path.parent / "t.db").read_bytes()


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("CREATE TRIGGER t AFTER UPDATE ON sender BEGIN DELETE FROM suppression; END", "holds a trigger"),
        ("CREATE VIEW v AS SELECT 1", "holds a view"),
        ("DELETE FROM subscriber WHERE id = 1", "other rows"),
        ("UPDATE installation SET key_check = 'x'", "belongs to another key"),
        ("UPDATE alembic_version SET version_num = '9999'", "of version 9999"),
        ("DROP TABLE suppression", "other rows"),
    ],
)
def test_a_database_in_a_backup_that_is_not_as_it_was_written_is_refused(
    desk: Desk, tmp_path: Path, statement: str, words: str
) -> None:
    """Also with a manifest that lists it rightly."""
    path = back_up(desk, tmp_path / "b.backup").path
    data = database_with(path, statement)

    def relist(manifest: dict[str, Any]) -> None:
        manifest["files"] = [one for one in manifest["files"] if one["name"] != DATABASE]
        listed(DATABASE, data)(manifest)

    tamper(path, relist, drop=DATABASE, added=[(DATABASE, data)])
    with pytest.raises(NewsletterError, match=words):
        restore_backup(path, tmp_path / "new", NOW)
    assert not (tmp_path / "new").exists()
    with pytest.raises(NewsletterError, match=words):
        verify_backup(path, tmp_path)
