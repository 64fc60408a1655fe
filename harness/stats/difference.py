"""Differences of a subject from its baseline, for figures whose ratio says nothing: accuracies, errors, losses."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from harness.stats.estimate import Estimate
from harness.stats.location import mean_estimate
from harness.stats.samples import as_samples


def paired_difference(a: ArrayLike, b: ArrayLike, confidence: float = 0.95) -> Estimate:
    """Return the mean of a - b over repetitions that share a seed, with Student's t interval.

    Args:
        a: The subject's figure for every seed.
        b: The baseline's for the same seeds, in the same order.
        confidence: Wanted coverage.

    Raises:
        ValueError: when there are more of one than of the other.
    """
    subject, baseline = as_samples(a), as_samples(b)
    if subject.size != baseline.size:
        msg = f"{subject.size} figures of the subject and {baseline.size} of the baseline; give one of both for every seed"
        raise ValueError(msg)
    return mean_estimate(subject - baseline, confidence)


def difference_of(a: Estimate, b: Estimate) -> Estimate:
    """Return a - b of two figures of which only the intervals are left, at the confidence those have.

    The arms are added as squares: the MOVER of Zou and Donner (2008), right for independent figures. There is no interval where one of
    the two has none.
    """
    centre, n = a.value - b.value, min(a.n, b.n)
    if not (a.has_interval and b.has_interval):
        return Estimate(centre, None, None, n)
    (a_low, a_high), (b_low, b_high) = a.bounds, b.bounds
    below = float(np.hypot(a.value - a_low, b_high - b.value))
    above = float(np.hypot(a_high - a.value, b.value - b_low))
    return Estimate(centre, centre - below, centre + above, n)
