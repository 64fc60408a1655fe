"""Samples as arrays: what every estimator checks before it counts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def as_samples(values: ArrayLike) -> Floats:
    """Return `values` as a one-dimensional float64 array.

    Raises:
        ValueError: when there are none, when they are not one-dimensional, or when one is not finite.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or array.size == 0:
        msg = f"samples have shape {array.shape}; give a sequence of at least one number"
        raise ValueError(msg)
    if not np.isfinite(array).all():
        msg = f"sample {int(np.flatnonzero(~np.isfinite(array))[0])} is {array[~np.isfinite(array)][0]}; samples are finite numbers"
        raise ValueError(msg)
    return array


def as_positive(values: ArrayLike) -> Floats:
    """Return `values` as `as_samples` does, all of them above zero.

    Raises:
        ValueError: when one is zero or negative, of which there is no ratio.
    """
    array = as_samples(values)
    if array.min() <= 0:
        msg = f"sample {int(array.argmin())} is {array.min()}; a ratio needs positive numbers"
        raise ValueError(msg)
    return array


def as_processes(processes: Sequence[ArrayLike]) -> list[Floats]:
    """Return the samples of every process.

    Raises:
        ValueError: when there is no process, or one has no finite samples.
    """
    if len(processes) == 0:
        msg = "no processes; give the samples of at least one"
        raise ValueError(msg)
    return [as_samples(samples) for samples in processes]


def check_confidence(confidence: float) -> None:
    """Reject a confidence that is not strictly between 0 and 1: 95% is written 0.95."""
    if not 0 < confidence < 1:
        msg = f"confidence is {confidence}; give a number between 0 and 1, such as 0.95"
        raise ValueError(msg)
