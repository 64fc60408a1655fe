"""One ensemble, many ways to say which features it goes by: each explainer takes the same rows and returns one number a feature."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from sklearn.inspection import permutation_importance

from . import election, local, shapley
from .ensembles import score
from .setting import Setting


@dataclass
class Explainer:
    """An ensemble that can be fitted, and a way to explain it.

    Attributes:
        variant: The way.
        ensemble: The trees; fitted in place.
        setting: How much work is done.
        names: Of the n features.
        alliances: Features that stand together, in the variant that has alliances.
        seats: S.
        seed: Of the sampled ways and of the background.
        background: Training rows (B, n), drawn when the ensemble is fitted.
    """

    variant: str
    ensemble: Any
    setting: Setting
    names: tuple[str, ...]
    alliances: tuple[election.Group, ...] = ()
    seats: int = election.SEATS
    seed: int = 0
    background: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))

    def fit(self, x: np.ndarray, y: np.ndarray) -> Explainer:
        """Fit the ensemble to rows (N, n) and labels (N,), and keep background rows."""
        self.ensemble.fit(x, y)
        chosen = np.random.default_rng(self.seed).permutation(len(x))[: self.setting.background]
        self.background = x[chosen]
        return self

    def __call__(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return each feature's importance by this way, (n,), from test rows (N, n) and their labels (N,)."""
        return _WAYS[self.variant](self, x, y)

    def explaining(self, ensemble: Any) -> Explainer:
        """Return this way to explain, for another fitted ensemble."""
        return replace(self, ensemble=ensemble)

    def by(self, variant: str) -> Explainer:
        """Return another way to explain the same fitted ensemble."""
        return replace(self, variant=variant)

    def score(self, x: np.ndarray) -> np.ndarray:
        """Return what is explained of rows (N, n): (N,)."""
        return score(self.ensemble, x)

    def parliament(self, alliances: Sequence[election.Group] = ()) -> election.Parliament:
        """Elect features, or alliances of them, by the importances that the ensemble has of itself; D'Hondt unless the way is another."""
        importances = dict(zip(self.names, self.ensemble.feature_importances_.astype(float), strict=True))
        return election.elect(importances, self.seats, alliances=alliances, rule=RULES.get(self.variant))

    def local(self, x: np.ndarray) -> local.LocalExplanation:
        """Explain each of N rows by the later version."""
        alliances = self.alliances if self.variant == "local_alliances" else ()
        parties = [[self.names.index(name) for name in party] for party in election.group(self.names, (), alliances)]
        return local.explain(self.score, x, self.background, parties, self.setting.local_seats)


RULES = {"dhondt": election.dhondt, "hamilton": election.hamilton, "sainte_lague": election.sainte_lague}
"""The variants that share out seats among features, and how."""

LOCAL = ("local", "local_alliances")
"""The variants that share out seats for each row."""


def _seats(explainer: Explainer, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return explainer.parliament().seats.astype(float)  # as every other way gives its importances


def _importances(explainer: Explainer, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return explainer.ensemble.feature_importances_


def _local(explainer: Explainer, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.abs(explainer.local(x).attributions).mean(0)


def _tree_shap(explainer: Explainer, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.abs(shapley.tree_shap(explainer.ensemble, x, explainer.background)).mean(0)


def _sampled_shap(explainer: Explainer, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    rng = np.random.default_rng(explainer.seed)
    return np.abs(shapley.sampled(explainer.score, x, explainer.background, explainer.setting.permutations, rng)).mean(0)


def _permutation(explainer: Explainer, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    found = permutation_importance(explainer.ensemble, x, y, n_repeats=explainer.setting.repeats, random_state=explainer.seed)
    return found.importances_mean


_WAYS = {
    **dict.fromkeys(RULES, _seats),
    **dict.fromkeys(LOCAL, _local),
    "importances": _importances,
    "tree_shap": _tree_shap,
    "sampled_shap": _sampled_shap,
    "permutation": _permutation,
}
