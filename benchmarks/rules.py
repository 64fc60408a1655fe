"""How other tools decide that two sets of times differ, written anew from their sources, for the same samples to be judged by all.

Each takes the samples of a baseline and of a subject and says whether it would raise an alarm. None of them asks which samples share a
process.

>>> torchbench_alarms([1.00, 1.01, 1.02], [1.05, 1.06, 1.07])
False
>>> pyperf_alarms([1.00, 1.01, 1.02], [1.05, 1.06, 1.07])
True
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import stats

# pyperf/_utils.py, is_significant and tdist95conf_level: Student's two-sample test with pooled variance at 95%, equal numbers of values, its
# critical value exact to 30 degrees of freedom and above that the one of the next lower entry of a table that ends, at 200, in the normal.
PYPERF_TABLE = (*range(1, 31), 40, 50, 60, 80, 100)
PYPERF_NORMAL_FROM = 200

# asv/_stats.py, is_different: two-sided Mann-Whitney at p < 0.002, by the normal approximation where one side has more than 20 samples, and
# only if so few samples can reach that p at all; without reach it compares 99% intervals, which is not imitated here.
ASV_P_VALUE = 0.002
ASV_EXACT_UP_TO = 20

# pytorch/benchmark, userbenchmark/torch-nightly/regression_detector.py: DEFAULT_REGRESSION_DELTA_THRESHOLD, on the one figure per run
# that TorchBench stores, the median latency.
TORCHBENCH_DELTA = 0.07


def pyperf_alarms(baseline: Sequence[float], subject: Sequence[float]) -> bool:
    """Say whether `pyperf compare_to` calls two lists of values significantly different.

    Raises:
        ValueError: when one list is longer; pyperf refuses this too.
    """
    if len(baseline) != len(subject):
        msg = f"{len(baseline)} and {len(subject)} values; pyperf's test needs as many of both"
        raise ValueError(msg)
    difference = float(np.mean(subject) - np.mean(baseline))
    error = math.sqrt((np.var(baseline, ddof=1) + np.var(subject, ddof=1)) / len(baseline))
    return abs(difference) >= _pyperf_critical(2 * len(baseline) - 2) * error if error else difference != 0


def _pyperf_critical(freedom: int) -> float:
    if freedom >= PYPERF_NORMAL_FROM:
        return float(stats.norm.ppf(0.975))
    return float(stats.t.ppf(0.975, max(entry for entry in PYPERF_TABLE if entry <= freedom)))


def asv_alarms(baseline: Sequence[float], subject: Sequence[float], factor: float = 1.0) -> bool:
    """Say whether asv finds two lists of samples different.

    Args:
        baseline: At least six samples, where the other side has six.
        subject: The same.
        factor: Ratio of medians that must be exceeded as well. `asv compare` has 1.1 by default, which hides whatever is under 10%.

    Raises:
        ValueError: when there are so few samples that no p below 0.002 can be reached.
    """
    m, n = len(baseline), len(subject)
    if 1 / math.comb(m + n, min(m, n)) >= ASV_P_VALUE:
        msg = f"{m} and {n} samples cannot reach p < {ASV_P_VALUE}; give at least six of both"
        raise ValueError(msg)
    method = "asymptotic" if max(m, n) > ASV_EXACT_UP_TO else "exact"
    p_value = stats.mannwhitneyu(subject, baseline, use_continuity=False, method=method).pvalue
    ratio = float(np.median(subject) / np.median(baseline))
    return bool(p_value < ASV_P_VALUE and max(ratio, 1 / ratio) > factor)


def torchbench_alarms(baseline: Sequence[float], subject: Sequence[float]) -> bool:
    """Say whether TorchBench's nightly detector would file an issue: medians more than 7% of the baseline apart."""
    before, after = float(np.median(baseline)), float(np.median(subject))
    return abs(after - before) / before > TORCHBENCH_DELTA
