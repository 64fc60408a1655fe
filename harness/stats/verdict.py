"""What an interval says of a claim: pure judging, from intervals only.

A claim of one number is reached at that number or beyond it, in the better direction; a claim of a pair is that the value lies between.
For a latency, of which less is better:

    claimed ratio 0.5 ("twice as fast")     <- better                       worse ->
                                                0.5                 1
    upheld               [-------]               |                  |
    consistent                   [---------------+---]              |
    direction only                               |    [-------]     |
    inconclusive                                 |            [-----+----]
    refuted                                      |                  |   [------]

    claimed ratio 1.83 ("costs at most 1.83x"): a bound on the far side of no effect, so any ratio up to 1.83 upholds it, 1 too
                                                     1            1.83
    upheld                                       [---+---]          |
    consistent                                       |        [-----+-----]
    refuted                                          |              |  [------]

>>> judge_ratio(Estimate(0.62, 0.58, 0.67, 10), claimed=1 / 1.4, lower_is_better=True).kind
<Kind.UPHELD: 'upheld'>
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from harness.stats.estimate import Estimate

Range = float | tuple[float, float]
"""A number to be reached, or the two ends between which the value is claimed to lie."""


ROUNDING = 1e-9
"""Relative difference that is arithmetic, not measurement: a thousand times what a chain of float64 operations leaves."""


class Kind(StrEnum):
    """The verdicts of the ledger."""

    UPHELD = "upheld"
    """The whole interval reaches the claim or more; of a range: lies inside it."""
    CONSISTENT = "consistent"
    """The interval includes the claimed value, or part of the claimed range."""
    DIRECTION_ONLY = "direction only"
    """The right direction, but all of the interval is short of the claim; of a range: beyond its better end."""
    INCONCLUSIVE = "inconclusive"
    """The interval includes no effect, or there is no interval."""
    REFUTED = "refuted"
    """The whole interval is on the wrong side."""
    NOT_TESTABLE = "not testable here"
    """The claim's conditions cannot be met on this machine; never given here, where only intervals are judged."""


class Reason(StrEnum):
    """Why a verdict is what it is."""

    REACHES_CLAIM = "reaches-claim"
    """Upheld: every value of the interval is the claimed one or better."""
    INSIDE_RANGE = "inside-range"
    """Upheld: every value lies in the claimed range."""
    BETTER = "better"
    """Upheld: the subject is better, by how much nobody claims."""
    INCLUDES_CLAIM = "includes-claim"
    """Consistent: the claimed value lies in the interval, so that both it and less are possible."""
    OVERLAPS_RANGE = "overlaps-range"
    """Consistent: part of the interval lies in the claimed range."""
    SHORT_OF_CLAIM = "short-of-claim"
    """Direction only: better than no effect, but less than claimed."""
    BETTER_THAN_RANGE = "better-than-range"
    """Direction only: beyond the better end of the claimed range, which is not what was claimed."""
    INCLUDES_NO_EFFECT = "includes-no-effect"
    """Inconclusive: neither no effect nor the claim is excluded; measure more."""
    CLAIM_EXCLUDED = "claim-excluded"
    """Inconclusive: no effect is not excluded, but what was claimed is: whatever the effect is, it is smaller."""
    NO_INTERVAL = "no-interval"
    """Inconclusive: one repetition has no interval."""
    WRONG_DIRECTION = "wrong-direction"
    """Refuted: worse than no effect where better was claimed."""
    MISSES_BOUND = "misses-bound"
    """Refuted: every value is worse than the claimed one, which no direction softens."""


@dataclass(frozen=True)
class Verdict:
    """What an interval says of a claim, and why."""

    kind: Kind
    reason: Reason


def judge_ratio(estimate: Estimate, claimed: Range, lower_is_better: bool, margin: float = 0.0) -> Verdict:
    """Judge a claim on subject / baseline; no effect is 1.

    Args:
        estimate: The ratio with its interval.
        claimed: The claimed ratio, in the same sense: "1.4x faster" is 1 / 1.4 of a latency.
        lower_is_better: Of the quantity.
        margin: Smallest relative difference that counts, 0.01 for measured times: the interval has to clear 1 by more, and missing the
            claim by less is no miss. 0 for what is counted exactly.

    Raises:
        ValueError: when a claimed ratio is not positive.
    """
    if min(_ends(claimed)) <= 0:
        msg = f"the claimed ratio is {claimed}; a ratio is positive"
        raise ValueError(msg)
    return _judge(_Costs(_log, lower_is_better, math.log1p(margin)), estimate, claimed, 1.0)


def judge_difference(estimate: Estimate, claimed: Range, lower_is_better: bool, margin: float = 0.0) -> Verdict:
    """Judge a claim on subject - baseline; no effect is 0.

    Args:
        estimate: The difference with its interval, in the quantity's unit.
        claimed: The claimed difference: "loses at most 0.75 points of accuracy" is -0.0075.
        lower_is_better: Of the quantity.
        margin: Smallest difference that counts, in the quantity's unit.
    """
    return _judge(_Costs(_same, lower_is_better, margin), estimate, claimed, 0.0)


def judge_value(estimate: Estimate, claimed: Range, lower_is_better: bool) -> Verdict:
    """Judge a claim on the subject's own figure: a bound, or with a tiny number an identity. No value of it is "no effect"."""
    return _judge(_Costs(_same, lower_is_better), estimate, claimed, None)


def judge_exponent(estimate: Estimate, claimed: Range, lower_is_better: bool = True) -> Verdict:
    """Judge a claim on growth along a sweep: a bound on the exponent, of which less is better for every cost."""
    return judge_value(estimate, claimed, lower_is_better)


def judge_order(estimate: Estimate, lower_is_better: bool, no_effect: float = 1.0, margin: float = 0.0) -> Verdict:
    """Judge a claim that the subject is better, by an amount that nobody states.

    Args:
        estimate: A ratio, or with `no_effect=0` a difference.
        lower_is_better: Of the quantity.
        no_effect: What the estimate is when both are equal.
        margin: How far the interval has to clear `no_effect` for the order to count.
    """
    if not estimate.has_interval:
        return Verdict(Kind.INCONCLUSIVE, Reason.NO_INTERVAL)
    costs = _Costs(_same, lower_is_better, margin)
    best, worst = costs.of(*estimate.bounds)
    neutral, _ = costs.of(no_effect, no_effect)
    if worst < neutral - margin:
        return Verdict(Kind.UPHELD, Reason.BETTER)
    if best > neutral + margin:
        return Verdict(Kind.REFUTED, Reason.WRONG_DIRECTION)
    return Verdict(Kind.INCONCLUSIVE, Reason.INCLUDES_NO_EFFECT)


@dataclass(frozen=True)
class _Costs:
    """The scale on which claims are judged: less is better, and the margin is a distance."""

    scale: Callable[[float], float]
    lower_is_better: bool
    margin: float = 0.0

    def of(self, low: float, high: float) -> tuple[float, float]:
        """Return an interval as (best, worst) cost."""
        if self.lower_is_better:
            return self.scale(low), self.scale(high)
        return -self.scale(high), -self.scale(low)


def _judge(costs: _Costs, estimate: Estimate, claimed: Range, no_effect: float | None) -> Verdict:
    """Judge on costs.

    A claim of a gain, one whose weaker end is better than no effect, is first held against no effect; a bound is not.
    """
    if not estimate.has_interval:
        return Verdict(Kind.INCONCLUSIVE, Reason.NO_INTERVAL)
    marks = [*_ends(claimed), *([] if no_effect is None else [no_effect])]
    low, high = (_snapped(end, marks) for end in estimate.bounds)
    measured, claim = costs.of(low, high), costs.of(*_ends(claimed))
    neutral = -math.inf if no_effect is None else costs.of(no_effect, no_effect)[0]
    is_gain = claim[1] < neutral
    if is_gain and measured[1] >= neutral - costs.margin:
        return _without_gain(measured[0], neutral, claim[1], costs.margin)
    found = _in_range(measured, claim, costs.margin) if isinstance(claimed, tuple) else _at_number(measured, claim[1], costs.margin)
    short = Verdict(Kind.DIRECTION_ONLY, Reason.SHORT_OF_CLAIM) if is_gain else Verdict(Kind.REFUTED, Reason.MISSES_BOUND)
    return found or short


def _at_number(measured: tuple[float, float], claim: float, margin: float) -> Verdict | None:
    """Judge by a number that counts as reached at it or beyond it; None where all of the interval is short of it."""
    best, worst = measured
    if worst <= claim:
        return Verdict(Kind.UPHELD, Reason.REACHES_CLAIM)
    return Verdict(Kind.CONSISTENT, Reason.INCLUDES_CLAIM) if best <= claim + margin else None


def _in_range(measured: tuple[float, float], claim: tuple[float, float], margin: float) -> Verdict | None:
    """Judge by a range in which the value is claimed to lie; None where all of the interval is short of it."""
    best, worst = measured
    if claim[0] <= best and worst <= claim[1]:
        return Verdict(Kind.UPHELD, Reason.INSIDE_RANGE)
    if worst < claim[0] - margin:
        return Verdict(Kind.DIRECTION_ONLY, Reason.BETTER_THAN_RANGE)
    return Verdict(Kind.CONSISTENT, Reason.OVERLAPS_RANGE) if best <= claim[1] + margin else None


def _without_gain(best: float, neutral: float, claimed_worst: float, margin: float) -> Verdict:
    """Judge the claim of a gain by an interval whose worse end shows none."""
    if best > neutral + margin:
        return Verdict(Kind.REFUTED, Reason.WRONG_DIRECTION)
    excluded = best > claimed_worst + margin
    return Verdict(Kind.INCONCLUSIVE, Reason.CLAIM_EXCLUDED if excluded else Reason.INCLUDES_NO_EFFECT)


def _ends(claimed: Range) -> tuple[float, float]:
    return claimed if isinstance(claimed, tuple) else (claimed, claimed)


def _snapped(end: float, marks: Sequence[float]) -> float:
    """Return the mark that `end` differs from by rounding only, else `end`: exact counts of 5 and 7 reach a claimed ratio of 1 / 1.4."""
    return next((mark for mark in marks if math.isclose(end, mark, rel_tol=ROUNDING)), end)


def _log(x: float) -> float:
    return math.log(x) if x > 0 else -math.inf


def _same(x: float) -> float:
    return x
