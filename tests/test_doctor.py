"""`newsletter doctor`: what it finds in an installation that is well, and in one of each kind that is not."""

import os
import shutil
import sqlite3
import ssl
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import trustme
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from newsletter.config import Config
from newsletter.config.settings import Dkim, FurtherRelay, Hook
from newsletter.delivery.dkim import read_key
from newsletter.delivery.records import NoAnswer, write_dkim_record
from newsletter.flows.build import build_issue
from newsletter.flows.doctor import CHECKS, Check, examine
from newsletter.flows.doctor.database import biggest_frozen, check_database, check_sqlite, check_waiting
from newsletter.flows.doctor.installation import Installation, Look
from newsletter.flows.doctor.local import (
    check_disk,
    check_editions,
    check_files,
    check_python,
    check_serving,
    check_settings,
    check_time_zone,
)
from newsletter.flows.doctor.relays import check_relays, check_secrets
from newsletter.flows.doctor.remote import (
    check_alignment,
    check_clock,
    check_dkim,
    check_dkim_keys,
    check_dmarc,
    check_metrics,
    check_mx,
    check_spf,
    check_unsubscribe,
)
from newsletter.flows.doctor.visitors import check_limits
from newsletter.store.database import Store, create_store
from newsletter.workspace.files import Workspace
from newsletter.workspace.load import read_config
from tests.cli.conftest import Call, call, sample
from tests.sending import ISSUE, in_thread, make_desk
from tests.smtp_server import EHLO, SmtpServer
from tests.web_server import WebServer, serve

__all__ = ["call", "sample"]  # fixtures

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
DOMAIN = "borderlines.example"
RECORDS: dict[tuple[str, str], Sequence[str]] = {
    (DOMAIN, "MX"): ["10 mx.borderlines.example."],
    (DOMAIN, "TXT"): ["v=spf1 include:relay.example -all"],
    (f"_dmarc.{DOMAIN}", "TXT"): ["v=DMARC1; p=reject"],
}


@pytest.fixture
def workspace(tmp_path: Path, root: Path) -> Workspace:
    shutil.copy(root / "newsletter.toml", tmp_path)
    return Workspace(tmp_path)


@pytest.fixture
def config(workspace: Workspace) -> Config:
    return read_config(workspace)


@pytest.fixture
def web() -> Iterator[WebServer]:
    with serve() as server:
        yield server


def ask(
    look: Look, workspace: Workspace, config: Config, records: Mapping[tuple[str, str], Sequence[str]] = RECORDS
) -> list[Check]:
    """What one check says."""
    return list(look(Installation(workspace, config, NOW, lambda name, kind: records.get((name, kind), ()))))


def one(checks: Iterable[Check]) -> Check:
    (check,) = checks
    return check


def levels(checks: Iterable[Check]) -> list[str]:
    return [check.level for check in checks]


def at(config: Config, web: WebServer) -> Config:
    return replace(config, publication=replace(config.publication, url=web.url("")))


# --- all of it ----------------------------------------------------------------------------------------------------


def test_an_installation_that_is_well(workspace: Workspace, config: Config, web: WebServer) -> None:
    create_store(f"sqlite:///{workspace.root}/newsletter.db", workspace.root / "newsletter.key", NOW).close()
    web.give("/", b"hello")
    web.give("/u/" + "x" * 32, b"<p>Borderlines: no such link</p>", status=404)
    with in_thread(SmtpServer()) as relay:
        smtp = replace(config.smtp, host="127.0.0.1", port=relay.port, security="none")
        well = replace(at(config, web), smtp=smtp)
        checks = examine(workspace, well, datetime.now(UTC), resolver=lambda name, kind: RECORDS.get((name, kind), ()))
    assert {check.name for check in checks if not check.ok} <= {"sqlite", "disk"}
    assert {check.name for check in checks} >= {
        "database",
        "relay",
        "mx",
        "spf",
        "dkim",
        "dmarc",
        "unsubscribe",
        "metrics",
        "clock",
    }
    assert not any(check.fix for check in checks if check.ok)
    assert not relay.mails
    assert not any(command.startswith(("MAIL", "RCPT")) for command in relay.commands)


def test_c52_numbers_that_everybody_can_read_are_an_error(workspace: Workspace, config: Config, web: WebServer) -> None:
    assert one(ask(check_metrics, workspace, at(config, web))).level == "ok"
    web.give("/metrics", b"newsletter_subscribers 7\n")
    check = one(ask(check_metrics, workspace, at(config, web)))
    assert (check.level, "404" in check.fix) == ("error", True)


def test_offline_asks_nobody(workspace: Workspace, config: Config) -> None:
    def never(name: str, kind: str) -> tuple[str, ...]:
        raise AssertionError(name)

    checks = examine(workspace, config, NOW, resolver=never, online=False)
    assert not {"relay", "mx", "spf", "dmarc", "unsubscribe", "clock"} & {check.name for check in checks}


def test_every_check_is_in_the_table() -> None:
    known = {value for name, value in globals().items() if name.startswith("check_")}
    assert {look for look, _ in CHECKS} == known


def test_c42_a_limit_that_was_applied_lately_is_told(workspace: Workspace, config: Config) -> None:
    assert levels(ask(check_limits, workspace, config)) == ["ok"]
    entries = {"forms": "2026-11-22T09:00:00Z", "head-size": "2026-11-22T08:00:00Z", "links": "2026-11-20T08:00:00Z"}
    workspace.write_state("limits", {name: {"times": 7, "last": last} for name, last in entries.items()} | {"odd": 1})
    forms, heads = ask(check_limits, workspace, config)
    assert forms.level == "warning"
    assert "7 times, the last at 2026-11-22T09:00:00Z" in forms.detail
    assert "confirmations" in forms.fix
    assert heads.level == "ok"  # nobody else noticed
    workspace.write(".newsletter/limits.json", "{")
    assert one(ask(check_limits, workspace, config)).level == "error"


# --- this machine -------------------------------------------------------------------------------------------------


def test_python_must_be_new_enough(workspace: Workspace, config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    assert levels(ask(check_python, workspace, config)) == ["ok"]
    monkeypatch.setattr(sys, "version_info", (3, 10, 4))
    assert "3.11" in one(ask(check_python, workspace, config)).fix


@pytest.mark.parametrize(
    ("version", "level"), [((3, 40, 1), "warning"), ((3, 51, 2), "warning"), ((3, 51, 3), "ok"), ((3, 52, 0), "ok")]
)
def test_sqlite_before_its_mending(
    workspace: Workspace, config: Config, monkeypatch: pytest.MonkeyPatch, version: tuple[int, int, int], level: str
) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", version)
    assert levels(ask(check_sqlite, workspace, config)) == [level]
    elsewhere = replace(config, database=replace(config.database, url="postgresql+psycopg://host/name"))
    assert ask(check_sqlite, workspace, elsewhere) == []


@pytest.mark.parametrize(("free", "level"), [(99_999_999, "error"), (999_999_999, "warning"), (2 * 10**9, "ok")])
def test_a_full_disk(
    workspace: Workspace, config: Config, monkeypatch: pytest.MonkeyPatch, free: int, level: str
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=free))
    assert levels(ask(check_disk, workspace, config)) == [level]


def test_the_disk_of_a_folder_that_is_not_there_yet(workspace: Workspace, config: Config) -> None:
    far = replace(config, database=replace(config.database, url="sqlite:///deep/er/newsletter.db"))
    assert str(workspace.root) in one(ask(check_disk, workspace, far)).detail
    assert not (workspace.root / "deep").exists()


def test_a_time_zone_without_data(workspace: Workspace, config: Config) -> None:
    assert "13:00" in one(ask(check_time_zone, workspace, config)).detail
    lost = replace(config, publication=replace(config.publication, timezone="Europe/Nowhere"))
    assert levels(ask(check_time_zone, workspace, lost)) == ["error"]


# --- the settings -------------------------------------------------------------------------------------------------


def test_a_missing_postal_address(workspace: Workspace, config: Config) -> None:
    assert levels(ask(check_settings, workspace, config)) == ["ok", "ok"]
    without = replace(config, publication=replace(config.publication, postal_address=" "))
    assert levels(ask(check_settings, workspace, without)) == ["ok", "error"]


@pytest.mark.parametrize(
    ("change", "level", "words"),
    [
        ({}, "ok", "next 2026-11-23 07:00"),
        ({"mode": "approve"}, "ok", "when it is approved"),
        ({"mode": "draft"}, "ok", "sent by hand"),
        ({"schedule": ""}, "ok", "no schedule"),
        ({"skip": ("2026-11-23",)}, "ok", "next 2026-11-30"),
        ({"skip": ("2026-01-01/2030-01-01",)}, "warning", "never runs"),
        ({"themes": ()}, "warning", "no themes"),
    ],
)
def test_an_edition(workspace: Workspace, config: Config, change: dict[str, Any], level: str, words: str) -> None:
    changed = replace(config, editions=(replace(config.editions[0], **change),))
    check = one(ask(check_editions, workspace, changed))
    assert check.level == level
    assert words in check.detail


def test_no_edition_at_all(workspace: Workspace, config: Config) -> None:
    assert levels(ask(check_editions, workspace, replace(config, editions=()))) == ["error"]


# --- files (T51, T55) ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "newsletter.db",
        "newsletter.db-wal",
        "newsletter.db.before-0002",
        "newsletter.key",
        "s1.pem",
        "pw",
        "pw2",
        "token",
        "hook",
    ],
)
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o622])
def test_a_file_that_others_may_read_is_told(workspace: Workspace, config: Config, name: str, mode: int) -> None:
    """T51, T55: addresses and secrets are their owner's alone."""
    secretive = replace(
        config,
        dkim=(Dkim(selector="s1", key_file="s1.pem"),),
        smtp=replace(config.smtp, password_file="pw", token_file="token"),
        relays=(FurtherRelay(host="h.example", password_file="pw2"),),
        hooks=(Hook(url="https://h.example/", secret_file="hook"),),
    )
    for other in ("newsletter.db", "newsletter.key", "s1.pem", "pw", "pw2", "token", "hook", name):
        (workspace.root / other).write_text("a secret")
        (workspace.root / other).chmod(0o600)
    assert levels(ask(check_files, workspace, secretive)) == ["ok"]
    (workspace.root / name).chmod(mode)
    check = one(ask(check_files, workspace, secretive))
    assert (check.level, check.fix) == ("warning", f"chmod 600 {name}")
    assert "a secret" not in check.detail


def test_the_secret_of_a_hook_that_is_not_there(workspace: Workspace, config: Config) -> None:
    hooked = replace(config, hooks=(Hook(url="https://h.example/", secret_file="hook"),))
    assert "error" in levels(ask(check_files, workspace, hooked))


def test_a_serve_that_does_not_run_is_nothing_to_mend(workspace: Workspace, config: Config) -> None:
    assert levels(ask(check_serving, workspace, config)) == ["ok"]


# --- the database -------------------------------------------------------------------------------------------------


def make_database(workspace: Workspace) -> Path:
    create_store(f"sqlite:///{workspace.root}/newsletter.db", workspace.root / "newsletter.key", NOW).close()
    return workspace.root / "newsletter.db"


def set_version(database: Path, version: str) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (version,))


def test_a_missing_database_is_told_and_not_made(workspace: Workspace, config: Config) -> None:
    before = sorted(workspace.root.iterdir())
    check = one(ask(check_database, workspace, config))
    assert (check.level, check.fix) == (
        "warning",
        "newsletter serve makes it, or newsletter subscribers import FILE --consent TEXT",
    )
    assert sorted(workspace.root.iterdir()) == before


def test_a_database_and_its_key(workspace: Workspace, config: Config) -> None:
    make_database(workspace)
    before = sorted(workspace.root.iterdir())
    assert levels(ask(check_database, workspace, config)) == ["ok"]
    assert sorted(workspace.root.iterdir()) == before


def _lose_database(database: Path) -> None:
    database.unlink()


def _lose_key(database: Path) -> None:
    database.with_name("newsletter.key").unlink()


def _change_key(database: Path) -> None:
    database.with_name("newsletter.key").write_text("00" * 32)


def _spoil(database: Path) -> None:
    database.write_bytes(b"no database at all" * 1000)


def _age(database: Path) -> None:
    set_version(database, "9999")


def _take_version(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("DROP TABLE alembic_version")


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (_lose_database, "is gone"),
        (_lose_key, "key cannot be read"),
        (_change_key, "is not the key"),
        (_spoil, "not a database"),
        (_age, "version 9999"),
        (_take_version, "no such table"),
    ],
)
def test_a_database_that_cannot_be_used(
    workspace: Workspace, config: Config, harm: Callable[[Path], None], words: str
) -> None:
    harm(make_database(workspace))
    check = one(ask(check_database, workspace, config))
    assert check.level == "error"
    assert words in check.detail
    assert check.fix
    assert biggest_frozen(Installation(workspace, config, NOW, lambda name, kind: ())) == 0


def test_an_older_database_is_left_as_it_is(workspace: Workspace, config: Config) -> None:
    """To open a store brings it up to date; a doctor only looks."""
    database = make_database(workspace)
    set_version(database, "0001")
    before = sorted(workspace.root.iterdir())
    assert "0001" in one(ask(check_database, workspace, config)).detail
    assert biggest_frozen(Installation(workspace, config, NOW, lambda name, kind: ())) == 0
    assert sorted(workspace.root.iterdir()) == before
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == ("0001",)


def test_an_address_that_is_none_of_a_database(workspace: Workspace, config: Config) -> None:
    strange = replace(config, database=replace(config.database, url="nonsense with secret"))
    check = one(ask(check_database, workspace, strange))
    assert check.level == "error"
    assert "secret" not in check.detail


# --- the relays ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def secure(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


def look(server: SmtpServer, workspace: Workspace, config: Config, **smtp: Any) -> Check:
    with in_thread(server):
        settings = {"host": "127.0.0.1", "port": server.port, "security": "none", **smtp}
        check = one(ask(check_relays, workspace, replace(config, smtp=replace(config.smtp, **settings))))
    assert not server.mails
    assert server.connections == 1
    return check


def test_a_relay_that_lets_us_in(workspace: Workspace, config: Config, authority: trustme.CA) -> None:
    authority.cert_pem.write_to_path(workspace.root / "ca.pem")
    ehlo = b"250-x\r\n250-STARTTLS\r\n250-PIPELINING\r\n250-CHUNKING\r\n250-SIZE 10000000\r\n250 AUTH PLAIN\r\n"
    server = SmtpServer(tls=secure(authority), ehlo=ehlo, on={"AUTH": b"235 welcome\r\n"})
    login = {"username": "desk", "password": "secret", "chunking": False}
    check = look(server, workspace, config, security="starttls", ca_file="ca.pem", **login)
    assert check.level == "ok"
    for words in ("TLSv1.", "logged in", "10,000,000 bytes", "PIPELINING", "CHUNKING"):
        assert words in check.detail
    assert server.commands[-1] == "QUIT"


def test_a_wrong_login(workspace: Workspace, config: Config, authority: trustme.CA) -> None:
    authority.cert_pem.write_to_path(workspace.root / "ca.pem")
    ehlo = b"250-x\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n"
    server = SmtpServer(tls=secure(authority), ehlo=ehlo, on={"AUTH": b"535 5.7.8 no secret for you\r\n"})
    login = {"username": "desk", "password": "secret"}
    check = look(server, workspace, config, security="starttls", ca_file="ca.pem", **login)
    assert check.level == "error"
    assert "refuses the login: 535" in check.detail
    assert "password" in check.fix
    assert "secret" not in check.detail + check.fix


@pytest.mark.parametrize(
    ("server", "smtp", "words"),
    [
        (SmtpServer(banner=b"554 5.7.1 not you\r\n"), {}, "does not want to talk: 554"),
        (SmtpServer(banner=b"421 too busy\r\n"), {}, "421 too busy"),
        (SmtpServer(), {"security": "starttls"}, "offers no STARTTLS"),
        (SmtpServer(), {"username": "desk", "password": "p"}, "in the clear"),
        (SmtpServer(ehlo=EHLO.replace(b"50000000", b"3000")), {}, "mails of 3,000 bytes"),
    ],
    ids=["refused", "busy", "no TLS", "no TLS for a login", "too small"],
)
def test_a_relay_that_cannot_be_used(
    workspace: Workspace, config: Config, server: SmtpServer, smtp: dict[str, Any], words: str
) -> None:
    check = look(server, workspace, config, **smtp)
    assert check.level == "error"
    assert words in check.detail
    assert check.fix


def test_a_relay_that_is_not_there(workspace: Workspace, config: Config) -> None:
    with in_thread(SmtpServer()) as server:
        port = server.port
    gone = replace(config, smtp=replace(config.smtp, port=port))
    assert "cannot be reached" in one(ask(check_relays, workspace, gone)).detail


def test_certificates_that_are_not_there(workspace: Workspace, config: Config) -> None:
    check = one(ask(check_secrets, workspace, replace(config, smtp=replace(config.smtp, ca_file="gone.pem"))))
    assert check.level == "error"
    assert "gone.pem" in check.detail


def test_each_relay_is_looked_at(workspace: Workspace, config: Config) -> None:
    with in_thread(SmtpServer()) as first, in_thread(SmtpServer(banner=b"554 no\r\n")) as second:
        both = replace(
            config,
            smtp=replace(config.smtp, host="127.0.0.1", port=first.port, security="none"),
            relays=(FurtherRelay(host="127.0.0.1", port=second.port, security="none"),),
        )
        assert levels(ask(check_relays, workspace, both)) == ["ok", "error"]


def test_a_built_mail_that_is_too_big_for_the_relay(workspace: Workspace, config: Config) -> None:
    workspace.write("build/2026-11-23-weekly/message.eml", b"x" * 100_000)
    check = look(SmtpServer(ehlo=EHLO.replace(b"50000000", b"100000")), workspace, config)
    assert "there is one of 104,000" in check.detail


def test_a_frozen_mail_counts_too(tmp_path: Path, store: Store) -> None:
    desk = make_desk(tmp_path, store)
    if not store.is_sqlite:
        url = store.engine.url.render_as_string(hide_password=False)
        desk.config = replace(desk.config, database=replace(desk.config.database, url=url))
    case = Installation(desk.workspace, desk.config, NOW, lambda name, kind: ())
    assert levels(check_database(case)) == ["ok"]
    assert biggest_frozen(case) == 0
    desk.freeze()
    build_issue(desk.workspace, desk.config, ISSUE, now=NOW)
    built = (tmp_path / f"build/{ISSUE}/message.eml").stat().st_size
    assert abs(biggest_frozen(case) - built) < 2_000


@pytest.mark.parametrize(
    ("smtp", "words"),
    [
        ({"username": "desk"}, "a username and no password"),
        ({"username": "desk", "password_file": "gone"}, "gone"),
        ({"username": "desk", "password_file": "binary"}, "binary"),
    ],
)
def test_a_password_that_is_missing(workspace: Workspace, config: Config, smtp: dict[str, Any], words: str) -> None:
    (workspace.root / "binary").write_bytes(b"\x00\xff\x80")
    lacking = replace(config, smtp=replace(config.smtp, **smtp))
    check = one(ask(check_secrets, workspace, lacking))
    assert check.level == "error"
    assert words in check.detail


def test_a_password_that_is_there(workspace: Workspace, config: Config) -> None:
    assert ask(check_secrets, workspace, config) == []
    (workspace.root / "pw").write_text("secret")
    known = replace(config, smtp=replace(config.smtp, username="desk", password_file="pw"))
    assert ask(check_secrets, workspace, known) == []


# --- the DNS ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("look", [check_mx, check_spf, check_dmarc])
def test_records_that_are_good_missing_or_unknown(workspace: Workspace, config: Config, look: Look) -> None:
    def silent(name: str, kind: str) -> tuple[str, ...]:
        raise NoAnswer(f"the DNS gives no answer for {name}")

    assert levels(ask(look, workspace, config)) == ["ok"]
    assert levels(ask(look, workspace, config, {})) != ["ok"]
    check = one(look(Installation(workspace, config, NOW, silent)))
    assert (check.level, check.detail[:7]) == ("warning", "the DNS")


def test_a_domain_without_mx_is_asked_for_its_address(workspace: Workspace, config: Config) -> None:
    assert levels(ask(check_mx, workspace, config, {(DOMAIN, "AAAA"): ["2001:db8::1"]})) == ["warning"]


def test_a_domain_of_bounces_has_records_of_its_own(workspace: Workspace, config: Config) -> None:
    bouncing = replace(config, smtp=replace(config.smtp, bounces=f"b@Bounces.{DOMAIN}"))
    assert levels(ask(check_mx, workspace, bouncing)) == ["ok", "error"]
    assert f"bounces.{DOMAIN}" in one(ask(check_spf, workspace, bouncing)).detail
    assert levels(ask(check_alignment, workspace, bouncing)) == ["ok"]
    elsewhere = replace(config, smtp=replace(config.smtp, bounces="b@relay.example"))
    assert levels(ask(check_alignment, workspace, elsewhere)) == ["warning"]


def test_a_domain_beyond_ascii_is_asked_for_by_its_a_label(workspace: Workspace, config: Config) -> None:
    foreign = replace(config, publication=replace(config.publication, sender="B <desk@bücher.example>"))
    assert "xn--bcher-kva.example" in one(ask(check_spf, workspace, foreign)).detail


@pytest.fixture(scope="module")
def pem() -> bytes:
    return generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def test_a_published_key(workspace: Workspace, config: Config, pem: bytes) -> None:
    path = workspace.root / "s1.pem"
    path.write_bytes(pem)
    path.chmod(0o600)
    signing = replace(config, dkim=(Dkim(selector="s1", key_file="s1.pem"),))
    record = write_dkim_record(read_key(path, DOMAIN, "s1"))
    assert ask(check_dkim_keys, workspace, signing) == []
    assert levels(ask(check_dkim, workspace, signing, {(f"s1._domainkey.{DOMAIN}", "TXT"): [record]})) == ["ok"]
    missing = one(ask(check_dkim, workspace, signing, {}))
    assert missing.level == "error"
    assert record in missing.fix


def test_a_key_that_others_may_read(workspace: Workspace, config: Config, pem: bytes) -> None:
    """T55: then it is not used, so nothing can be sent."""
    path = workspace.root / "s1.pem"
    path.write_bytes(pem)
    path.chmod(0o644)
    signing = replace(config, dkim=(Dkim(selector="s1", key_file="s1.pem"),))
    check = one(ask(check_dkim_keys, workspace, signing))
    assert check.level == "error"
    assert "chmod 600" in check.fix
    assert "PRIVATE" not in str(check)


def test_a_key_of_another_domain(workspace: Workspace, config: Config, pem: bytes) -> None:
    path = workspace.root / "s1.pem"
    path.write_bytes(pem)
    path.chmod(0o600)
    other = replace(
        config,
        smtp=replace(config.smtp, bounces="b@relay.example"),
        dkim=(Dkim(selector="s1", key_file="s1.pem", domain="relay.example"),),
    )
    assert levels(ask(check_alignment, workspace, other)) == ["error"]


# --- the web ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong_s", "level"), [(0, "ok"), (59, "ok"), (-59, "ok"), (61, "warning"), (-3600, "warning")]
)
def test_the_clock(workspace: Workspace, config: Config, web: WebServer, wrong_s: int, level: str) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        told = NOW + timedelta(seconds=wrong_s - 10)
        handler.send_response_only(404)
        handler.send_header("Date", told.strftime("%a, %d %b %Y %H:%M:%S GMT"))
        handler.send_header("Age", "10")  # it lay in a cache
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    web.script("/", answer)
    assert levels(ask(check_clock, workspace, at(config, web))) == [level]


def test_a_clock_that_nobody_tells(workspace: Workspace, config: Config, web: WebServer) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response_only(200)
        handler.send_header("Date", "today")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    web.script("/", answer)
    assert "cannot be compared" in one(ask(check_clock, workspace, at(config, web))).detail


@pytest.mark.parametrize(
    ("status", "body", "level", "words"),
    [
        (200, b"<form>", "ok", "our pages"),
        (404, "<h1>Lines &amp; Börders</h1>".encode(), "ok", "our pages"),
        (404, b"<h1>nginx</h1>", "error", "not ours"),
        (500, b"Lines &amp; B\xc3\xb6rders", "error", "answers 500"),
        (410, b"", "error", "gone"),
    ],
)
def test_the_way_out(
    workspace: Workspace, config: Config, web: WebServer, status: int, body: bytes, level: str, words: str
) -> None:
    web.give("/u/" + "x" * 32, body, status=status)
    ours = replace(at(config, web), publication=replace(at(config, web).publication, title="Lines & Börders"))
    check = one(ask(check_unsubscribe, workspace, ours))
    assert check.level == level
    assert words in check.detail
    assert [path for path, _ in web.hits] == ["/u/" + "x" * 32]


def test_a_way_out_that_leads_nowhere(workspace: Workspace, config: Config) -> None:
    with serve() as server:
        gone = at(config, server)
    check = one(ask(check_unsubscribe, workspace, gone))
    assert check.level == "error"
    assert "refuses the connection" in check.detail


# --- the command --------------------------------------------------------------------------------------------------


def test_the_command_prints_a_line_a_check_and_what_mends_it(call: Call, sample: Path) -> None:
    done = call("doctor", "--offline")
    assert done.code == 0
    assert "✔ postal address: is set\n" in done.out
    assert "⚠ database: there is none yet\n    newsletter serve makes it" in done.out


def test_an_error_is_exit_code_4(call: Call, sample: Path) -> None:
    settings = (sample / "newsletter.toml").read_text(encoding="utf-8")
    (sample / "newsletter.toml").write_text(settings.replace("postal_address", "# postal_address"), encoding="utf-8")
    done = call("doctor", "--offline", "--json")
    assert done.code == 4
    wrong = [check for check in done.json["checks"] if check["level"] == "error"]
    assert [check["name"] for check in wrong] == ["postal address"]
    assert set(wrong[0]) == {"name", "ok", "level", "detail", "fix"}
    assert wrong[0]["ok"] is False
    assert "✖ postal address" in call("doctor", "--offline").out


def test_a_terminal_without_these_marks(sample: Path) -> None:
    import subprocess

    done = subprocess.run(
        [sys.executable, "-m", "newsletter", "doctor", "--offline"],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert b"ok   settings: " in done.stdout
    assert b"warn database: " in done.stdout


def test_what_a_server_says_does_not_steer_the_terminal(
    call: Call, sample: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T53."""
    import newsletter.cli.doctor as command

    evil = Check("relay", "error", "\x1b[2J\n✔ all is well", "")
    monkeypatch.setattr(command, "examine", lambda *found, **options: (evil,))
    done = call("doctor")
    assert done.code == 4
    assert "\x1b" not in done.out
    assert done.out.count("\n") == 1


# --- what waits ---------------------------------------------------------------------------------------------------


def test_what_waits_for_a_person_or_a_relay(tmp_path: Path) -> None:
    from newsletter.store.transactional_mail import Letter, queue_letter
    from tests.serving import running_desk

    with running_desk(tmp_path) as desk:
        desk.set(mode="draft")
        desk.tick()
        desk.tick(to="2025-07-06 05:00")
        assert ask(check_waiting, desk.workspace, desk.config) == []
        desk.tick(to="2025-07-07 05:00")
        with desk.store.writing() as connection:
            queue_letter(connection, Letter(kind="alert", text="x"), desk.clock())
        found = ask(check_waiting, desk.workspace, desk.config)
    assert [(check.name, check.level) for check in found] == [("slot", "warning"), ("letters", "warning")]
    assert "weekly/2025-07-07 is held" in found[0].detail
    assert "1 single mail not sent since 2025-07-07" in found[1].detail


def test_c7_a_database_that_was_put_back_is_an_error_that_says_how_to_go_on(tmp_path: Path) -> None:
    from newsletter.workspace.database import mark_path
    from tests.serving import running_desk

    with running_desk(tmp_path) as desk:
        desk.add("reader@example.org")
        for moment in (None, "2025-07-06 05:00", "2025-07-07 05:00"):
            desk.tick(to=moment)
        assert ask(check_waiting, desk.workspace, desk.config) == []
        mark_path(desk.workspace, desk.store).unlink()
        (found,) = ask(check_waiting, desk.workspace, desk.config)
    assert (found.name, found.level) == ("restore", "error")
    assert "its mark is not there" in found.detail
    assert "nl100" in found.fix
