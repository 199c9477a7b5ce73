"""`newsletter serve`: public pages, calendar and sender in one process that is started once."""

import os
import re
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import click

from newsletter.cli.common import Context, in_workspace
from newsletter.cli.ui import printable
from newsletter.config import Config
from newsletter.workspace.database import mark_path, open_or_create, show_database
from newsletter.workspace.load import read_config

# A relay's reply names the address that it refuses; a path may hold what somebody typed.
_ADDRESS = re.compile(r"[^\s<>\"']+@[^\s<>\"']+")


@click.command("serve")
@click.option("--port", type=click.IntRange(0, 65535), help="Listen there instead of [web] port; 0 takes a free one.")
@click.option("--i-know", is_flag=True, help="Send although the database was put back from a backup.")
@in_workspace
def command(here: Context, port: int | None, i_know: bool) -> int:
    """Serve the public pages, keep the calendar, send what is due. Ctrl-C or SIGTERM ends it gently.

    Example: newsletter serve
    """
    from dataclasses import replace

    from newsletter.serve import Server
    from newsletter.store.restore_guard import accept_restore, find_restore

    def at_port(config: Config) -> Config:
        return config if port is None else replace(config, web=replace(config.web, port=port))

    config = at_port(here.config)
    store, is_new = open_or_create(here.workspace, config, here.now)
    try:
        if is_new:
            here.ui.say(
                f"a new database: {show_database(here.workspace, config)}; back it up together with {config.database.key_file}"
            )
        mark = mark_path(here.workspace, store)
        if i_know:
            accept_restore(store, mark)
        elif why := find_restore(store, mark):
            here.ui.say(f"{why}; nothing is sent until you say --i-know (docs/errors.md#nl100)", "yellow")
        server = Server(
            here.workspace,
            config,
            store,
            make_note(quiet=here.ui.quiet),
            reread=lambda: at_port(read_config(here.workspace)),
            give_up=lambda: os._exit(0),
        )
        _on_signals(server.stop)

        def started(port: int) -> None:
            url = f"http://{config.web.host}:{port}/"
            here.ui.answer({"url": url}, [(url,)])
            sys.stdout.flush()

        server.run(started)
    finally:
        store.close()
    return 0


def _on_signals(stop: Callable[[], None]) -> None:
    """The first signal ends it gently, a second Ctrl-C at once."""
    seen: list[int] = []

    def end(number: int, frame: FrameType | None) -> None:
        if seen and number == signal.SIGINT:
            raise KeyboardInterrupt
        seen.append(number)
        stop()

    for number in (signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):
        signal.signal(number, end)


def make_note(*, quiet: bool) -> Callable[..., None]:
    """The log: one event a line on stderr, for people on a terminal, else as JSON. No address and no token is in it."""
    import logging

    import structlog

    plain = sys.stderr.isatty()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _clean,
            structlog.dev.ConsoleRenderer(colors=False)
            if plain
            else structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING if quiet else logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    log = structlog.get_logger()

    write = Log(log)

    class Forward(logging.Handler):
        """What libraries say when they fail. What they warn of is mostly what strangers sent: nobody can fill the log."""

        def emit(self, record: logging.LogRecord) -> None:
            write("library", level="error", name=record.name, error=record.getMessage())

    root = logging.getLogger()
    root.handlers = [Forward()]
    root.setLevel(logging.ERROR)

    return write


class Log:
    """Writes events. A log that cannot be written, on a full disk say, stops nobody's work; how many were lost is told later."""

    def __init__(self, log: Any) -> None:
        self._log = log
        self._lost = 0

    def __call__(self, event: str, *, level: str = "info", **fields: Any) -> None:
        """Write one."""
        try:
            if self._lost:
                self._log.warning("lost", events=self._lost)
                self._lost = 0
            getattr(self._log, level)(event, **fields)
        except (OSError, ValueError):  # ValueError: the stream is closed
            self._lost += 1


def _clean(logger: object, name: str, event: Any) -> Any:
    """Attack: a relay's reply or a path with control characters would write lines of its own into the log (T53)."""
    return {
        key: _ADDRESS.sub("…@…", printable(value).replace("\n", " ")) if isinstance(value, str) else value
        for key, value in event.items()
    }
