"""Power read again and again beside the work, and integrated over the window that it belongs to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from harness.sources import clock
from harness.sources.availability import SourceError

SAMPLES_A_PERIOD = 2
"""Zeus' rule: half the sensor's period, so that no reading is missed."""
MAX_GAP_PERIODS = 5
"""A longer gap between two readings is lost samples, as when the sampling thread was starved: no integral is made over it."""

Sample = tuple[float, float]
"""Seconds and watts."""


class PowerTrace:
    """Readings of power with their times.

    Args:
        read_w: Tells the power of the moment.
        period_s: How often the sensor's value changes.
    """

    def __init__(self, read_w: Callable[[], float], period_s: float) -> None:
        self._read_w = read_w
        self._period_s = period_s
        self._failure: SourceError | None = None
        self.samples: list[Sample] = []

    @contextmanager
    def running(self) -> Iterator[None]:
        """Read beside what happens inside the context."""
        self._sample()
        with clock.every(self._period_s / SAMPLES_A_PERIOD, self._sample):
            yield
        self._sample()

    def _sample(self) -> None:
        if self._failure is not None:
            return
        try:
            watts = self._read_w()
        except SourceError as error:
            self._failure = error
            return
        self.samples.append((clock.now(), watts))

    def joules(self, start_s: float, end_s: float) -> float:
        """Return the energy between two times.

        Raises:
            SourceError: when a reading failed, or readings are missing.
        """
        if self._failure is not None:
            raise self._failure
        return integrate(self.samples, start_s, end_s, MAX_GAP_PERIODS * self._period_s)


def integrate(samples: Sequence[Sample], start_s: float, end_s: float, max_gap_s: float) -> float:
    """Return the joules between two times by the trapezoid rule, from the readings taken between them and from no others.

    A reading from before the window belongs to other work. The first and last reading inside stand for the edges.

    Args:
        samples: In order of time.
        start_s: Start of the window.
        end_s: End of the window.
        max_gap_s: The longest time without a reading.

    Raises:
        SourceError: when a gap is longer.
    """
    inside = np.array([sample for sample in samples if start_s <= sample[0] <= end_s]).reshape(-1, 2)
    times, watts = inside[:, 0], inside[:, 1]
    gap_s = float(np.diff([start_s, *times, end_s]).max())
    if gap_s > max_gap_s or not len(inside):
        raise SourceError(f"no reading of power for {gap_s:.3g} s, and {max_gap_s:.3g} s is the most that may be missing")
    edges = np.concatenate([[start_s], times, [end_s]])
    return float(np.trapezoid(np.concatenate([watts[:1], watts, watts[-1:]]), edges))
