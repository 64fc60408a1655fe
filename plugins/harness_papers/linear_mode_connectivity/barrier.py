"""The straight line between two networks: the barrier on it, its estimate from the two ends, and the answers that the estimate has to beat.

`alpha` runs from theta_2 (0) to theta_1 (1) along d = theta_1 - theta_2. L is a loss of theta (P,) alone; nothing here knows what a network is.
"""

from __future__ import annotations

import torch
from torch import Tensor

from harness_papers.linear_mode_connectivity.network import Loss

POINTS = 25
"""Points of a scanned path, both ends among them."""
POWER_STEPS = 15
"""Power iterations for the top eigenvalue: within a few percent of it on the networks here, which is enough to rank pairs."""
TINY = 1e-12
"""Keeps d / |d| finite for two copies that never parted."""

# The path and its barrier ---------------------------------------------------------------------------------------------------------------


def path(L: Loss, theta_1: Tensor, theta_2: Tensor, points: int = POINTS) -> Tensor:
    """Return L(alpha theta_1 + (1 - alpha) theta_2) at evenly spaced alpha from 0 to 1: (points,)."""
    with torch.no_grad():
        return torch.stack([L(torch.lerp(theta_2, theta_1, i / (points - 1))) for i in range(points)])


def barrier(losses: Tensor) -> Tensor:
    """Return B, the largest rise of a path's losses (points,) over the chord between its ends; 0 at the least, which the ends give."""
    alpha = torch.linspace(0, 1, len(losses), dtype=losses.dtype, device=losses.device)
    chord = torch.lerp(losses[0], losses[-1], alpha)
    return (losses - chord).max().clamp_min(0)


def layer_barrier(L: Loss, theta_1: Tensor, theta_2: Tensor, block: slice) -> Tensor:
    """Return B_l: the rise of the loss when one layer alone is averaged, over the mean loss of the two networks, from both ends.

    The other layers stay at theta_1, then at theta_2, and the two rises are averaged. May be negative.
    """
    half = only(block, theta_1 - theta_2) / 2
    with torch.no_grad():
        return (L(theta_1 - half) + L(theta_2 + half) - L(theta_1) - L(theta_2)) / 2


def only(block: slice, d: Tensor) -> Tensor:
    """Return d (P,) with everything outside `block` set to zero."""
    kept = torch.zeros_like(d)
    kept[block] = d[block]
    return kept


# The estimate of the barrier ------------------------------------------------------------------------------------------------------------


def slope_and_curvature(L: Loss, theta: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    """Return g.v and v'Hv at theta for a direction v (P,), by double back-propagation: one Hessian-vector product."""
    theta = theta.detach().requires_grad_()
    with torch.enable_grad():
        (g,) = torch.autograd.grad(L(theta), theta, create_graph=True)  # (P,)
        slope = g @ v
        (Hv,) = torch.autograd.grad(slope, theta)  # (P,)
    return slope.detach(), Hv @ v


def estimate(L: Loss, theta_1: Tensor, theta_2: Tensor, block: slice | None = None) -> Tensor:
    """Return B_hat, the second-order estimate of the barrier at the midpoint, from both ends.

        B_hat = -(g_1 - g_2).d / 4 + d'(H_1 + H_2) d / 16

    Each end's Taylor expansion is taken half way along d, and the two are averaged. Near two minima the gradients vanish and |d|^2 times the mean
    curvature along d, over 8, is left; at moderate losses they do not, and are kept. The direction is a unit vector, because H along a long d is
    noise in float32.

    Args:
        L: The loss.
        theta_1: One end, (P,).
        theta_2: The other.
        block: Restrict d to one layer, for B_hat_l.
    """
    d = theta_1 - theta_2 if block is None else only(block, theta_1 - theta_2)  # (P,)
    length = d.norm().clamp_min(TINY)
    slope_1, curvature_1 = slope_and_curvature(L, theta_1, d / length)
    slope_2, curvature_2 = slope_and_curvature(L, theta_2, d / length)
    return -(slope_1 - slope_2) * length / 4 + (curvature_1 + curvature_2) * length.square() / 16


# What the estimate has to beat ----------------------------------------------------------------------------------------------------------


def scan(L: Loss, theta_1: Tensor, theta_2: Tensor) -> Tensor:
    """Return the barrier itself, from all points of the path."""
    return barrier(path(L, theta_1, theta_2))


def midpoint(L: Loss, theta_1: Tensor, theta_2: Tensor) -> Tensor:
    """Return the rise at the midpoint alone, from three losses: what B_hat estimates, measured."""
    losses = path(L, theta_1, theta_2, points=3)
    return losses[1] - (losses[0] + losses[2]) / 2


def distance(L: Loss, theta_1: Tensor, theta_2: Tensor) -> Tensor:
    """Return |d|."""
    return (theta_1 - theta_2).norm()


def sharpness(L: Loss, theta_1: Tensor, theta_2: Tensor) -> Tensor:
    """Return the mean over both ends of the largest Hessian eigenvalue."""
    return (top_eigenvalue(L, theta_1) + top_eigenvalue(L, theta_2)) / 2


def top_eigenvalue(L: Loss, theta: Tensor, steps: int = POWER_STEPS) -> Tensor:
    """Return the Hessian's eigenvalue of largest magnitude at theta, by power iteration from a fixed start that is spread over all weights."""
    theta = theta.detach().requires_grad_()
    Hv = torch.arange(len(theta), device=theta.device).cos().to(theta.dtype)
    with torch.enable_grad():
        (g,) = torch.autograd.grad(L(theta), theta, create_graph=True)
        for _ in range(steps):
            v = Hv / Hv.norm().clamp_min(TINY)
            (Hv,) = torch.autograd.grad(g @ v, theta, retain_graph=True)
    return Hv @ v
