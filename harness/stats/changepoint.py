"""On which night a figure moved: E-divisive splitting with a t-test, as Fleming et al. (arXiv 2301.03034) run it.

>>> [point.index for point in change_points([10.0, 10.1, 9.9, 10.0, 10.1, 12.0, 12.1, 11.9, 12.0, 12.1])]
[5]
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from harness.stats.samples import Floats, as_samples

P_VALUE = 0.0001
"""Of a change that counts. The cut that is tested is the best of many, so that chance reaches 0.001 in one quiet series of eleven over 200
nights, and 0.0001 in one of fifty (simulated)."""

WEAK = 10
"""Splits that are this many times less sure are kept while the search goes on: a change next to a larger one hides behind it at first."""

WINDOW = 50
"""Nights looked at at once: in a long series an old change would hide a short new one. Windows overlap by half."""

ROUNDING = 1e-12
"""Of the mean: spread below this is arithmetic, not noise."""

LEAST_SEGMENT = 2
"""Values on each side of a change; a single wild night is no change."""


@dataclass(frozen=True)
class ChangePoint:
    """A night from which on a figure is different.

    Attributes:
        index: Of the first value after the change.
        before: Mean from the change before to this one.
        after: Mean from this one to the next.
        p_value: Of Student's t-test between the two stretches.
    """

    index: int
    before: float
    after: float
    p_value: float

    @property
    def ratio(self) -> float:
        """The mean after over the mean before."""
        return self.after / self.before


def change_points(series: ArrayLike, p_value: float = P_VALUE, min_change: float = 0.0) -> list[ChangePoint]:
    """Return the changes of level in a series, oldest first.

    Args:
        series: One value a night, oldest first.
        p_value: Largest that counts.
        min_change: Smallest relative change that counts.
    """
    values = as_samples(series)
    cuts: set[int] = set()
    start = 0
    while start < values.size:
        end = min(start + WINDOW, values.size)
        found = [start + cut for cut in _split(values[start:end], p_value * WEAK)]
        cuts.update(found)
        start = max([start + WINDOW // 2, *found]) if end < values.size else end
    return _strongest(values, sorted(cuts), p_value, min_change)


def _split(values: Floats, p_value: float) -> list[int]:
    """Split at the largest divergence for as long as the two sides differ, and each side again."""
    if values.size < 2 * LEAST_SEGMENT:
        return []
    cut = LEAST_SEGMENT + int(_divergence(values).argmax())
    if _p_value(values[:cut], values[cut:]) > p_value:
        return []
    return [*_split(values[:cut], p_value), cut, *(cut + later for later in _split(values[cut:], p_value))]


def _divergence(values: Floats) -> Floats:
    """Return the energy distance between both sides of every possible cut, scaled by their sizes.

    Matteson and James (2014), "A nonparametric approach for multiple change point analysis", eq. 5, with exponent 1.
    """
    n = values.size
    distances = np.abs(values[:, None] - values[None, :])
    within = np.tril(distances).sum(axis=1).cumsum()
    backwards = np.triu(distances).sum(axis=1)[::-1].cumsum()[::-1]
    cuts = np.arange(LEAST_SEGMENT, n - LEAST_SEGMENT + 1)
    left, right = within[cuts - 1], backwards[cuts]
    between = within[-1] - left - right
    m, k = cuts, n - cuts
    energy = 2 * between / (m * k) - 2 * left / (m * (m - 1)) - 2 * right / (k * (k - 1))
    return np.asarray(m * k / n * energy, dtype=np.float64)


def _strongest(values: Floats, cuts: list[int], p_value: float, min_change: float) -> list[ChangePoint]:
    """Drop the weakest change and test its neighbours anew until all that are left count."""
    while cuts:
        edges = [0, *cuts, values.size]
        points = [_point(values, *edges[i : i + 3]) for i in range(len(cuts))]
        weakest = max(points, key=lambda point: point.p_value)
        if weakest.p_value <= p_value:
            weakest = min(points, key=_size)
            if _size(weakest) >= min_change:
                return points
        cuts = [cut for cut in cuts if cut != weakest.index]
    return []


def _point(values: Floats, start: int, cut: int, end: int) -> ChangePoint:
    before, after = values[start:cut], values[cut:end]
    return ChangePoint(cut, float(before.mean()), float(after.mean()), _p_value(before, after))


def _size(point: ChangePoint) -> float:
    return abs(point.after - point.before) / max(abs(point.before), np.finfo(float).tiny)


def _p_value(before: Floats, after: Floats) -> float:
    """Student's two-sample test; two constant stretches differ surely or not at all."""
    if before.size < LEAST_SEGMENT or after.size < LEAST_SEGMENT:
        return 1.0
    freedom = before.size + after.size - 2
    pooled = (before.var() * before.size + after.var() * after.size) / freedom
    distance = abs(float(before.mean() - after.mean()))
    error = float(np.sqrt(pooled * (1 / before.size + 1 / after.size)))
    rounding = ROUNDING * abs(float(before.mean()))
    if error <= rounding:
        return 0.0 if distance > rounding else 1.0
    return float(2 * special.stdtr(freedom, -distance / error))
