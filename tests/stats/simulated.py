"""Samples with known truth: what a machine might give, with the answer at hand."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, signal, stats

Floats = NDArray[np.float64]
Draw = Callable[[np.random.Generator, tuple[int, ...]], Floats]


def normal(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    return 1 + 0.05 * rng.standard_normal(shape)


def log_normal(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    return np.exp(0.5 * rng.standard_normal(shape))


def two_modes(rng: np.random.Generator, shape: tuple[int, ...], share: float = 0.3, apart: float = 6) -> Floats:
    """A fast mode and, with chance `share`, one that is `apart` standard deviations slower."""
    return 1 + 0.02 * (rng.standard_normal(shape) + apart * (rng.random(shape) < share))


def two_modes_median(share: float = 0.3, apart: float = 6) -> float:
    z = optimize.brentq(lambda m: (1 - share) * stats.norm.cdf(m) + share * stats.norm.cdf(m - apart) - 0.5, -5, apart + 5)
    return 1 + 0.02 * z


def correlated(rng: np.random.Generator, shape: tuple[int, ...], rho: float = 0.5) -> Floats:
    """A log-normal series of which each sample remembers `rho` of the one before."""
    *rest, n = shape
    shocks = rng.standard_normal((*rest, n + 200))
    return np.exp(0.05 * signal.lfilter([np.sqrt(1 - rho**2)], [1, -rho], shocks, axis=-1)[..., 200:])


def pair(
    rng: np.random.Generator,
    shift: float = 1.0,
    processes: int = 10,
    blocks: int = 20,
    between: float = 0.03,
    within: float = 0.005,
    ratio_between: float = 0.0,
    role: float = 0.0,
) -> tuple[Floats, Floats]:
    """Interleaved block times of a subject that takes `shift` times its baseline.

    `between` is what a process does to both, `ratio_between` what it does to their ratio, `role` a steady advantage of the variant that
    was built first, which is drawn anew for each process.
    """
    common = np.exp(between * rng.standard_normal((processes, 1)))
    own = np.exp(ratio_between * rng.standard_normal((processes, 1)) + role * rng.choice([-1, 1], (processes, 1)))
    subject = shift * common * own * np.exp(within * rng.standard_normal((processes, blocks)))
    return subject, common * np.exp(within * rng.standard_normal((processes, blocks)))
