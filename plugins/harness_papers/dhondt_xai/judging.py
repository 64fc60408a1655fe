"""How well a way to explain agrees with others and with the truth, how steady it is, and how fair its seats are."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from scipy.stats import spearmanr
from sklearn.base import clone

from harness import Quality

from . import local
from .election import Parliament, quotas
from .explainers import LOCAL, RULES, Explainer
from .tables import Table

TOP = 5
"""Features whose names people remember."""


def judge(
    explainer: Explainer, table: Table, rows: tuple[np.ndarray, np.ndarray], train: tuple[np.ndarray, np.ndarray]
) -> dict[str, Quality]:
    """Return the qualities that mean something for this way; `rows` and `train` are (x, y) of the test and the training split."""
    answer = explainer(*rows)  # (n,)
    found = {"stability": Quality(stability(explainer, rows, train))}
    if explainer.variant != "tree_shap":
        exact = explainer.by("tree_shap")(*rows)
        found["spearman_shap"] = Quality(rank_correlation(answer, exact))
        if len(answer) > TOP:
            found["top5_shap"] = Quality(top_overlap(answer, exact))
    if explainer.variant != "permutation":
        found["spearman_permutation"] = Quality(rank_correlation(answer, explainer.by("permutation")(*rows)))
    if table.truth is not None:
        found["spearman_truth"] = Quality(rank_correlation(answer, table.truth))
    if explainer.variant in RULES:
        found |= _fairness(explainer)
    if explainer.variant in LOCAL:
        found |= _projection(explainer, table, rows[0])
    if explainer.variant == "dhondt":
        found["model_score"] = Quality(explainer.ensemble.score(*rows), "accuracy or R2")
    return found


def rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Return Spearman's correlation, equal values sharing their mean rank; 0 where one side does not vary at all."""
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0
    return float(spearmanr(a, b).statistic)


def top_overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Return the share of the five largest that two importances (n,) have in common; of equals the first count."""
    largest = [set(np.argsort(-values, kind="stable")[:TOP]) for values in (a, b)]
    return len(largest[0] & largest[1]) / len(largest[0])


def stability(explainer: Explainer, rows: tuple[np.ndarray, np.ndarray], train: tuple[np.ndarray, np.ndarray]) -> float:
    """Return the mean rank correlation between answers for ensembles refitted on bootstrap samples of the training rows."""
    x, y = train
    rng = np.random.default_rng(explainer.seed)
    answers = []
    for _ in range(explainer.setting.refits):
        drawn = rng.integers(len(x), size=len(x))
        answers.append(explainer.explaining(clone(explainer.ensemble).fit(x[drawn], y[drawn]))(*rows))
    return float(np.mean([rank_correlation(a, b) for a, b in combinations(answers, 2)]))


def _fairness(explainer: Explainer) -> dict[str, Quality]:
    parliament = explainer.parliament()
    return {
        "quota_gap": Quality(np.abs(parliament.seats - _quota(parliament)).max(), "seats", "lower"),
        "seats_below_quota": Quality(max(0.0, (np.floor(_quota(parliament)) - parliament.seats).max()), "seats", "lower"),
        "worst_merger": Quality(worst_merger(explainer), "seats"),
    }


def _quota(parliament: Parliament) -> np.ndarray:
    # 1e-9: a quota that is an integer but for rounding is that integer.
    return np.round(quotas(parliament.votes, int(parliament.seats.sum())), 9)


def worst_merger(explainer: Explainer) -> int:
    """Return the fewest seats that any two features gain by standing together; negative where some alliance loses."""
    apart = dict(zip(explainer.names, explainer.parliament().seats, strict=True))
    gains = []
    for pair in combinations(explainer.names, 2):
        merged = explainer.parliament([pair])
        gains.append(int(merged.seats[merged.parties.index(pair)]) - int(apart[pair[0]]) - int(apart[pair[1]]))
    return min(gains)


def _projection(explainer: Explainer, table: Table, x: np.ndarray) -> dict[str, Quality]:
    found = {"residual": Quality(explainer.local(x).residual_ratio.mean(), "1", "lower")}
    if table.formula is not None:
        told = explain_formula(explainer, table, x)
        found["residual_formula"] = Quality(told.residual_ratio.mean(), "1", "lower")
        if table.truth is not None:
            found["truth_formula"] = Quality(rank_correlation(np.abs(told.attributions).mean(0), table.truth))
    return found


def explain_formula(explainer: Explainer, table: Table, x: np.ndarray) -> local.LocalExplanation:
    """Explain the formula itself, which knows no noise and has learned nothing wrong, instead of the ensemble."""
    return explainer.explaining(_Formula(table)).local(x)


class _Formula:
    """The formula of a table as a model."""

    def __init__(self, table: Table) -> None:
        self.predict = table.formula
