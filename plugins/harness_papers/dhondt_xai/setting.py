"""The numbers of each scale."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Setting:
    """How much work is done.

    Attributes:
        trees: Of an ensemble.
        rows: Test rows that are explained, at most.
        background: Training rows that stand for absent features.
        permutations: Random orders a row of the sampled Shapley values.
        repeats: Shuffles a feature of permutation importance.
        local_seats: Seats that a row's gains and losses share in the later version.
        refits: Ensembles refitted on bootstrap samples, for the stability.
    """

    trees: int
    rows: int
    background: int
    permutations: int
    repeats: int
    local_seats: int
    refits: int


# 100 trees are the defaults of all three libraries; 5 repeats, scikit-learn's; 100 background rows and 5,000 seats, those of the authors' package.
_WHOLE = Setting(trees=100, rows=300, background=100, permutations=20, repeats=5, local_seats=5000, refits=20)

SETTINGS = {
    "smoke": Setting(trees=10, rows=12, background=5, permutations=2, repeats=1, local_seats=1000, refits=2),
    "small": _WHOLE,
    "paper": _WHOLE,
}
