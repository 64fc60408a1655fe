"""How a block of calls is timed on each kind of device, and how its caches are emptied before a cold call. Imports torch: for workers only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch

from harness.meters.workbench import Subject
from harness.sources import clock, cpu

CACHES = 2
"""A cold call comes after writing this many times the last cache's size: with as much as its size, replacement leaves some of the old."""
UNKNOWN_CACHE_BYTES = 64 * 2**20
"""Where the machine does not tell the size of its last-level cache: more than one core of a shared server may fill."""


@dataclass(frozen=True)
class Span:
    """How long a block took.

    Attributes:
        seconds: The figure: of the device's own clock where it has one.
        wall_s: From before the first call until its last result is there.
        issue_s: Until the last call returned to Python, whether or not its result was there.
    """

    seconds: float
    wall_s: float
    issue_s: float


class Timer(Protocol):
    """Times blocks on one kind of device."""

    clock: str
    """Which clock the figure is of, as its meter's name says it."""

    def block(self, subject: Subject, calls: int) -> Span:
        """Reset carried state outside the clock, then time `calls` calls."""
        ...

    def chill(self) -> None:
        """Empty the device's caches of what the calls use."""
        ...


def timer_for(device: str) -> Timer:
    """Return the timer of `cpu` or `cuda:n`."""
    return CudaTimer(device) if device.startswith("cuda") else CpuTimer()


class CpuTimer:
    """The monotonic clock: a call's result is there when it returns."""

    clock = "perf_counter"

    def __init__(self) -> None:
        self._buffer: torch.Tensor | None = None

    def block(self, subject: Subject, calls: int) -> Span:
        """Time `calls` calls."""
        run = subject.work.run
        if subject.work.reset:
            subject.work.reset()
        with subject.guarded():
            start = clock.now()
            for _ in range(calls):
                run()
            seconds = clock.now() - start
        return Span(seconds, seconds, seconds)

    def chill(self) -> None:
        """Write a buffer larger than the last-level cache."""
        if self._buffer is None:
            self._buffer = torch.empty(CACHES * (cpu.last_cache_bytes() or UNKNOWN_CACHE_BYTES), dtype=torch.uint8)
        self._buffer.add_(1)


class CudaTimer:
    """Two CUDA events around the block, the device synchronised outside them; the host's clock beside it.

    Args:
        device: `cuda:n`.
        event: Makes an event; torch's own by default.
        synchronize: Waits for the device; torch's own by default.
    """

    clock = "cuda events"

    def __init__(
        self,
        device: str,
        event: Callable[[], torch.cuda.Event] = lambda: torch.cuda.Event(enable_timing=True),
        synchronize: Callable[[], None] = torch.cuda.synchronize,
    ) -> None:
        self._device, self._event, self._synchronize = device, event, synchronize
        self._buffer: torch.Tensor | None = None

    def block(self, subject: Subject, calls: int) -> Span:
        """Time `calls` calls."""
        run = subject.work.run
        if subject.work.reset:
            subject.work.reset()
        start, end = self._event(), self._event()
        with subject.guarded():
            self._synchronize()
            begin_s = clock.now()
            start.record()
            for _ in range(calls):
                run()
            end.record()
            issue_s = clock.now() - begin_s
            self._synchronize()
            wall_s = clock.now() - begin_s
        return Span(float(start.elapsed_time(end)) * 1e-3, wall_s, issue_s)

    def chill(self) -> None:
        """Write a buffer larger than the second-level cache."""
        if self._buffer is None:
            held = int(torch.cuda.get_device_properties(self._device).L2_cache_size)
            self._buffer = torch.empty(CACHES * held, dtype=torch.uint8, device=self._device)
        self._buffer.add_(1)
        self._synchronize()
