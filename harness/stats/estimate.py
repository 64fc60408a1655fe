"""A figure with its confidence interval."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """A point, the interval around it, and how many repetitions stand behind them.

    A missing interval (`low` and `high` are None) excludes nothing: it behaves as one from minus to plus infinity.

    Attributes:
        value: The point.
        low: Lower end of the interval; None where there are too few repetitions for one.
        high: Upper end; None together with `low`.
        n: Repetitions: processes for latencies and ratios, seeds for qualities, sweep points for exponents.

    >>> Estimate(1.62, 1.58, 1.67, n=10).contains(1.6)
    True
    """

    value: float
    low: float | None
    high: float | None
    n: int

    def __post_init__(self) -> None:
        if (self.low is None) != (self.high is None):
            msg = f"an interval has both ends or none, not ({self.low}, {self.high})"
            raise ValueError(msg)
        low, high = self.bounds
        if not low <= self.value <= high:
            msg = f"the value {self.value} lies outside its interval ({low}, {high})"
            raise ValueError(msg)

    @classmethod
    def exact(cls, value: float, n: int = 1) -> Estimate:
        """Return a figure that has no spread: a count, or a deterministic quality."""
        return cls(value, value, value, n)

    @classmethod
    def around(cls, value: float, low: float, high: float, n: int) -> Estimate:
        """Return an estimate whose interval is stretched to hold `value`, for when point and interval come from different estimators."""
        return cls(value, min(low, value), max(high, value), n)

    @property
    def bounds(self) -> tuple[float, float]:
        """The interval, infinite where there is none."""
        if self.low is None or self.high is None:
            return -math.inf, math.inf
        return self.low, self.high

    @property
    def has_interval(self) -> bool:
        """Whether there were enough repetitions for an interval."""
        return self.low is not None

    def contains(self, x: float) -> bool:
        """Say whether `x` cannot be excluded: it lies in the interval, ends included, or there is no interval."""
        low, high = self.bounds
        return low <= x <= high

    @property
    def relative_width(self) -> float:
        """Width of the interval over the size of the value; infinite without an interval."""
        low, high = self.bounds
        return _relative(high - low, self.value)

    @property
    def relative_half_width(self) -> float:
        """The x of "value +- x": the longer arm of the interval over the size of the value."""
        low, high = self.bounds
        return _relative(max(high - self.value, self.value - low), self.value)


def _relative(length: float, value: float) -> float:
    if length == 0:
        return 0.0
    return length / abs(value) if value else math.inf
