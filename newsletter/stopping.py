"""The end of a process: whoever waits for something outside hands in what interrupts that wait."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Stop = Callable[[], None]
# What is given the interruption of a wait. It may be called at once, and from any thread.
Arm = Callable[[Stop], None]


def never_stopped(stop: Stop) -> None:
    """For who waits as long as it takes: a command that a person can interrupt."""


class Interrupted(Exception):
    """A wait was given up because the process is to end. What was done before it is done."""


class Stopping:
    """Whether the process is to end. `stop` may be called from any thread and from a signal handler, and more than once.

    No lock is taken: a signal handler runs in the middle of whatever its thread does.
    """

    def __init__(self) -> None:
        self._event = threading.Event()
        self._stops: dict[object, Stop] = {}

    @property
    def is_set(self) -> bool:
        """Whether `stop` was called."""
        return self._event.is_set()

    def stop(self) -> None:
        """Interrupt all waits, and every one that begins later."""
        self._event.set()
        for stop in list(self._stops.values()):
            stop()

    @contextmanager
    def waiting(self) -> Iterator[Arm]:
        """While something outside is waited for; gives what takes the interruption."""
        name = object()

        def arm(stop: Stop) -> None:
            self._stops[name] = stop
            if self.is_set:
                stop()

        try:
            yield arm
        finally:
            self._stops.pop(name, None)
