"""Turn a counter that wraps, is reset or lies into joules that only grow."""

from __future__ import annotations

from harness.sources.availability import SourceError
from harness.sources.clock import now

MAX_PLAUSIBLE_W = 5000.0
"""No package, memory domain, board or accelerator draws 5 kW: a step beyond that is a reset or a lie, not work."""
GRACE_S = 0.1
"""Counters that step every 100 ms put a whole period's energy into one step, however close two reads are."""


class CounterResetError(SourceError):
    """The counter started over, as after a driver reload: the window that it fell into has no energy."""


class EnergyCounter:
    """Joules since the first reading.

    Args:
        unit_j: Joules a count: 1e-6 for RAPL, 1e-3 for NVML.
        range_counts: The value after which the counter starts at zero again; None for one that never wraps.
    """

    def __init__(self, unit_j: float, range_counts: int | None = None) -> None:
        self._unit_j = unit_j
        self._range_counts = range_counts
        self._last: tuple[int, float] | None = None
        self._counts = 0

    def advance(self, counts: int) -> float:
        """Take a raw reading and return joules since the first one. At most one wrap may lie between two readings.

        Raises:
            CounterResetError: when the step cannot be energy. Counting goes on from the new reading, so that a later window is sound.
        """
        at_s = now()
        last, self._last = self._last, (counts, at_s)
        if last is None:
            return 0.0
        step = self._step(last[0], counts)
        elapsed_s = at_s - last[1] + GRACE_S
        if step is None or step * self._unit_j > MAX_PLAUSIBLE_W * elapsed_s:
            msg = f"the energy counter went from {last[0]} to {counts} in {elapsed_s - GRACE_S:.3g} s, as after a driver reload"
            raise CounterResetError(msg)
        self._counts += step
        return self._counts * self._unit_j

    def _step(self, before: int, after: int) -> int | None:
        if after >= before:
            return after - before
        return None if self._range_counts is None else self._range_counts - before + after
