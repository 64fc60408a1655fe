"""The one clock: every duration and every wait in `harness` goes through `now` and `sleep`, so that tests own the time.

from harness.sources.clock import FakeClock, now, sleep

with FakeClock() as clock:      # from here on, in this process, time passes only when told to
start = now()
sleep(10)                   # returns at once
clock.advance(0.5)
assert now() - start == 10.5
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol, Self


class Clock(Protocol):
    """Something that tells the time and waits."""

    def now(self) -> float:
        """Return seconds since an arbitrary start, never running backwards."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait for `seconds`."""
        ...


class SystemClock:
    """The machine's own monotonic clock."""

    def now(self) -> float:
        """Return seconds from `perf_counter_ns`: monotonic, the finest that Python has."""
        return time.perf_counter_ns() * 1e-9

    def sleep(self, seconds: float) -> None:
        """Wait for `seconds`, giving the core away."""
        time.sleep(max(seconds, 0.0))


class FakeClock:
    """A clock that stands still until `sleep` or `advance`; as a context manager it takes the place of the machine's.

    Fakes of devices register with `on_advance` and are told the new time after each step, so that counters move as time does.
    """

    def __init__(self, start_s: float = 1000.0) -> None:
        self._now_s = start_s
        self._listeners: list[Callable[[float], None]] = []
        self._replaced: list[Clock] = []

    def now(self) -> float:
        """Return the fake time in seconds."""
        return self._now_s

    def sleep(self, seconds: float) -> None:
        """Advance by `seconds` at once."""
        self.advance(max(seconds, 0.0))

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass, then tell the listeners."""
        if seconds < 0:
            msg = f"time runs forward only, not by {seconds} s"
            raise ValueError(msg)
        self._now_s += seconds
        for listener in self._listeners:
            listener(self._now_s)

    def on_advance(self, listener: Callable[[float], None]) -> None:
        """Call `listener(now)` after each step."""
        self._listeners.append(listener)

    def __enter__(self) -> Self:
        self._replaced.append(use(self))
        return self

    def __exit__(self, *_: object) -> None:
        use(self._replaced.pop())


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
