"""Opening and making a database: one that is missing, foreign, newer or read-only is refused, never made anew (F13, F14)."""

import os
import sqlite3
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text
from sqlalchemy.pool import QueuePool

from newsletter.store import database, issues, schema
from newsletter.store.database import Store, StoreError, create_store, exists, open_store, stamp
from newsletter.store.keys import DatabaseKey
from newsletter.store.slots import find_slot
from newsletter.store.subscribers import find_person
from tests.databases import NOW, new_store
from tests.store.desk import audience, count_rows, reader, start, take_in, url_of


class Place:
    """Where a database and its key lie."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "newsletter.db"
        self.key = folder / "newsletter.key"
        self.url = f"sqlite:///{self.file}"

    def create(self) -> None:
        """A database with one reader."""
        store = create_store(self.url, self.key, NOW)
        take_in(store, [reader(1)])
        store.close()

    def refuse(self, words: str) -> StoreError:
        """It cannot be opened, and nothing is made in its place."""
        before = sorted(self.file.parent.iterdir())
        with pytest.raises(StoreError, match=words) as caught:
            open_store(self.url, self.key)
        assert [path for path in sorted(self.file.parent.iterdir()) if path not in before] == []
        return caught.value


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


# --- making -------------------------------------------------------------------------------------------------------


def test_a_new_database_and_its_key_are_for_their_owner_only(place: Place) -> None:
    """T51: addresses are in the one, and the other opens every link."""
    mask = os.umask(0)
    try:
        place.create()
        store = open_store(place.url, place.key)
        process = start(store, audience(store, 2))
        process.claim(1)
        assert len(list(place.file.parent.iterdir())) > 2  # its log and its lock too
        for path in place.file.parent.iterdir():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name
        process.end()
        store.close()
    finally:
        os.umask(mask)


def test_a_database_is_opened_again_with_what_was_in_it(place: Place) -> None:
    place.create()
    assert exists(place.url)
    store = open_store(place.url, place.key)
    assert count_rows(store, "subscriber") == 1
    assert store.is_sqlite
    store.close()


def test_a_folder_that_is_not_there_is_made(tmp_path: Path) -> None:
    place = Place(tmp_path / "deep" / "er")
    place.create()
    assert exists(place.url)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_the_migrations_and_the_tables_of_the_program_say_the_same(kind: str, tmp_path: Path) -> None:
    store = new_store(kind, tmp_path)
    with store.reading() as connection:
        options = {"compare_type": True, "compare_server_default": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, schema.metadata) == []
        found = {index["name"] for index in inspect(connection).get_indexes("delivery")}
        assert found == {index.name for index in schema.delivery.indexes}
    store.close()


def test_the_index_of_deferred_rows_is_partial_and_deliveries_have_no_second_tree(place: Place) -> None:
    place.create()
    with sqlite3.connect(place.file) as connection:
        statements = dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))
    connection.close()
    assert "WHERE state = 'deferred'" in statements["delivery_deferred"]
    assert "WITHOUT ROWID" in statements["delivery"]
    assert "AUTOINCREMENT" in statements["subscriber"]


def test_the_index_of_deferred_rows_is_partial_on_postgresql_too(tmp_path: Path) -> None:
    store = new_store("postgresql", tmp_path)
    with store.reading() as connection:
        made = text("SELECT indexdef FROM pg_indexes WHERE indexname = 'delivery_deferred'")
        assert "WHERE (state = 'deferred'" in connection.execute(made).scalar_one()
    store.close()


def test_a_commit_of_the_store_is_on_the_disk(place: Place) -> None:
    """D12: what was promised survives a power loss."""
    place.create()
    store = open_store(place.url, place.key)
    with store.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == 2  # FULL
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"
    store.close()


# --- refusing (F13) -----------------------------------------------------------------------------------------------


def test_a_database_that_never_was_is_not_made_by_opening_it(place: Place) -> None:
    error = place.refuse("is not there yet")
    assert error.mistakes[0].help == "newsletter serve makes it, or newsletter subscribers import FILE"
    assert not exists(place.url)


def test_a_database_that_is_gone_while_its_key_is_here_is_never_made_anew(place: Place) -> None:
    place.create()
    for path in place.file.parent.glob("newsletter.db*"):
        path.unlink()
    place.refuse("is gone: its key is here")
    with pytest.raises(StoreError, match="belongs to a database that is not there"):
        create_store(place.url, place.key, NOW)
    assert not place.file.exists()


def test_a_folder_that_is_gone_is_never_made_anew_while_the_key_is_here(tmp_path: Path) -> None:
    place = Place(tmp_path / "data")
    place.key = tmp_path / "newsletter.key"
    place.create()
    for path in place.file.parent.iterdir():
        path.unlink()
    place.file.parent.rmdir()
    with pytest.raises(StoreError, match="is gone"):
        open_store(place.url, place.key)
    assert not place.file.parent.exists()


@pytest.mark.parametrize("words", [None, "", "not hexadecimal\n", "00ff\n", "é" * 64], ids=str)
def test_a_key_that_is_lost_or_damaged_is_never_made_anew(place: Place, words: str | None) -> None:
    place.create()
    place.key.unlink() if words is None else place.key.write_text(words, encoding="utf-8")
    place.refuse("the database's key cannot be read")
    with pytest.raises(StoreError):
        create_store(place.url, place.key, NOW)
    assert place.key.exists() is (words is not None)


def test_the_key_of_another_database_is_refused(place: Place, tmp_path: Path) -> None:
    place.create()
    other = Place(tmp_path / "other")
    other.create()
    place.key.write_bytes(other.key.read_bytes())
    place.refuse("is not the key of")


@pytest.mark.parametrize(
    "content",
    [
        lambda path: path.touch(),
        lambda path: path.write_bytes(b"this is a letter, not a database\n" * 100),
        lambda path: _foreign(path),
    ],
    ids=["empty", "no database", "of another program"],
)
@pytest.mark.parametrize("keyed", [True, False], ids=["with a key", "without a key"])
def test_a_file_that_is_not_ours_is_neither_used_nor_overwritten(
    place: Place, content: Callable[[Path], object], keyed: bool
) -> None:
    content(place.file)
    if keyed:
        place.key.write_text("00" * 32)
    before = place.file.read_bytes()
    with pytest.raises(StoreError):
        open_store(place.url, place.key)
    with pytest.raises(StoreError):
        create_store(place.url, place.key, NOW)
    assert place.file.read_bytes().startswith(before)
    assert place.key.exists() is keyed


def _foreign(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE bookmarks (url TEXT)")
        connection.execute("PRAGMA journal_mode = WAL")
    connection.close()


def test_a_database_that_could_not_be_made_leaves_no_key_that_speaks_of_a_lost_one(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(connection: object) -> None:
        raise OSError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(database, "_migrate", fail)
        with pytest.raises(StoreError, match="full"):
            create_store(place.url, place.key, NOW)
    assert not place.key.exists()
    place.create()
    assert exists(place.url)


def test_a_database_that_cannot_be_reached_leaves_no_key(tmp_path: Path) -> None:
    key = tmp_path / "newsletter.key"
    url = f"postgresql+psycopg://reader:geheim@/news?host={tmp_path}"  # nobody listens there
    with pytest.raises(StoreError) as making:
        create_store(url, key, NOW)
    with pytest.raises(StoreError) as opening:
        open_store(url, key)
    assert "geheim" not in f"{making.value} {opening.value}"
    assert not key.exists()


# --- read-only ----------------------------------------------------------------------------------------------------


@pytest.fixture
def readers_folder() -> Iterator[Path]:
    """A folder that another user may look into but not change."""
    import shutil
    import tempfile

    folder = Path(tempfile.mkdtemp(prefix="newsletter-ro-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user for a moment")
def test_a_database_that_may_only_be_read_stops_what_would_write(readers_folder: Path) -> None:
    place = Place(readers_folder)
    place.create()
    for path in readers_folder.iterdir():
        path.chmod(0o644)
    os.seteuid(65534)
    try:
        with pytest.raises(StoreError):  # noqa: PT012 - opening it may fail already
            store = open_store(place.url, place.key)
            try:
                take_in(store, [reader(2)])
            finally:
                store.close()
    finally:
        os.seteuid(0)
    store = open_store(place.url, place.key)
    assert count_rows(store, "subscriber") == 1
    store.close()


# --- versions (F14) -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["9999", "0000"])
def test_a_database_of_another_version_is_refused_and_not_changed(store: Store, tmp_path: Path, version: str) -> None:
    with store.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :version"), {"version": version})
    with pytest.raises(StoreError, match=rf"of version {version}; this program knows {database.HEAD}"):
        open_store(url_of(store), tmp_path / "newsletter.key")
    with store.reading() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one() == version


def test_a_database_without_a_version_is_refused(store: Store, tmp_path: Path) -> None:
    with store.writing() as connection:
        connection.execute(text("DELETE FROM alembic_version"))
    with pytest.raises(StoreError, match="damaged: its version is None"):
        open_store(url_of(store), tmp_path / "newsletter.key")


def test_the_version_that_the_program_knows_is_the_newest_migration() -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(database.__file__).parent / "migrations"))
    assert ScriptDirectory.from_config(config).get_heads() == [database.HEAD]


def make_old(store: Store, version: str) -> None:
    """Turn a new database into one of an older version, with a reader and an issue in it."""
    from alembic import command
    from alembic.config import Config

    with store.engine.begin() as connection:
        installation = dict(connection.execute(text("SELECT * FROM installation")).one()._mapping)
        for table in reversed(inspect(connection).get_table_names()):
            connection.execute(text(f"DROP TABLE {table}"))
        config = Config()
        config.set_main_option("script_location", str(Path(database.__file__).parent / "migrations"))
        config.attributes["connection"] = connection
        command.upgrade(config, version)
        connection.execute(text("INSERT INTO installation VALUES (:id, :created_at, :key_check)"), installation)
        connection.execute(text("INSERT INTO sender VALUES (1, 7, '', '')"))
        connection.execute(text(_OLD_READER))
        connection.execute(text(_OLD_ISSUE))


_OLD_READER = """
    INSERT INTO subscriber (address, canonical, state, name, themes, language, timezone, created_at, confirmed_at,
        unsubscribed_at, tags, attributes)
    VALUES ('a@b.example', 'a@b.example', 'active', 'A', '', '', '', '', '', '', '', '')
"""
_OLD_ISSUE = """
    INSERT INTO issue (slug, edition, state, reason, content_sha256, frozen_at, expires_at, planned)
    VALUES ('2026-01-05-weekly', 'weekly', 'done', '', 'x', '2026-01-05T06:00:00Z', '2026-01-08T06:00:00Z', 0)
"""


def test_a_database_of_an_older_version_is_brought_up_to_date(store: Store, tmp_path: Path) -> None:
    make_old(store, "0001")
    again = open_store(url_of(store), tmp_path / "newsletter.key")
    frozen = issues.find_issue(again, "2026-01-05-weekly")
    assert frozen
    assert (frozen.state, frozen.starts_at) == ("done", "")
    assert find_person(again, "a@b.example")
    assert find_slot(again, "weekly/2026-01-05") is None
    again.close()
    if store.path:
        copy = store.path.with_name(f"{store.path.name}.before-{database.HEAD}")
        assert copy.stat().st_mode & 0o777 == 0o600
        with closing(sqlite3.connect(copy)) as old:
            assert old.execute("SELECT version_num FROM alembic_version").fetchone() == ("0001",)
            assert old.execute("SELECT address FROM subscriber").fetchone() == ("a@b.example",)


# --- transactions and the key -------------------------------------------------------------------------------------


def test_a_transaction_that_fails_leaves_nothing(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.writing() as connection:  # noqa: PT012 - it is the transaction that ends
        connection.execute(text("INSERT INTO bucket (name, tokens, at) VALUES ('x', 1, '')"))
        _ = 1 / 0
    assert count_rows(store, "bucket") == 0


def test_an_error_of_the_driver_is_told_in_one_line_of_ours(store: Store) -> None:
    with pytest.raises(StoreError, match=r"^the database failed: [^\n]+$"), store.reading() as connection:
        connection.execute(text("SELECT * FROM nowhere"))


def test_the_key_makes_one_key_for_each_purpose_and_shows_none() -> None:
    key = DatabaseKey(b"s" * 32)
    made = {key.derive(purpose) for purpose in ("unsubscribe", "verp", "suppression", "check")}
    assert len(made) == 4
    assert b"s" * 32 not in made
    assert "sss" not in repr(key)
    assert key.derive("verp") == DatabaseKey(b"s" * 32).derive("verp") != DatabaseKey(b"t" * 32).derive("verp")
    assert key.address_hash("a@b.c") != DatabaseKey(b"t" * 32).address_hash("a@b.c")


def test_a_moment_is_stored_so_that_texts_sort_like_times() -> None:
    assert stamp(NOW) == "2026-11-23T07:00:00Z"
    assert stamp(NOW.replace(microsecond=999_999)) == "2026-11-23T07:00:00Z"


def test_the_threads_of_a_process_write_one_after_the_other(tmp_path: Path) -> None:
    """Who waits takes no connection and does not poll SQLite's lock."""
    store, done = new_store("sqlite", tmp_path), []

    def write(number: int) -> None:
        with store.writing():
            done.append(number)

    threads = [threading.Thread(target=write, args=(number,)) for number in (1, 2, 3)]
    with store.writing():
        for thread in threads:
            thread.start()
        threads[0].join(0.2)
        assert isinstance(store.engine.pool, QueuePool)
        assert store.engine.pool.checkedout() == 1
        assert done == []
    for thread in threads:
        thread.join()
    assert sorted(done) == [1, 2, 3]
    store.close()
