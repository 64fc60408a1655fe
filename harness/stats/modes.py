"""Whether samples gather around one time or around several: a cache that hits or misses, an exit taken early or late."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from harness.stats.samples import as_samples

LEAST_SHARE = 0.1
"""Of the samples, in the smallest mode that counts: less is a tail, which p90 and p99 show."""

LEAST_IN_WINDOW = 5
"""Samples in the narrowest window of which a density can be told."""

LEAST_SAMPLES = 20
"""Two modes and the valley between them, with one window to spare."""

FINEST = 0.005
"""Of the median: windows narrower than this count as this wide, so that the ticks of a timer and modes 1% apart are one mode."""

SIGNIFICANT = 3.5
"""Standard errors by which a valley must be thinner than the hills beside it. On uniform samples, the worst of the unimodal, 1% have such
a valley by chance, on normal and skewed ones 0.5% or fewer, correlated in time or not (20 to 500 samples, simulated)."""

LEAST_DEPTH = 2.5
"""How many times thinner it must be at least, however many the samples: a timer's ticks make windows of one tick and of two."""


def has_several_modes(samples: ArrayLike) -> bool:
    """Say whether the samples gather around more than one value.

    The density in a window of k neighbouring order statistics is k over its width. Samples have two modes where some window is
    so much wider than one to the left of it and one to the right that chance does not explain it: the logarithm of the ratio of two such
    widths has standard error sqrt(2 / k) where the density is level (Pyke 1965, "Spacings").
    """
    values = np.sort(as_samples(samples))
    n = values.size
    if n < LEAST_SAMPLES:
        return False
    k = max(LEAST_IN_WINDOW, int(np.ceil(LEAST_SHARE * n)))
    finest = FINEST * abs(float(np.median(values))) or np.finfo(float).tiny
    widths = np.maximum(values[k:] - values[:-k], finest)
    narrowest_left = np.minimum.accumulate(widths)[: -2 * k]
    narrowest_right = np.minimum.accumulate(widths[::-1])[::-1][2 * k :]
    valleys = widths[k:-k] / np.maximum(narrowest_left, narrowest_right)
    return bool(valleys.max() > max(LEAST_DEPTH, np.exp(SIGNIFICANT * np.sqrt(2 / k))))
