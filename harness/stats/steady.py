"""Warm-up: from where on a series of times is steady, and whether it is so by now."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from harness.stats.samples import Floats, as_samples

MINIMUM = 2
"""Calls always dropped: eager models on a CPU settle after about two, and the first was 1.7 times the median."""

WINDOW = 10
"""Calls over which a level and a slope are told: fewer miss a slope in the noise, more make the warm-up of slow models long."""

NEGLIGIBLE = 0.005
"""A drift of half a percent over a window, or a level as near, is steady whatever the noise says: it is half of the least effect told."""

Z_LEVEL = 4.0
"""Standard errors by which a window's median may miss the steady level: of hundreds of overlapping windows none does so by chance."""

Z_SINGLE = 5.0
"""Robust standard deviations that make one time an outlier."""

MEDIAN_EFFICIENCY = 1.2533
"""Standard error of a median over that of a mean, of normal samples: sqrt(pi / 2)."""


def steady_from(times: ArrayLike) -> int:
    """Return the index from which a series is steady; `len(times)` when it never is.

    Looks back on the whole series: the steady level is the median of its later half, and the series is steady from the first window of
    `WINDOW` calls whose level is that one, in both its halves, and whose slope is within the noise. What comes later (a burst of other
    load, a throttled clock) is not warm-up and is left to the guards.

    Args:
        times: Of successive calls or blocks, from the first.
    """
    series = as_samples(times)
    if series.size < MINIMUM + WINDOW:
        return min(MINIMUM, series.size)
    later = series[series.size // 2 :]
    level = float(np.median(later))
    noise = _noise(later)
    half = WINDOW // 2
    halves = _window_medians(series, half)
    allowed = max(NEGLIGIBLE * abs(level), Z_LEVEL * MEDIAN_EFFICIENCY * noise / np.sqrt(half))
    near = np.abs(halves - level) <= allowed
    starts = np.flatnonzero(near[:-half] & near[half:])
    for start in starts[starts >= MINIMUM]:
        if _flat(series[start : start + WINDOW]):
            return _skip_head(series, int(start), level, allowed, noise)
    return int(series.size)


def settled(times: ArrayLike) -> bool:
    """Say whether the last `WINDOW` calls show no slope beyond the noise, so that sampling may begin.

    It cannot see what is still to come (the tenth call may compile): look back with `steady_from` when all is taken.
    """
    series = as_samples(times) if np.size(times) else np.empty(0)
    return series.size >= MINIMUM + WINDOW and _flat(series[-WINDOW:])


def _flat(window: Floats) -> bool:
    """Whether the least-squares slope over the window is negligible, or within 99% of what its own noise allows."""
    centred = np.arange(window.size) - (window.size - 1) / 2
    slope = float(centred @ window / (centred @ centred))
    residuals = window - window.mean() - slope * centred
    freedom = window.size - 2
    error = np.sqrt(float(residuals @ residuals) / freedom / float(centred @ centred))
    drift = abs(slope) * window.size
    return drift <= NEGLIGIBLE * abs(float(np.median(window))) or abs(slope) <= special.stdtrit(freedom, 0.995) * error


def _skip_head(series: Floats, start: int, level: float, allowed: float, noise: float) -> int:
    """Move past calls at the head of the first steady window that belong to what came before: outliers, or nearer to the level before."""
    step = abs(float(np.median(series[max(0, start - WINDOW) : start])) - level)
    reach = min(Z_SINGLE * noise, step / 2) if step > allowed else Z_SINGLE * noise
    inside = np.abs(series[start : start + WINDOW] - level) <= max(NEGLIGIBLE * abs(level), reach)
    return start + int(inside.argmax())


def _window_medians(series: Floats, length: int) -> Floats:
    return np.asarray(np.median(np.lib.stride_tricks.sliding_window_view(series, length), axis=1), dtype=np.float64)


def _noise(values: Floats) -> float:
    """Standard deviation told by the median absolute deviation: bursts do not move it, and slow wandering counts as noise."""
    return float(1.4826 * np.median(np.abs(values - np.median(values))))
