"""Faster, slower, the same, or cannot tell: what an interval of a ratio allows to be said.

>>> one = [[1.00, 1.01, 1.00, 0.99]] * 4 + [[1.02, 1.01, 1.00, 1.01]] * 4
>>> two = [[2 * t for t in process] for process in one]
>>> compare(one, two).outcome
<Outcome.FASTER: 'faster'>
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from numpy.typing import ArrayLike
from scipy import special

from harness.stats.estimate import Estimate
from harness.stats.order import enough_for_order_statistics
from harness.stats.ratio import paired_ratio

CONFIDENCE = 0.99
"""Of comparisons: with a 1% margin, identical code raises an alarm in less than 1% of them."""

MARGIN = 0.01
"""Two identical models in one process have differed by a steady 0.5%: nothing under 1% is ever called a difference."""

PROCESSES = 10
"""With which 2% is found in at least 80% and 3% in at least 95% of comparisons on a shared two-core machine."""


class Outcome(StrEnum):
    """The honest outcomes of a comparison of two times."""

    FASTER = "faster"
    """The whole interval of the ratio lies below 1 by more than the margin."""
    SLOWER = "slower"
    """The whole interval lies above 1 by more than the margin."""
    SAME = "same"
    """The whole interval lies inside the margin."""
    CANNOT_TELL = "cannot tell"


class Reason(StrEnum):
    """Why a comparison ended as it did."""

    BEYOND_MARGIN = "beyond-margin"
    """Faster or slower: the whole interval is beyond the margin."""
    WITHIN_MARGIN = "within-margin"
    """Same: the whole interval is inside the margin."""
    NO_INTERVAL = "no-interval"
    """Cannot tell: one process has no interval; measure in more."""
    SPANS_NO_EFFECT = "spans-no-effect"
    """Cannot tell: the interval reaches from one side of 1 to the other and beyond the margin; measure in more processes."""
    MAYBE_BELOW_MARGIN = "maybe-below-margin"
    """Cannot tell: the direction is plain, but the effect may be smaller than the margin."""


@dataclass(frozen=True)
class Comparison:
    """What may be said of subject / baseline.

    Attributes:
        ratio: With the interval that was judged; a lower time of the subject is a ratio below 1.
        outcome: Which of the four.
        reason: Why.
        p_value: Chance of a ratio at least this far beyond the margin if the true one were on it; for false-discovery control over many
            comparisons. 1 without an interval.
    """

    ratio: Estimate
    outcome: Outcome
    reason: Reason
    p_value: float


def compare(a: Sequence[ArrayLike], b: Sequence[ArrayLike], confidence: float = CONFIDENCE, margin: float = MARGIN) -> Comparison:
    """Compare the interleaved block times of a subject and its baseline.

    Args:
        a: Block times of the subject, shape (processes, blocks); see `paired_ratio`.
        b: Block times of the baseline in the same processes.
        confidence: Of the interval that is judged.
        margin: Smallest relative difference that counts: 0.01 is 1%.
    """
    return compare_ratio(paired_ratio(a, b, confidence), confidence, margin)


def compare_ratio(ratio: Estimate, confidence: float = CONFIDENCE, margin: float = MARGIN) -> Comparison:
    """Compare by a ratio that is already there; `confidence` is that of its interval."""
    outcome, reason = _outcome(ratio, margin)
    return Comparison(ratio, outcome, reason, p_value(ratio, confidence, margin))


def _outcome(ratio: Estimate, margin: float) -> tuple[Outcome, Reason]:
    low, high = ratio.bounds
    fastest, slowest = 1 / (1 + margin), 1 + margin
    if not ratio.has_interval:
        return Outcome.CANNOT_TELL, Reason.NO_INTERVAL
    if high < fastest:
        return Outcome.FASTER, Reason.BEYOND_MARGIN
    if low > slowest:
        return Outcome.SLOWER, Reason.BEYOND_MARGIN
    if fastest < low and high < slowest:
        return Outcome.SAME, Reason.WITHIN_MARGIN
    if low > 1 or high < 1:
        return Outcome.CANNOT_TELL, Reason.MAYBE_BELOW_MARGIN
    return Outcome.CANNOT_TELL, Reason.SPANS_NO_EFFECT


def p_value(ratio: Estimate, confidence: float = CONFIDENCE, margin: float = MARGIN) -> float:
    """Return how surprising a ratio is if the true one differs from 1 by no more than `margin`.

    Two one-sided Student tests on the logarithm, its standard error read back from the width of the interval, so that a stored figure is
    judged as a fresh one. A width between order statistics tells the error less well than a standard deviation does: it is given
    2 / pi of the degrees of freedom, the efficiency of the median, with which p-values are right to a factor of two down to 0.0003.

    Args:
        ratio: With an interval over `ratio.n` repetitions; 1 is returned where there is none.
        confidence: Of that interval.
        margin: Half-width of the differences that do not count.
    """
    low, high = ratio.bounds
    freedom = float(ratio.n - 1)
    if not ratio.has_interval or freedom == 0:
        return 1.0
    if enough_for_order_statistics(ratio.n, confidence):
        freedom *= 2 / math.pi
    centre, allowed = math.log(ratio.value), math.log1p(margin)
    error = math.log(high / low) / 2 / special.stdtrit(freedom, 0.5 + confidence / 2)
    distance = abs(centre) - allowed
    if error == 0:
        return 0.0 if distance > 0 else 1.0
    return float(min(1.0, 2 * special.stdtr(freedom, -distance / error)))
