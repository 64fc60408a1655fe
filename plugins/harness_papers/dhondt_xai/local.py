"""The later version of the method: seats for what a row loses when a feature is taken away, gains and losses apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from .election import dhondt

Score = Callable[[np.ndarray], np.ndarray]
"""From rows (N, n) to one number a row, (N,)."""

TINY = 1e-12
"""Keeps divisions by an effect of zero defined."""

CALL_ROWS = 65_536
"""Replaced rows that are scored in one call; it bounds the memory, not the result."""


@dataclass(frozen=True)
class LocalExplanation:
    """What the features did for each of N rows.

    Attributes:
        attributions: (N, n); each row's sum is its `delta`.
        delta: score(x) - mean score of the background, (N,).
        residual: `delta` minus what seats alone represent, spread over the attributions by their size, (N,).
        residual_ratio: |residual| over the larger of |delta| and the sum of what is represented, (N,), in [0, 2].
        seats: Signed seats of each party, (N, g).
    """

    attributions: np.ndarray
    delta: np.ndarray
    residual: np.ndarray
    residual_ratio: np.ndarray
    seats: np.ndarray


def explain(score: Score, x: np.ndarray, background: np.ndarray, parties: Sequence[Sequence[int]], seats: int) -> LocalExplanation:
    """Explain rows x (N, n) against background rows (B, n).

    Args:
        score: The model.
        x: Rows to explain.
        background: Rows from which the values of removed features are taken.
        parties: Columns of each party; together all n, each once.
        seats: Seats that a row's gains and losses share.
    """
    singles = [[f] for f in range(x.shape[1])]
    e = removal_effects(score, x, background, singles)  # (N, n)
    E = np.stack([e[:, p[0]] if len(p) == 1 else removal_effects(score, x, background, [p])[:, 0] for p in parties], 1)  # (N, g)
    delta = score(x) - score(background).mean()  # (N,)
    elected = [signed_seats(effects, seats) for effects in E]
    represented = np.stack([values for values, _ in elected])  # (N, g)
    mass = np.abs(represented)
    residual = delta - represented.sum(1)
    ratio = np.abs(residual) / np.maximum(np.maximum(np.abs(delta), mass.sum(1)), TINY)
    weights = (mass + TINY) / (mass + TINY).sum(1, keepdims=True)
    A = represented + weights * residual[:, None]  # (N, g), rows sum to delta
    return LocalExplanation(share_out(A, e, parties), delta, residual, ratio, np.stack([s for _, s in elected]))


def removal_effects(score: Score, x: np.ndarray, background: np.ndarray, parties: Sequence[Sequence[int]]) -> np.ndarray:
    """Return score(x) minus the mean score with a party's features taken from each background row: (N, g). Costs N g B model rows."""
    before = score(x)  # (N,)
    block = max(1, CALL_ROWS // len(background))
    effects = np.empty((len(x), len(parties)))
    for g, columns in enumerate(parties):
        for first in range(0, len(x), block):
            rows = x[first : first + block]
            replaced = np.repeat(rows, len(background), 0)  # (N' B, n)
            replaced[:, columns] = np.tile(background[:, columns], (len(rows), 1))
            effects[first : first + block, g] = before[first : first + block] - score(replaced).reshape(len(rows), -1).mean(1)
    return effects


def signed_seats(effects: np.ndarray, seats: int) -> tuple[np.ndarray, np.ndarray]:
    """Elect gains and losses separately, the seats shared between the two by their mass: effects (g,) -> values (g,), signed seats (g,)."""
    gains, losses = np.maximum(effects, 0), np.maximum(-effects, 0)
    total = gains.sum() + losses.sum()
    if total == 0:
        return np.zeros(len(effects)), np.zeros(len(effects), dtype=int)
    for_gains = int(np.floor(seats * gains.sum() / total + 0.5))
    values, signed = np.zeros(len(effects)), np.zeros(len(effects), dtype=int)
    for sign, side, count in ((1, gains, for_gains), (-1, losses, seats - for_gains)):
        if count > 0 and side.sum() > 0:
            given = dhondt(side, count)
            values += sign * side.sum() * given / count
            signed += sign * given
    return values, signed


def share_out(A: np.ndarray, e: np.ndarray, parties: Sequence[Sequence[int]]) -> np.ndarray:
    """Divide each party's attribution among its features: their own effects, and the rest by the size of these. (N, g), (N, n) -> (N, n)."""
    attributions = np.empty_like(e)
    for g, columns in enumerate(parties):
        own = e[:, columns]  # (N, members)
        weights = np.abs(own) + TINY
        rest = A[:, g] - own.sum(1)
        attributions[:, columns] = own + weights / weights.sum(1, keepdims=True) * rest[:, None]
    return attributions
