"""How far one orbit's statistics are from another's: where it is, how it swings, how fast it forgets, and where it could rest."""

from __future__ import annotations

import math

import numpy as np
import torch
from scipy.ndimage import gaussian_filter1d
from torch import Tensor

from .plrnn import Generator, ShallowPLRNN
from .rollout import gates

BINS = 15
"""Bins along each dimension: with finer ones, ten thousand points leave most bins of the attractor empty."""
SMALLEST = 1e-6
"""Added to the count of every bin."""
GRID_DIMENSIONS = 3
"""Most dimensions for which bins are counted; beyond, orbits are mixtures of Gaussians."""
SAMPLES = 1000
"""Points at which two mixtures are compared."""
STARTS = 200
"""Most places from which predictions are made."""
OUT_OF_SIGHT = 1e3
"""Standard deviations beyond which it no longer matters how far off a prediction is."""


def state_space_divergence(x: Tensor, y: Tensor) -> float:
    """Return D_stsp, the KL divergence in nats of where orbit y (steps, N) is from where x (steps, N) is. What y does outside the range of x is lost."""
    if x.shape[1] > GRID_DIMENSIONS:
        return _mixture_divergence(x, y)
    low, high = x.amin(0), x.amax(0)
    p, q = (_occupied(orbit, low, high) for orbit in (x, y))
    return float((p * (p / q).log()).sum())


def _occupied(orbit: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """Return the share of all steps in each bin, (BINS ** N); what lies outside is in none."""
    inside = ((orbit >= low) & (orbit <= high)).all(1)  # of what is not a number, nothing is
    places = ((orbit[inside] - low) / (high - low) * BINS).long().clamp(max=BINS - 1)
    flat = (places * BINS ** torch.arange(orbit.shape[1])).sum(1)
    counts = torch.bincount(flat, minlength=BINS ** orbit.shape[1]).double() + SMALLEST
    return counts / (len(orbit) + SMALLEST * len(counts))


def _mixture_divergence(x: Tensor, y: Tensor) -> float:
    """Return the same for mixtures with a Gaussian of unit variance at each point, from random points of x's mixture."""
    generator = torch.Generator().manual_seed(0)
    y = _in_sight(y)
    points = x[torch.randint(len(x), (SAMPLES,), generator=generator)] + torch.randn(SAMPLES, x.shape[1], generator=generator)
    log_p, log_q = ((-0.5 * torch.cdist(points, orbit) ** 2).double().logsumexp(1) - math.log(len(orbit)) for orbit in (x, y))
    return float((log_p - log_q).mean())


def _in_sight(y: Tensor) -> Tensor:
    return y.nan_to_num(OUT_OF_SIGHT, OUT_OF_SIGHT, -OUT_OF_SIGHT).clamp(-OUT_OF_SIGHT, OUT_OF_SIGHT)


def spectrum_distance(x: Tensor, y: Tensor, smoothing: float) -> float:
    """Return D_H, the mean over dimensions of the Hellinger distance between smoothed power spectra; 1 for an orbit that stands still or is lost."""
    if not torch.isfinite(y).all() or float(y.std(0).min()) == 0:
        return 1.0
    f, g = (spectrum(orbit, smoothing) for orbit in (x, y))
    return float(np.sqrt(np.clip(1 - np.sqrt(f * g).sum(0), 0, 1)).mean())


def spectrum(x: Tensor, smoothing: float) -> np.ndarray:
    """Return the smoothed power spectrum of each dimension of (steps, N), as shares: (steps // 2 + 1, N)."""
    values = x.double().numpy()
    power = np.abs(np.fft.rfft((values - values.mean(0)) / values.std(0), axis=0)) ** 2
    smooth: np.ndarray = gaussian_filter1d(power, smoothing, axis=0)
    shares: np.ndarray = smooth / smooth.sum(0)
    return shares


def prediction_error(model: Generator, series: Tensor, context: int, steps: int, first: int) -> float:
    """Return PE(n), the mean squared error n steps ahead, over starts spread evenly over row `first` and what follows."""
    earliest, last = max(first - context, 0), len(series) - context - steps
    starts = torch.linspace(earliest, last, min(STARTS, last - earliest + 1)).long()
    shown = series[starts[:, None] + torch.arange(context)]  # (W, C, N)
    predicted = model.run(shown, steps)[-1]
    return float((_in_sight(predicted) - series[starts + context + steps - 1]).square().mean())


def exponents(jacobians: Tensor, dt: float) -> np.ndarray:
    """Return the Lyapunov exponents, largest first, of an orbit with Jacobians (steps, M, M), by repeated QR."""
    Q, total = np.eye(jacobians.shape[-1]), np.zeros(jacobians.shape[-1])
    for J in jacobians.detach().double().numpy():
        Q, R = np.linalg.qr(J @ Q)
        total += np.log(np.abs(np.diag(R)) + 1e-300)
    return np.sort(total / (dt * len(jacobians)))[::-1]


def fixed_points(model: ShallowPLRNN, orbit: Tensor) -> Tensor:
    """Return where the map rests, (count, M), among the linear regions that an orbit (steps, M) passes through.

    In each region the map is J z + c: its fixed point is solved for, and kept if it lies in that region itself.
    """

    def region(z: Tensor) -> Tensor:
        return gates(z @ model.W2.T, model.h2, model.clipped)

    found: list[Tensor] = []
    patterns, member = torch.unique(region(orbit), dim=0, return_inverse=True)
    for k, pattern in enumerate(patterns):
        z = orbit[int((member == k).nonzero()[0])]
        J = model.jacobian(z).double()
        rest = torch.linalg.lstsq(torch.eye(len(z)).double() - J, (model.step(z).double() - J @ z.double())[:, None]).solution[:, 0]
        if torch.equal(region(rest.to(z.dtype)), pattern):
            found.append(rest)
    return torch.stack(found) if found else orbit.new_zeros(0, orbit.shape[1], dtype=torch.double)
