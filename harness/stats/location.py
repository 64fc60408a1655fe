"""Where samples lie: medians and means with intervals that cover what they say.

>>> estimate = median_estimate([1.02, 0.99, 1.00, 1.01, 1.03, 0.98])
>>> estimate.value, estimate.low < 1.0 < estimate.high
(1.005, True)
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from harness.stats.estimate import Estimate
from harness.stats.order import enough_for_order_statistics, interpolated_depth
from harness.stats.samples import Floats, as_processes, as_samples, check_confidence

BATCHES = 8
"""Fewer widen the interval (Student's t of 7 degrees is 2.36, of 4 is 2.78); more are too short to hold the correlation: of 200 samples that
each remember half of the one before, 95% covers 94.5% with eight batches and 93.8% with twenty."""

LEAST_PER_BATCH = 3
"""With two samples a batch the interval covers 97.5%; with three 96.5%. A shorter series cannot show how it is correlated."""

LEAST_VARIANCE = 0.25
"""Of what independent samples would have: eight batches agree better than this by luck in 3% of cases, and no width is no interval."""


def median_estimate(samples: ArrayLike, confidence: float = 0.95, *, independent: bool = False) -> Estimate:
    """Return the median with an interval of nominal coverage.

    From 24 samples on, the interval allows for their correlation in time. Shorter series are taken as independent: interpolated
    order statistics, or Student's t on the logarithms (on the values where one is not positive) where there are fewer than
    order statistics need.

    Args:
        samples: In the order in which they were taken.
        confidence: Wanted coverage.
        independent: True where each sample is a process, a seed or a night of its own: nothing is corrected.
    """
    values = as_samples(samples)
    check_confidence(confidence)
    n = values.size
    if n == 1:
        return Estimate(float(values[0]), None, None, 1)
    if not enough_for_order_statistics(n, confidence):
        low, high = _student(values, confidence)
    elif independent or n < BATCHES * LEAST_PER_BATCH:
        low, high = _order_statistics(values, confidence)
    else:
        low, high = _batches(values, confidence)
    return Estimate.around(float(np.median(values)), low, high, n)


def mean_estimate(values: ArrayLike, confidence: float = 0.95) -> Estimate:
    """Return the mean of independent values, such as one quality over seeds, with Student's t interval."""
    array = as_samples(values)
    check_confidence(confidence)
    mean = float(array.mean())
    if array.size == 1:
        return Estimate(mean, None, None, 1)
    arm = _student_arm(array, confidence)
    return Estimate(mean, mean - arm, mean + arm, array.size)


def hierarchical_median(processes: Sequence[ArrayLike], confidence: float = 0.95) -> Estimate:
    """Return the median over processes of each process's median: the process is the unit of repetition.

    Args:
        processes: The samples of every process, shape (processes, samples of that process).
        confidence: Wanted coverage of the interval, which is over processes: one process has none, however many samples it took.
    """
    medians = [np.median(samples) for samples in as_processes(processes)]
    return median_estimate(medians, confidence, independent=True)


def centre_estimate(values: ArrayLike, confidence: float = 0.95) -> Estimate:
    """Return the median of independent values of either sign, such as the log-ratios of processes.

    The median, not the mean: of ten processes one may be wild without moving the 95% interval, and on calm ones the interval is 10% wider
    than Student's. Fewer values than order statistics need (6 for 95%, 8 for 99%) get Student's t.
    """
    array = as_samples(values)
    check_confidence(confidence)
    centre, n = float(np.median(array)), array.size
    if n == 1:
        return Estimate(centre, None, None, 1)
    if enough_for_order_statistics(n, confidence):
        return Estimate.around(centre, *_order_statistics(array, confidence), n)
    mean, arm = float(array.mean()), _student_arm(array, confidence)
    return Estimate.around(centre, mean - arm, mean + arm, n)


def _student(values: Floats, confidence: float) -> tuple[float, float]:
    """Student's interval of the centre, on logarithms where all values are positive: times spread in ratios, and end above zero."""
    positive = bool(values.min() > 0)
    scaled = np.log(values) if positive else values
    arm = _student_arm(scaled, confidence)
    low, high = float(scaled.mean()) - arm, float(scaled.mean()) + arm
    return (float(np.exp(low)), float(np.exp(high))) if positive else (low, high)


def _student_arm(values: Floats, confidence: float) -> float:
    error = values.std(ddof=1) / np.sqrt(values.size)
    return float(special.stdtrit(values.size - 1, 0.5 + confidence / 2) * error)


def _order_statistics(values: Floats, confidence: float) -> tuple[float, float]:
    ordered = np.sort(values)
    depth = interpolated_depth(values.size, confidence)
    whole = int(depth)
    part = depth - whole
    low = (1 - part) * ordered[whole - 1] + part * ordered[whole]
    high = (1 - part) * ordered[-whole] + part * ordered[-whole - 1]
    return float(low), float(high)


def _batches(values: Floats, confidence: float) -> tuple[float, float]:
    """Order statistics as far apart as the share of samples above the median wanders from batch to batch.

    The share above the median is a mean, whatever the distribution, so batch means (Schmeiser 1982) give its standard error under
    correlation; its interval is then read off the sorted samples (Hazen's positions).
    """
    n = values.size
    median = np.median(values)
    above = (values > median) + 0.5 * (values == median)
    edges = np.linspace(0, n, BATCHES + 1).astype(int)
    lengths = np.diff(edges)
    shares = np.add.reduceat(above, edges[:-1]) / lengths
    variance = float((lengths * (shares - 0.5) ** 2).sum()) / (BATCHES - 1)
    error = np.sqrt(max(variance, LEAST_VARIANCE * 0.25) / n)
    arm = min(float(special.stdtrit(BATCHES - 1, 0.5 + confidence / 2)) * error, 0.5)
    low, high = np.quantile(values, [0.5 - arm, 0.5 + arm], method="hazen")
    return float(low), float(high)
