"""Waiting for work whose end nobody can bring about, such as looking up a name: it is done in a thread that can be left."""

import queue
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Generic, TypeVar

T = TypeVar("T")
Key = TypeVar("Key")


def capture(work: Callable[[], T]) -> T | BaseException:
    """The result of some work, or what it raised: for handing it from one thread to another."""
    try:
        return work()
    except BaseException as error:
        return error


def within(seconds: float, work: Callable[[], T]) -> T | None:
    """Do some work in a thread of its own, which is left behind after so many seconds: then the result is None.

    The thread is a daemon: it does not keep the process that ends meanwhile.
    """
    results: queue.SimpleQueue[T | BaseException] = queue.SimpleQueue()
    threading.Thread(target=lambda: results.put(capture(work)), name="waiting", daemon=True).start()
    try:
        result = results.get(timeout=seconds)
    except queue.Empty:
        return None
    if isinstance(result, BaseException):
        raise result
    return result


class HostTurns(Generic[Key]):
    """Work for several threads, in order, but never more than `most` of one host at a time. Each thread iterates over it."""

    def __init__(self, hosts: Mapping[Key, str], most: int) -> None:
        self._waiting = dict(hosts)
        self._most = most
        self._under_way: Counter[str] = Counter()
        self._changed = threading.Condition()

    def __iter__(self) -> Iterator[Key]:
        while (turn := self._take()) is not None:
            key, host = turn
            try:
                yield key
            finally:
                with self._changed:
                    self._under_way[host] -= 1
                    self._changed.notify_all()

    def _take(self) -> tuple[Key, str] | None:
        """The next turn; None when there is none left. Waits while all hosts that are left are busy."""
        with self._changed:
            while self._waiting:
                free = ((key, host) for key, host in self._waiting.items() if self._under_way[host] < self._most)
                turn = next(free, None)
                if turn is not None:
                    key, host = turn
                    del self._waiting[key]
                    self._under_way[host] += 1
                    return key, host
                self._changed.wait()
            return None

    def end(self) -> set[Key]:
        """Give out no more turns → what nobody had a turn for."""
        with self._changed:
            left = set(self._waiting)
            self._waiting.clear()
            self._changed.notify_all()
            return left
