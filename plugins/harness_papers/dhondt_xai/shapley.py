"""Shapley values, which seats are held against: sampled, exact for a few features, and exact for trees by the SHAP library."""

from __future__ import annotations

from itertools import combinations
from math import factorial
from typing import Any

import numpy as np

from .local import Score


def tree_shap(ensemble: Any, x: np.ndarray, background: np.ndarray) -> np.ndarray:
    """Return exact interventional Shapley values of a fitted tree ensemble's score: rows (N, n), background (B, n) -> (N, n)."""
    import shap

    explainer = shap.TreeExplainer(ensemble, data=background, feature_perturbation="interventional", model_output="raw")
    values = np.asarray(explainer.shap_values(x, check_additivity=False), dtype=float)
    return values[..., 1] if values.ndim == 3 else values  # a forest gives both classes


def sampled(score: Score, x: np.ndarray, background: np.ndarray, permutations: int, rng: np.random.Generator) -> np.ndarray:
    """Return Shapley values sampled by random orders, each with a background row of its own: (N, n).

    Features of the background row are replaced by the explained row's one after another, and each takes the change of the score.
    Costs permutations * (n + 1) * N model rows.
    """
    N, n = x.shape
    values = np.zeros((N, n))
    steps = np.arange(n + 1)[:, None, None]
    for _ in range(permutations):
        place = rng.permuted(np.tile(np.arange(n), (N, 1)), axis=1)  # (N, n): when each feature comes
        drawn = background[rng.integers(len(background), size=N)]  # (N, n)
        rows = np.where(place < steps, x, drawn)  # (n + 1, N, n): after each step
        gains = np.diff(score(rows.reshape(-1, n)).reshape(n + 1, N), axis=0).T  # (N, n), by step
        values += np.take_along_axis(gains, place, axis=1)
    return values / permutations


def exact(score: Score, x: np.ndarray, background: np.ndarray) -> np.ndarray:
    """Return exact interventional Shapley values from all 2^n coalitions: (N, n). For n up to about ten. Costs 2^n N B model rows."""
    N, n = x.shape
    worth = {}  # coalition -> mean score with its features known, (N,)
    for size in range(n + 1):
        for coalition in combinations(range(n), size):
            rows = np.tile(background, (N, 1))  # (N B, n)
            rows[:, coalition] = np.repeat(x, len(background), 0)[:, coalition]
            worth[frozenset(coalition)] = score(rows).reshape(N, -1).mean(1)
    values = np.zeros((N, n))
    for coalition, before in worth.items():
        weight = factorial(len(coalition)) * factorial(n - len(coalition) - 1) / factorial(n) if len(coalition) < n else 0.0
        for f in set(range(n)) - coalition:
            values[:, f] += weight * (worth[coalition | {f}] - before)
    return values
