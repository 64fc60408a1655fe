"""What is said of a latency: middle, tails, spread, and whether it is one thing or two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from harness.stats.estimate import Estimate
from harness.stats.location import hierarchical_median
from harness.stats.modes import has_several_modes
from harness.stats.samples import Floats, as_processes


@dataclass(frozen=True)
class LatencySummary:
    """A latency over processes; nothing that was measured is left out of it.

    Attributes:
        p50: The median over processes of each process's median: `estimate.value`.
        p90: Nine in ten of all samples are at or below this; processes weigh the same, however many samples each took.
        p99: The same for 99 in 100; with fewer than 100 samples, the slowest.
        mean: Of all samples, processes weighing the same.
        cv_within: Standard deviation over mean inside a process: the median over processes. None where no process has two samples.
        cv_between: Standard deviation over mean of the process medians. None for one process.
        multimodal: The samples of at least half the processes gather around more than one time.
        samples: How many there are, of all processes.
        estimate: p50 with its interval; `n` counts processes.
    """

    p50: float
    p90: float
    p99: float
    mean: float
    cv_within: float | None
    cv_between: float | None
    multimodal: bool
    samples: int
    estimate: Estimate


def summarize_latency(processes: Sequence[ArrayLike], confidence: float = 0.95) -> LatencySummary:
    """Summarize the samples of every process.

    Args:
        processes: Times in one unit, shape (processes, samples of that process), each in the order taken, warm-up left out.
        confidence: Of the interval; `SEQUENTIAL_CONFIDENCE` where a stopping rule chose the number of processes.
    """
    arrays = as_processes(processes)
    estimate = hierarchical_median(arrays, confidence)
    pooled = np.concatenate(arrays)
    weights = np.concatenate([np.full(samples.size, 1 / samples.size) for samples in arrays])
    # The inverted CDF is a time that was really seen, and the only quantile that takes weights.
    p90, p99 = np.quantile(pooled, [0.9, 0.99], weights=weights, method="inverted_cdf")
    within = [_variation(samples) for samples in arrays if samples.size > 1]
    modes = sum(has_several_modes(samples) for samples in arrays)
    return LatencySummary(
        p50=estimate.value,
        p90=float(p90),
        p99=float(p99),
        mean=float(np.average(pooled, weights=weights)),
        cv_within=float(np.median(within)) if within else None,
        cv_between=_variation(np.array([np.median(samples) for samples in arrays])) if len(arrays) > 1 else None,
        multimodal=2 * modes >= len(arrays),
        samples=pooled.size,
        estimate=estimate,
    )


def _variation(values: Floats) -> float:
    return float(values.std(ddof=1) / values.mean())
