"""The one clock: every duration and every wait goes through `now`, `sleep` and `every`, so that tests own the time.

from harness.sources.clock import FakeClock, now, sleep

with FakeClock() as clock:      # from here on, in this process, time passes only when told to
start = now()
sleep(10)                   # returns at once
clock.advance(0.5)
assert now() - start == 10.5
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Protocol, Self


class Clock(Protocol):
    """Something that tells the time and waits."""

    def now(self) -> float:
        """Return seconds since an arbitrary start, never running backwards."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait for `seconds`."""
        ...

    def every(self, interval_s: float, call: Callable[[], None]) -> AbstractContextManager[None]:
        """Call `call` again and again, beside what happens inside the context."""
        ...


class SystemClock:
    """The machine's own monotonic clock."""

    def now(self) -> float:
        """Return seconds from `perf_counter_ns`: monotonic, the finest that Python has."""
        return time.perf_counter_ns() * 1e-9

    def sleep(self, seconds: float) -> None:
        """Wait for `seconds`, giving the core away."""
        time.sleep(max(seconds, 0.0))

    @contextmanager
    def every(self, interval_s: float, call: Callable[[], None]) -> Iterator[None]:
        """Call from a thread, `interval_s` after the end of the call before."""
        stop = threading.Event()

        def loop() -> None:
            while not stop.wait(interval_s):
                call()

        thread = threading.Thread(target=loop, daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


class FakeClock:
    """A clock that stands still until `sleep` or `advance`; as a context manager it takes the place of the machine's.

    Whatever was asked to be called `every` so often is called at just those times while the clock moves past them.
    """

    def __init__(self, start_s: float = 1000.0) -> None:
        self._now_s = start_s
        self._repeated: list[_Repeated] = []
        self._replaced: list[Clock] = []

    def now(self) -> float:
        """Return the fake time in seconds."""
        return self._now_s

    def sleep(self, seconds: float) -> None:
        """Advance by `seconds` at once."""
        self.advance(max(seconds, 0.0))

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass.

        Raises:
            ValueError: when they are negative.
        """
        if seconds < 0:
            msg = f"time runs forward only, not by {seconds} s"
            raise ValueError(msg)
        end_s = self._now_s + seconds
        while self._repeated and (due := min(self._repeated, key=lambda r: r.due_s)).due_s <= end_s:
            self._now_s, due.due_s = due.due_s, due.due_s + due.interval_s
            due.call()
        self._now_s = end_s

    @contextmanager
    def every(self, interval_s: float, call: Callable[[], None]) -> Iterator[None]:
        """Call whenever the clock passes another `interval_s`."""
        repeated = _Repeated(self._now_s + interval_s, interval_s, call)
        self._repeated.append(repeated)
        try:
            yield
        finally:
            self._repeated.remove(repeated)

    def __enter__(self) -> Self:
        self._replaced.append(use(self))
        return self

    def __exit__(self, *_: object) -> None:
        use(self._replaced.pop())


@dataclass(eq=False)
class _Repeated:
    due_s: float
    interval_s: float
    call: Callable[[], None]


_current: Clock = SystemClock()


def use(clock: Clock) -> Clock:
    """Make `clock` the one that `now` and `sleep` ask, in this process, and return the one it replaces."""
    global _current
    replaced, _current = _current, clock
    return replaced


def now() -> float:
    """Return seconds since an arbitrary start, monotonic."""
    return _current.now()


def sleep(seconds: float) -> None:
    """Wait for `seconds`; a negative number does not wait."""
    _current.sleep(seconds)


def every(interval_s: float, call: Callable[[], None]) -> AbstractContextManager[None]:
    """Call `call` every `interval_s` beside what happens inside the context; it must be quick, and must not wait."""
    return _current.every(interval_s, call)
