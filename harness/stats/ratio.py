"""Ratios of a subject to its baseline: interleaved, from two runs, and from two stored figures.

Always subject / baseline, and always one aggregator, which reports name: the median over processes of the ratio inside each process,
taken on logarithms. It turns upside down when the two change places (the mean of ratios does not), and no slow process outweighs the
others (as in the ratio of means).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from harness.stats.estimate import Estimate
from harness.stats.location import centre_estimate
from harness.stats.samples import Floats, as_positive, as_samples, check_confidence

AGGREGATOR = "median over processes of the ratio in each process"
"""How many ratios become one, in the words of reports."""


def paired_ratio(a: Sequence[ArrayLike], b: Sequence[ArrayLike], confidence: float = 0.95) -> Estimate:
    """Return the ratio a / b of blocks that were taken in turns inside each process, with its interval over processes.

    Args:
        a: Block times of the subject, shape (processes, blocks), in the order taken.
        b: Block times of the baseline in the same processes; block j of both was taken back to back, in the order A B B A A B B A ...
            (or B A A B ...: which comes first does not matter, that it alternates does).
        confidence: Wanted coverage.

    Raises:
        ValueError: when processes or blocks do not pair up, or a time is not positive.
    """
    return _exponential(centre_estimate(log_ratios(a, b), confidence))


def log_ratios(a: Sequence[ArrayLike], b: Sequence[ArrayLike]) -> Floats:
    """Return one log-ratio a / b a process, free of linear drift, shape (processes,)."""
    if len(a) != len(b) or len(a) == 0:
        msg = f"{len(a)} processes of the subject and {len(b)} of the baseline; give the same processes of both, at least one"
        raise ValueError(msg)
    return np.array([_log_ratio(subject, baseline) for subject, baseline in zip(a, b, strict=True)])


def _log_ratio(subject: ArrayLike, baseline: ArrayLike) -> float:
    """Median over neighbouring pairs.

    A pair A B sees a slowing clock as "B is slower", the next, B A, as "A is slower" by the same amount: the mean of two neighbouring
    pairs is free of it, and the median of those means is free of wild blocks.
    """
    a, b = as_positive(subject), as_positive(baseline)
    if a.size != b.size:
        msg = f"{a.size} blocks of the subject and {b.size} of the baseline; they are taken in pairs"
        raise ValueError(msg)
    pairs = np.log(a / b)
    neighbours = (pairs[:-1] + pairs[1:]) / 2 if pairs.size > 1 else pairs
    return float(np.median(neighbours))


def unpaired_ratio(a: Sequence[ArrayLike], b: Sequence[ArrayLike], confidence: float = 0.95) -> Estimate:
    """Return the ratio a / b of two sets of processes that were not interleaved, such as two nights.

    Welch's interval on the logarithms of the process medians. Whatever changed between the two sets besides the code (clock, load,
    temperature) is in the ratio: re-measure interleaved before telling anyone.

    Args:
        a: Samples of the subject's processes, shape (processes, samples).
        b: Samples of the baseline's processes.
        confidence: Wanted coverage.
    """
    check_confidence(confidence)
    left = np.log([np.median(as_positive(samples)) for samples in a])
    right = np.log([np.median(as_positive(samples)) for samples in b])
    n = min(as_samples(left).size, as_samples(right).size)
    centre = float(left.mean() - right.mean())
    if n == 1:
        return Estimate(float(np.exp(centre)), None, None, n)
    errors = np.array([left.var(ddof=1) / left.size, right.var(ddof=1) / right.size])
    if errors.sum() == 0:
        return Estimate.exact(float(np.exp(centre)), n)
    freedom = errors.sum() ** 2 / (errors**2 / [left.size - 1, right.size - 1]).sum()
    arm = float(special.stdtrit(freedom, 0.5 + confidence / 2) * np.sqrt(errors.sum()))
    return _exponential(Estimate(centre, centre - arm, centre + arm, n))


def ratio_of(a: Estimate, b: Estimate) -> Estimate:
    """Return the ratio a / b of two figures of which only the intervals are left, at the confidence those have.

    The arms are added as squares on the logarithms: the MOVER of Donner and Zou (2012), a little wide for independent medians (95%
    covers 97 to 98%) and much too wide for interleaved ones. There is no interval where one of the two has none.

    Raises:
        ValueError: when a figure or an end of its interval is not positive.
    """
    for estimate in (a, b):
        low, _ = estimate.bounds
        if estimate.value <= 0 or (estimate.has_interval and low <= 0):
            msg = f"no ratio of {estimate}; figures and intervals have to be positive"
            raise ValueError(msg)
    value, n = a.value / b.value, min(a.n, b.n)
    if not (a.has_interval and b.has_interval):
        return Estimate(value, None, None, n)
    (a_low, a_high), (b_low, b_high) = np.log(a.bounds), np.log(b.bounds)
    a_log, b_log = np.log(a.value), np.log(b.value)
    below = float(np.hypot(a_log - a_low, b_high - b_log))
    above = float(np.hypot(a_high - a_log, b_log - b_low))
    return Estimate(value, value * float(np.exp(-below)), value * float(np.exp(above)), n)


def _exponential(log_ratio: Estimate) -> Estimate:
    low, high = log_ratio.low, log_ratio.high
    if low is None or high is None:
        return Estimate(float(np.exp(log_ratio.value)), None, None, log_ratio.n)
    return Estimate(float(np.exp(log_ratio.value)), float(np.exp(low)), float(np.exp(high)), log_ratio.n)
