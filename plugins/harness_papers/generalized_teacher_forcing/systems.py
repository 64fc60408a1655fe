"""What is observed: the Lorenz system, with noise where it is learnt from, and the yearly number of sunspots."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from torch import Tensor

from harness_papers._kit.series import real_series

from .setting import SETTINGS, Setting

SIGMA, RHO, BETA = 10.0, 28.0, 8 / 3
BURN_IN = 1000
"""Steps from an arbitrary point until the orbit is on the attractor."""
DELAYS = 5
"""Years of sunspots that make one observation."""
NOISE_SEED = 0


def observe(system: str, scale: str, split: str) -> tuple[Tensor, int]:
    """Return the observations of a split, in standard deviations of the training data, and how many of them were learnt from.

    Args:
        system: `lorenz63` or `sunspots`.
        scale: `smoke` or `small`.
        split: `train` or `test`. Lorenz's test orbit follows its training orbit and has no noise; sunspots are tested on all years.

    Returns:
        (steps, N) float32, and the number of first rows that are training data.
    """
    setting = SETTINGS[system, scale]
    whole = lorenz63(setting.train + setting.test, setting.dt) if system == "lorenz63" else embedded(real_series("sunspots").values[:, 0])
    seen = whole[: setting.train]
    standard = torch.from_numpy(((whole - seen.mean(0)) / seen.std(0)).astype(np.float32))
    if split == "train":
        return _noisy(standard[: setting.train], setting), setting.train
    return (standard[setting.train :], 0) if system == "lorenz63" else (standard, setting.train)


def _noisy(x: Tensor, setting: Setting) -> Tensor:
    return x + setting.noise * torch.randn(x.shape, generator=torch.Generator().manual_seed(NOISE_SEED))


def embedded(values: np.ndarray) -> np.ndarray:
    """Return a delay embedding: row t holds the value of step t + 4 and those of the four steps before it, (steps - 4, 5)."""
    return np.lib.stride_tricks.sliding_window_view(values, DELAYS)[:, ::-1].astype(np.float64)


@cache
def lorenz63(count: int, dt: float) -> np.ndarray:
    """Return an orbit of the Lorenz system by Runge-Kutta of fourth order: (count, 3)."""
    orbit = np.empty((BURN_IN + count, 3))
    x, y, z = 1.0, 1.0, 20.0
    half, sixth = dt / 2, dt / 6
    for t in range(len(orbit)):
        orbit[t] = x, y, z
        a1, b1, c1 = lorenz_field(x, y, z)
        a2, b2, c2 = lorenz_field(x + half * a1, y + half * b1, z + half * c1)
        a3, b3, c3 = lorenz_field(x + half * a2, y + half * b2, z + half * c2)
        a4, b4, c4 = lorenz_field(x + dt * a3, y + dt * b3, z + dt * c3)
        x += sixth * (a1 + 2 * (a2 + a3) + a4)
        y += sixth * (b1 + 2 * (b2 + b3) + b4)
        z += sixth * (c1 + 2 * (c2 + c3) + c4)
    return orbit[BURN_IN:]


def lorenz_field(x: float, y: float, z: float) -> tuple[float, float, float]:
    """Return the time derivative of the Lorenz system."""
    return SIGMA * (y - x), x * (RHO - z) - y, x * y - BETA * z
