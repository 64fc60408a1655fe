"""The best of a column: by interval, so that what cannot be told apart ties."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from harness.plugin.card import Better
from harness.report.facts.figures import Fig

Name = TypeVar("Name")


def best_of(figures: Mapping[Name, Fig], better: Better | None) -> frozenset[Name]:
    """Return who is best, ties included; nobody where all tie, there is nobody to beat, or neither way is better.

    Figures tie whose intervals overlap. A figure without an interval does not compete. Figures of different provenance are never compared:
    then nobody is best.
    """
    sure = {name: figure for name, figure in figures.items() if figure.low is not None}
    if better is None or len(sure) < 2 or len({f.provenance for f in sure.values()}) > 1:
        return frozenset()
    sign = 1.0 if better is Better.LOWER else -1.0
    ends = {name: sorted(sign * bound for bound in figure.bounds) for name, figure in sure.items()}
    top = min(sure, key=lambda name: (sign * sure[name].value, ends[name][1]))
    tied = frozenset(name for name, (low, _) in ends.items() if low <= ends[top][1])
    return tied if len(tied) < len(sure) else frozenset()
