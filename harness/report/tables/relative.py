"""A variant beside its baseline: ratios of quantities, differences of qualities."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from harness.plugin.card import Better
from harness.report.facts.facts import Facts
from harness.report.facts.figures import Fig, RowKey
from harness.report.notation.quantities import RATIO_METRIC, Quantity
from harness.stats.difference import difference_of
from harness.stats.estimate import Estimate
from harness.stats.ratio import ratio_of


class Sense(StrEnum):
    """Which way a comparison goes, by its whole interval."""

    BETTER = "better"
    WORSE = "worse"
    SAME = "same"
    """Exactly equal, without any spread."""
    UNCLEAR = "unclear"
    """The interval includes no effect, or there is none."""


@dataclass(frozen=True)
class Relative:
    """A figure relative to the baseline's.

    Attributes:
        estimate: Ratio, or difference for qualities.
        baseline: The variant in the denominator.
        is_difference: True for a difference.
        paired: True where both were measured interleaved in one process: the only kind that claims are judged on.
        sense: Which way it goes.
        provenance: How both figures were had; figures that were had differently are never compared.
    """

    estimate: Estimate
    baseline: str
    is_difference: bool
    paired: bool
    sense: Sense
    provenance: str


def relative(facts: Facts, row: RowKey, place: str, quantity: Quantity, baseline: str) -> Relative | None:
    """Compare a row's figure with the same row of `baseline`; None where either is missing, they were had differently, or no ratio exists."""
    own = facts.figure(row, place, quantity.metric)
    if quantity.metric == "latency":
        paired = facts.figure(row, place, RATIO_METRIC, baseline)
        if paired is not None:
            return Relative(paired.estimate, baseline, False, True, sense(paired.estimate, 1.0, quantity.better), paired.provenance)
    base = facts.figure(row._replace(variant=baseline), place, quantity.metric)
    if own is None or base is None or row.variant == baseline or own.provenance != base.provenance:
        return None
    if quantity.compares_by_difference:
        gap = difference_of(own.estimate, base.estimate)
        return Relative(gap, baseline, True, False, sense(gap, 0.0, quantity.better), own.provenance)
    if not (_is_positive(own) and _is_positive(base)):
        return None
    ratio = _ratio(own, base)
    return Relative(ratio, baseline, False, False, sense(ratio, 1.0, quantity.better), own.provenance)


def sense(estimate: Estimate, no_effect: float, better: Better | None) -> Sense:
    """Say which way a whole interval lies of no effect."""
    low, high = estimate.bounds
    if low == high == no_effect:
        return Sense.SAME
    if better is None or low <= no_effect <= high:
        return Sense.UNCLEAR
    return Sense.BETTER if (high < no_effect) == (better is Better.LOWER) else Sense.WORSE


def _ratio(a: Fig, b: Fig) -> Estimate:
    """Return the ratio of two figures; of two exact counts, which are most, without the machinery of intervals."""
    if a.low == a.high and b.low == b.high and a.low is not None and b.low is not None:
        return Estimate.exact(a.value / b.value, min(a.n, b.n))
    return ratio_of(a.estimate, b.estimate)


def _is_positive(figure: Fig) -> bool:
    return figure.value > 0 and (figure.low is None or figure.low > 0)
