"""How a figure grows along a sweep: the slope of its logarithm over the logarithm of the axis."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from harness.stats.estimate import Estimate
from harness.stats.location import median_estimate
from harness.stats.samples import Floats, as_positive, check_confidence

LEAST_POINTS = 2
"""A slope needs two; three show whether a line fits, when no point has an interval of its own."""

DIGITS = 9
"""Decimals of an exponent: exact counts that grow as the cube have 3, not 3 less the rounding of their logarithms."""


def fit_exponent(x: ArrayLike, y: Sequence[Estimate | ArrayLike | float], confidence: float = 0.95) -> Estimate:
    """Return the exponent e of y ~ x^e over the sweep, with its interval.

    The exponent is the least-squares slope of log y over log x at just these points: for n log n it is the 1.1 or 1.2 that those points
    have, not 1. Where every y has an interval, theirs make up that of the slope (the slope is a weighted sum of independent log y,
    and their arms are added as squares); a bend in the curve does not widen it. Where one y has none, the scatter about the line does,
    with Student's t of (points - 2) degrees of freedom.

    Args:
        x: The swept sizes, positive, at least two of them different.
        y: For each size an `Estimate` with an interval of `confidence`, or samples (whose median is taken), or one number.
        confidence: Wanted coverage.

    Returns:
        The exponent; `n` counts sweep points. No interval from two numbers without intervals.

    Raises:
        ValueError: when sizes and figures do not pair up, are not positive, or there are fewer than two sizes.
    """
    check_confidence(confidence)
    sizes = np.log(as_positive(x))
    figures = [_figure(one, confidence) for one in y]
    if len(figures) != sizes.size or np.unique(sizes).size < LEAST_POINTS:
        different = np.unique(sizes).size
        msg = f"{sizes.size} sizes, {different} of them different, and {len(figures)} figures; give one figure a size, two sizes or more"
        raise ValueError(msg)
    logs = np.log(as_positive([figure.value for figure in figures]))
    centred = sizes - sizes.mean()
    weights = centred / float(centred @ centred)
    slope = round(float(weights @ logs), DIGITS)
    if all(figure.has_interval for figure in figures):
        below, above = _arms(weights, logs, figures)
    elif sizes.size > LEAST_POINTS:
        below = above = _scatter(centred, logs, slope, confidence)
    else:
        return Estimate(slope, None, None, sizes.size)
    return Estimate(slope, slope - round(below, DIGITS), slope + round(above, DIGITS), sizes.size)


def _figure(y: Estimate | ArrayLike | float, confidence: float) -> Estimate:
    if isinstance(y, Estimate):
        return y
    return Estimate(float(np.asarray(y)), None, None, 1) if np.ndim(y) == 0 else median_estimate(y, confidence)


def _arms(weights: Floats, logs: Floats, figures: Sequence[Estimate]) -> tuple[float, float]:
    """Arms of a weighted sum: a point with a negative weight stretches the sum down by its own arm up (MOVER, Zou and Donner 2008)."""
    bounds = np.log([as_positive(figure.bounds) for figure in figures])
    down, up = logs - bounds[:, 0], bounds[:, 1] - logs
    below = np.where(weights > 0, down, up) * weights
    above = np.where(weights > 0, up, down) * weights
    return float(np.linalg.norm(below)), float(np.linalg.norm(above))


def _scatter(centred: Floats, logs: Floats, slope: float, confidence: float) -> float:
    residuals = logs - logs.mean() - slope * centred
    freedom = centred.size - 2
    error = np.sqrt(float(residuals @ residuals) / freedom / float(centred @ centred))
    return float(special.stdtrit(freedom, 0.5 + confidence / 2) * error)
