"""The files for operators: they name commands, settings, numbers and events that there are, and hold no secret."""

import re
import shlex
from collections import defaultdict
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from newsletter.cli import COMMANDS, cli
from newsletter.config import Config
from newsletter.flows.doctor.visitor_limits import VISITOR_LIMITS
from newsletter.serve import DRAIN_S
from newsletter.web.connections import KEPT_DESCRIPTORS, WireLimits
from newsletter.web.guard import (
    BODY_LIMIT,
    BODY_SECONDS,
    LEAVING_TURNS,
    MOST_WAITING,
    PACE_BURST,
    PACE_PER_S,
    PACE_WAIT_S,
    TURNS,
)
from newsletter.web.server import DESCRIPTORS, GRACE_S

ROOT = Path(__file__).resolve().parent.parent
FILES = sorted(path for path in (ROOT / "deploy").iterdir() if path.is_file())
OPERATE = (ROOT / "docs/operate.md").read_text(encoding="utf-8")
# Pages that are under way, then the sender and the scheduler (newsletter/serve.py).
LONGEST_STOP_S = GRACE_S + DRAIN_S + 5


def read(name: str) -> str:
    return (ROOT / "deploy" / name).read_text(encoding="utf-8")


def seconds(text: str) -> int:
    return int(text.removesuffix("s"))


# --- systemd ------------------------------------------------------------------------------------------------------


@pytest.fixture
def unit() -> dict[str, dict[str, list[str]]]:
    """Sections → keys → values: a key of systemd may come more than once."""
    sections: dict[str, dict[str, list[str]]] = {}
    for line in read("newsletter.service").splitlines():
        if not line or line.startswith("#"):
            continue
        if heading := re.fullmatch(r"\[(\w+)\]", line):
            section = sections.setdefault(heading[1], defaultdict(list))
        else:
            key, equals, value = line.partition("=")
            assert equals, line
            assert re.fullmatch(r"[A-Z]\w+", key), line
            section[key].append(value)
    return sections


def test_the_unit_starts_a_command_that_there_is(unit: dict[str, dict[str, list[str]]]) -> None:
    assert set(unit) == {"Unit", "Service", "Install"}
    [started] = unit["Service"]["ExecStart"]
    program, command, *options = shlex.split(started)
    assert program.startswith("/")
    assert program.endswith("/newsletter")
    check_command([command, *options])


def test_the_unit_waits_until_the_relay_has_answered(unit: dict[str, dict[str, list[str]]]) -> None:
    service = unit["Service"]
    assert service["KillSignal"] == ["SIGTERM"]
    assert seconds(service["TimeoutStopSec"][0]) > LONGEST_STOP_S
    assert service["Restart"] == ["on-failure"]


def test_the_unit_lets_the_program_write_in_its_workspace_only(unit: dict[str, dict[str, list[str]]]) -> None:
    service = unit["Service"]
    [workspace] = service["WorkingDirectory"]
    assert f"NEWSLETTER_WORKSPACE={workspace}" in service["Environment"]
    assert service["ProtectSystem"] == ["strict"]
    assert service["ReadWritePaths"] == [workspace]
    assert service["User"] != ["root"]
    assert service["NoNewPrivileges"] == service["PrivateTmp"] == ["yes"]
    assert service["CapabilityBoundingSet"] == [""]
    assert service["UMask"] == ["0077"]


# --- containers ---------------------------------------------------------------------------------------------------


def instructions() -> list[tuple[str, str]]:
    text = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", read("Containerfile"), flags=re.MULTILINE))
    words = [line.split(maxsplit=1) for line in text.splitlines() if line]
    return [(name, rest) for name, rest in words]


def last_stage() -> dict[str, str]:
    stage: dict[str, str] = {}
    for name, rest in instructions():
        stage = {} if name == "FROM" else {**stage, name: rest}
    return stage


def test_the_image_does_not_run_as_root() -> None:
    user = last_stage()["USER"]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user), "a number: Kubernetes cannot tell who a name is"


def test_the_image_starts_a_command_that_there_is_and_asks_how_it_is() -> None:
    stage = last_stage()
    words = yaml.safe_load(stage["CMD"])
    assert words[0] == "newsletter"
    check_command(words[1:])
    assert "/healthz" in stage["HEALTHCHECK"]
    assert stage["STOPSIGNAL"] == "SIGTERM"


def test_the_image_is_made_of_the_program_only() -> None:
    """A workspace in the repository has addresses and a key in it."""
    copied = [rest.split() for name, rest in instructions() if name in ("COPY", "ADD") and "--from" not in rest]
    sources = {source for *some, _ in copied for source in some}
    assert all((ROOT / source).exists() for source in sources)
    assert not {source for source in sources if source in (".", "./", "issues") or "*" in source}
    ignored = read("Containerfile.dockerignore").splitlines()
    assert next(line for line in ignored if not line.startswith("#")) == "*"
    assert {line[1:] for line in ignored if line.startswith("!")} == sources


@pytest.fixture
def compose() -> dict[str, Any]:
    document = yaml.safe_load(read("compose.yaml"))
    assert isinstance(document, dict)
    return document


def test_the_ports_of_compose_are_open_to_this_machine_only(compose: dict[str, Any]) -> None:
    ports = [port for service in compose["services"].values() for port in service.get("ports", ())]
    assert ports
    assert all(str(port).startswith("127.0.0.1:") for port in ports)


def test_every_service_of_compose_says_how_it_is(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert all("healthcheck" in service for service in services.values())
    waits = services["newsletter"]["depends_on"]
    assert {name: wait["condition"] for name, wait in waits.items()} == dict.fromkeys(
        set(services) - {"newsletter"}, "service_healthy"
    )
    assert seconds(services["newsletter"]["stop_grace_period"]) > LONGEST_STOP_S


def test_compose_believes_its_own_gateway_only(compose: dict[str, Any]) -> None:
    [network] = compose["networks"]["default"]["ipam"]["config"]
    trusted = yaml.safe_load(compose["services"]["newsletter"]["environment"]["NEWSLETTER_WEB__TRUSTED_PROXIES"])
    assert trusted == [network["gateway"]]


def test_the_volumes_and_secrets_of_compose_are_declared(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        assert {volume.partition(":")[0] for volume in service.get("volumes", ())} <= set(compose["volumes"])
        assert set(service.get("secrets", ())) <= set(compose["secrets"])
    assert all(secret["file"].startswith("secrets/") for secret in compose["secrets"].values())
    assert "/secrets/" in read(".gitignore").splitlines()


def test_the_settings_of_compose_are_read(compose: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    from newsletter.config import load_config

    for name, value in compose["services"]["newsletter"]["environment"].items():
        monkeypatch.setenv(name, value)
    config = load_config((ROOT / "newsletter.toml").read_bytes(), "newsletter.toml", {"folder": "path", "feed": "url"})
    assert config.smtp.host in compose["services"]
    assert config.database.url.partition("@")[2].partition("/")[0] in compose["services"]


# --- the proxy ----------------------------------------------------------------------------------------------------


def test_the_proxy_says_whose_request_it_is_and_believes_nobody() -> None:
    text = read("nginx.conf")
    assert "proxy_set_header X-Forwarded-For $remote_addr;" in text
    assert "$proxy_add_x_forwarded_for" not in text
    assert f"client_max_body_size {BODY_LIMIT // 1024}k;" in text
    assert re.search(r"location = /metrics \{\s*return 404;", text)


def test_the_proxy_waits_for_a_slow_phone_as_long_as_the_program_does() -> None:
    assert WireLimits().wait_s == BODY_SECONDS
    for name in ("client_body_timeout", "client_header_timeout"):
        assert f"{name} {BODY_SECONDS:.0f}s;" in read("nginx.conf")


def test_the_proxy_counts_visitors_but_no_provider_who_unsubscribes_readers() -> None:
    text = read("nginx.conf")
    rule = re.search(r'"~(\S+)"\s+"";\s+default\s+\$binary_remote_addr;', text)
    assert rule
    assert [bool(re.search(rule[1], path)) for path in ("/u/abc", "/news/u/abc", "/", "/subscribe", "/u/", "/up/x")] == [
        True, True, False, False, False, False,
    ]  # fmt: skip
    for zone in ("newsletter_connections", "newsletter_requests"):
        assert f"$newsletter_counted zone={zone}" in text


def test_everywhere_the_program_gets_the_files_that_it_asks_for(
    unit: dict[str, dict[str, list[str]]], compose: dict[str, Any]
) -> None:
    assert unit["Service"]["LimitNOFILE"] == [str(DESCRIPTORS)]
    assert compose["services"]["newsletter"]["ulimits"] == {"nofile": DESCRIPTORS}
    assert WireLimits().within(DESCRIPTORS) == WireLimits()


def test_the_guide_tells_the_limits_as_they_are() -> None:
    limits = WireLimits()
    named = set(
        re.findall(r"`([a-z-]+)`", " ".join(re.findall(r"^\| (`[a-z-]+`[^|]*) \|", OPERATE, flags=re.MULTILINE)))
    )
    assert set(VISITOR_LIMITS) <= named
    for told in (
        f"{limits.head_bytes // 1024} KB, {limits.head_fields} headers",
        f"{BODY_LIMIT // 1024} KB ({limits.body_bytes // 1024} KB with",
        f"{limits.wait_s:.0f} s for the head, {BODY_SECONDS:.0f} s for the body",
        f"{limits.pipelined} on one connection",
        f"{limits.stall_s:.0f} s without a byte",
        f"{limits.connections:,}, fewer where the process may open fewer than {limits.connections + KEPT_DESCRIPTORS:,}",
        f"{limits.held_bytes // 1024 // 1024} MB of requests",
        f"At most {TURNS} requests of one network are worked on at a time ({LEAVING_TURNS} to unsubscribe)",
        f"{PACE_PER_S} a second, after {PACE_BURST:,} at once",
        f"up to {PACE_WAIT_S:.0f} seconds later, then 429; also 429 if {MOST_WAITING:,} of one",
        f"asks the system for {DESCRIPTORS:,}",
    ):
        assert told in OPERATE, told
    assert limits.per_network * 4 == limits.connections


@pytest.mark.parametrize(
    ("path", "logged"),
    [
        ("/u/abc.def", "/u/-"),
        ("/p/abc", "/p/-"),
        ("/confirm/abc/d", "/confirm/-"),
        ("/news/u/abc", "/news/u/-"),
        ("/u/", "/u/"),
        ("/2025-07-07-weekly/", "/2025-07-07-weekly/"),
        ("/up/x", "/up/x"),
    ],
    ids=lambda value: value,
)
def test_the_proxy_keeps_the_keys_of_readers_out_of_its_log(path: str, logged: str) -> None:
    text = read("nginx.conf")
    rule = re.search(r'"~(\S+)"\s+"\$\{newsletter_before\}-";', text)
    assert rule
    found = re.search(rule[1].replace("(?<newsletter_before>", "(?P<newsletter_before>"), path)
    assert (f"{found['newsletter_before']}-" if found else path) == logged
    # $request, $request_uri and $http_referer would bring them back.
    written = re.search(r"log_format newsletter '(.*)';", text)
    assert written
    assert set(re.findall(r"\$(\w+)", written[1])) == {
        "remote_addr",
        "time_iso8601",
        "request_method",
        "newsletter_logged",
        "status",
        "body_bytes_sent",
        "request_time",
    }
    assert all(line.split()[2] == "newsletter;" for line in text.splitlines() if line.strip().startswith("access_log"))


# --- all of them --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_file_holds_a_secret(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for name, value in re.findall(r"(\w*(?:PASSWORD|SECRET|TOKEN)\w*)\s*[:=]\s*(\S*)", text):
        assert name.endswith("_FILE"), f"{name} is given a value"
        assert value.startswith("/run/"), value
    assert not re.search(r"whsec_|BEGIN [A-Z ]*PRIVATE KEY|://[^/\s@]*:[^/\s@]+@", text)


@pytest.mark.parametrize("path", [*FILES, ROOT / "docs/operate.md"], ids=lambda path: path.name)
def test_every_variable_is_a_setting(path: Path) -> None:
    known = {
        f"{section.name}__{key.name}".upper()
        for section in fields(Config)
        if is_dataclass(section.type)
        for key in fields(section.type)
    }
    for name in re.findall(r"\bNEWSLETTER_([A-Z]\w*)", path.read_text(encoding="utf-8")):
        assert name in known | {"WORKSPACE", "SMTP__"}, name  # the last one stands for all of its section


# --- the guide ----------------------------------------------------------------------------------------------------


def check_command(words: list[str]) -> None:
    """A command line without `newsletter`: the command and its options are there."""
    if words[0] == "--workspace":
        words = words[2:]
    assert words[0] in COMMANDS, words
    command = cli.get_command(None, words[0])  # type: ignore[arg-type]
    assert command is not None
    command.make_context(words[0], words[1:], resilient_parsing=False).close()


def commands_of_the_guide() -> list[list[str]]:
    found = []
    for block in re.findall(r"```sh\n(.*?)```", OPERATE, flags=re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            # Of `docker compose exec newsletter newsletter doctor` the first one is the service.
            places = [
                place
                for place, word in enumerate(words[:-1])
                if word.rpartition("/")[2] == "newsletter" and words[place + 1] in {*COMMANDS, "--workspace"}
            ]
            if places:
                found.append(words[places[-1] + 1 :])
    return found


def test_the_commands_of_the_guide_are_right() -> None:
    found = commands_of_the_guide()
    assert {"init", "doctor", "schedule", "status", "pause", "verify"} <= {word for words in found for word in words}
    for words in found:
        try:
            check_command(words)
        except click.UsageError as error:
            pytest.fail(f"{words}: {error.format_message()}")


def test_the_guide_names_every_event_and_every_number() -> None:
    sources = [
        (ROOT / "newsletter" / name).read_text(encoding="utf-8")
        for name in ("serve.py", "web/guard.py", "web/refusals.py", "cli/serve.py")
    ]
    events = {name for text in sources for name in re.findall(r'(?:note|log\.\w+|write)\(\s*"(\w+)"', text)}
    assert set(re.findall(r"^\| `(\w+)` \| (?!`)[^|]+\| `", OPERATE, flags=re.MULTILINE)) == events
    numbers = set(re.findall(r'"(newsletter_\w+)"', (ROOT / "newsletter/web/health.py").read_text(encoding="utf-8")))
    assert {name.removesuffix("_total") for name in re.findall(r"`(newsletter_\w+)`", OPERATE)} == numbers
