"""Debian's Postfix with a configuration of its own, on loopback: what it takes lies in a Maildir. Nothing leaves the machine.

Without Postfix, or without root, these tests skip with the reason; with REQUIRE_POSTFIX=1 they fail.
"""

import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import trustme

DOMAIN = "readers.example.org"
DAEMONS = Path("/usr/lib/postfix/sbin")
PATIENCE_S = 30
# What each of its ports does otherwise than the others.
SERVICES = {
    "everything": "",
    "no CHUNKING": "-o smtpd_discard_ehlo_keywords=chunking",
    "lock-step": "-o smtpd_discard_ehlo_keywords=chunking,pipelining",
    # Only under HELO does Postfix refuse a command that comes before the reply to the last one.
    "HELO": "-o smtpd_command_filter=regexp:{folder}/config/commands",
    "STARTTLS": "-o smtpd_tls_security_level=encrypt",
}
# Strict where Postfix can be: a bare LF, or commands before their time, are refused and told in the log. One address
# of the domain is as good as another, but for those that begin with "unknown".
MAIN = """\
compatibility_level = 3.6
config_directory = {folder}/config
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/log/mail.log
maillog_file_prefixes = {folder}
mail_owner = postfix
setgid_group = postdrop
multi_instance_enable = no
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mx.{domain}
mydestination =
mynetworks =
local_recipient_maps =
alias_maps =
alias_database =
smtpd_peername_lookup = no
smtp_dns_support_level = disabled
default_transport = error:no mail leaves this test
relay_transport = error:no mail leaves this test
virtual_mailbox_domains = regexp:{folder}/config/domains
virtual_mailbox_maps = regexp:{folder}/config/mailboxes
virtual_mailbox_base = {folder}/mail
virtual_uid_maps = static:{owner}
virtual_gid_maps = static:{owner}
smtpd_forbid_bare_newline = yes
smtpd_forbid_unauth_pipelining = yes
smtpd_client_connection_count_limit = 0
smtpd_tls_cert_file = {folder}/config/server.pem
smtpd_tls_key_file = {folder}/config/server.key
"""
MASTER = """\
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
anvil unix - - n - 1 anvil
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
postlog unix-dgram n - n - 1 postlogd
"""
# What it would not write about a client that does as it should. That a connection without a mail ends is no matter.
# Nor is it about us when the clock of the disk and that of the machine are not the same to the second.
COMPLAINT = re.compile(
    r".*(?:warning(?!: file system clock is |: resetting file time stamps)|fatal|panic|improper|too many|lost connection after (?:MAIL|RCPT|DATA|BDAT)|status=(?!sent)).*"
)


@dataclass
class Postfix:
    """A mail server that runs. `ports` are those of SERVICES; `authority` is the file that signed its certificate."""

    folder: Path
    ports: dict[str, int] = field(default_factory=dict)

    @property
    def authority(self) -> Path:
        return self.folder / "config/authority.pem"

    @property
    def log(self) -> str:
        path = self.folder / "log/mail.log"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    @property
    def complaints(self) -> list[str]:
        """What it wrote about us in its log, but for what a reader's address was refused for."""
        return COMPLAINT.findall(self.log)

    def take(self) -> list[bytes]:
        """All mails, once each, as soon as none is on its way; the Maildir is empty then."""
        # In the order in which a mail goes through them, so that none slips by.
        queues = [self.folder / "queue" / name for name in ("incoming", "active", "deferred")]
        wait_until(
            lambda: not any(path.is_file() for queue in queues for path in queue.rglob("*")),
            lambda: f"mail is still in the queue:\n{self.log[-4000:]}",
        )
        paths = sorted(self.folder.glob("mail/all/new/*"))
        mails = [path.read_bytes() for path in paths]
        for path in paths:
            path.unlink()
        return mails

    def wait_for_log(self, pattern: str) -> None:
        """The log is written by another process, a moment later."""
        wait_until(lambda: re.search(pattern, self.log) is not None, lambda: f"no {pattern} in:\n{self.log[-4000:]}")


def log_name(service: str) -> str:
    """What the log calls one of its ports."""
    return service.replace(" ", "-")


def wait_until(done: Callable[[], bool], otherwise: Callable[[], str]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not done():
        if time.monotonic() > until:
            pytest.fail(otherwise())
        time.sleep(0.02)


def skip_without(tool: str, variable: str) -> str:
    """The path of a program, or a test that is skipped (or fails, where it is required)."""
    path = shutil.which(tool, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if path is None:
        _skip(f"no {tool} on this machine (Debian: apt-get install {tool})", variable)
    return str(path)


def _skip(message: str, variable: str) -> None:
    if os.environ.get(variable):
        pytest.fail(message)
    pytest.skip(message)


@contextmanager
def running_postfix() -> Iterator[Postfix]:
    """Postfix, for the time of a module's tests."""
    program = skip_without("postfix", "REQUIRE_POSTFIX")
    if os.geteuid() != 0:
        _skip("Postfix can only be started by root", "REQUIRE_POSTFIX")
    # Not below pytest's own folder: others may not go through that, and Postfix's daemons are others.
    folder = Path(tempfile.mkdtemp(prefix="newsletter-postfix-"))
    postfix = Postfix(folder)
    try:
        _configure(postfix)
        started = subprocess.run(
            [program, "-c", folder / "config", "start"], capture_output=True, text=True, timeout=60, check=False
        )
        assert started.returncode == 0, f"Postfix did not start: {started.stderr}{postfix.log}"
        try:
            yield postfix
        finally:
            _stop(postfix)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _configure(postfix: Postfix) -> None:
    folder = postfix.folder
    folder.chmod(0o755)
    for name in ("config", "queue", "data", "log", "mail"):
        (folder / name).mkdir()
    owner = pwd.getpwnam("postfix")
    os.chown(folder / "data", owner.pw_uid, -1)
    os.chown(folder / "mail", owner.pw_uid, -1)
    pattern = DOMAIN.replace(".", r"\.")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(postfix.authority)
    server = authority.issue_cert("127.0.0.1")
    server.cert_chain_pems[0].write_to_path(folder / "config/server.pem")
    server.private_key_pem.write_to_path(folder / "config/server.key")
    postfix.ports = dict(zip(SERVICES, _free_ports(len(SERVICES)), strict=True))
    smtpd = "".join(
        f"127.0.0.1:{postfix.ports[name]} inet n - n - - smtpd -o syslog_name={log_name(name)} {options.format(folder=folder)}\n"
        for name, options in SERVICES.items()
    )
    files = {
        "domains": f"/(^|\\.){pattern}$/ here\n",
        "mailboxes": "!/^unknown/ all/\n",
        "commands": "/^EHLO/ unknown\n",
        "main.cf": MAIN.format(folder=folder, domain=DOMAIN, owner=owner.pw_uid),
        "master.cf": smtpd + MASTER,
    }
    for name, text in files.items():
        (folder / "config" / name).write_text(text, encoding="utf-8")


def _free_ports(count: int) -> list[int]:
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def _stop(postfix: Postfix) -> None:
    """End it by the number in its own queue's file; it takes its daemons along."""
    pid = int((postfix.folder / "queue/pid/master.pid").read_text(encoding="ascii"))
    os.kill(pid, signal.SIGTERM)
    wait_until(lambda: not _is_alive(pid), lambda: f"Postfix ({pid}) does not end")


def _is_alive(pid: int) -> bool:
    try:
        # The state stands behind the name; Z is one that ended and that nobody has asked about.
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
