"""Feeds are parsed in a child process with a clock and a ceiling: whatever a feed does, the desk goes on (security T6, T9)."""

import json
import multiprocessing
import sys
from dataclasses import asdict, fields
from datetime import datetime
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any

from newsletter.sources.feed_entry import Entry, FeedDocument, LeftOut, NotAFeed

TIME_LIMIT_S = 10.0
START_LIMIT_S = 30.0
MEMORY_LIMIT = 1_000_000_000  # address space: the libraries alone map about 300 MB


class FeedParser:
    """One child process that parses feed after feed; a new one after a feed that broke it. Use as a context manager."""

    def __init__(self, time_limit_s: float = TIME_LIMIT_S) -> None:
        self._time_limit_s = time_limit_s
        self._process: Any = None
        self._pipe: Connection | None = None

    def __enter__(self) -> "FeedParser":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def parse(self, data: bytes, content_type: str, url: str) -> FeedDocument:
        """Bytes → entries. Raises NotAFeed, also for a feed that takes too long or too much memory."""
        pipe = self._pipe or self._start()
        try:
            pipe.send_bytes(json.dumps([content_type, url]).encode())
            pipe.send_bytes(data)
            if not pipe.poll(self._time_limit_s):
                raise NotAFeed(f"takes longer than {self._time_limit_s:g} s to read; left alone")
            answer = json.loads(pipe.recv_bytes())
        except (EOFError, OSError):
            self._stop()
            raise NotAFeed("takes more memory to read than a feed may; left alone") from None
        except NotAFeed:
            self._stop()
            raise
        if "error" in answer:
            raise NotAFeed(answer["error"])
        return FeedDocument(
            title=answer["title"],
            more=answer["more"],
            entries=tuple(_read_entry(entry) for entry in answer["entries"]),
            unfinished=answer["unfinished"],
            notes=tuple(answer["notes"]),
        )

    def _start(self) -> Connection:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True, name="feed-parser")
        self._process.start()
        theirs.close()
        if not ours.poll(START_LIMIT_S) or ours.recv_bytes() != b"ready":
            self._stop()
            raise RuntimeError("the feed parser did not start")
        self._pipe = ours
        return ours

    def _stop(self) -> None:
        if self._pipe:
            self._pipe.close()
        if self._process and self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._process = self._pipe = None


def _serve(pipe: Connection) -> None:
    """The child: answers JSON for bytes until the pipe closes."""
    # Loaded before the ceiling, so that the ceiling is the feed's.
    import newsletter.sources.feed_document
    import newsletter.sources.feed_library
    import newsletter.sources.json_feed  # noqa: F401

    _limit_memory()
    pipe.send_bytes(b"ready")
    while True:
        try:
            content_type, url = json.loads(pipe.recv_bytes())
            data = pipe.recv_bytes()
        except (EOFError, OSError, KeyboardInterrupt):
            return
        pipe.send_bytes(json.dumps(_answer(data, content_type, url)).encode())


def _answer(data: bytes, content_type: str, url: str) -> dict[str, Any]:
    from newsletter.sources.feed_document import read_feed

    try:
        document = read_feed(data, content_type, url)
    except NotAFeed as error:
        return {"error": str(error)}
    except MemoryError:
        return {"error": "takes more memory to read than a feed may; left alone"}
    except Exception as error:  # whatever a hostile feed provokes in three libraries: one feed fails, no other
        return {"error": f"cannot be read ({type(error).__name__})"}
    entries = [asdict(entry) | {"date": entry.date.isoformat() if entry.date else None} for entry in document.entries]
    return {
        "title": document.title,
        "more": document.more,
        "entries": entries,
        "unfinished": document.unfinished,
        "notes": document.notes,
    }


def _read_entry(values: dict[str, Any]) -> Entry:
    tuples: dict[str, Any] = {name: tuple(values[name]) for name in ("tags", "notes")}
    tuples["left_out"] = tuple(LeftOut(*one) for one in values["left_out"])
    date = datetime.fromisoformat(values["date"]) if values["date"] else None
    return Entry(**{item.name: values[item.name] for item in fields(Entry)} | tuples | {"date": date})


def _limit_memory() -> None:
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    ceiling = MEMORY_LIMIT if hard == resource.RLIM_INFINITY else min(MEMORY_LIMIT, hard)
    resource.setrlimit(resource.RLIMIT_AS, (ceiling if soft == resource.RLIM_INFINITY else min(soft, ceiling), hard))
