"""Pairs by spawning: one descent up to a point, two from there on, which differ in the order of their batches alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from harness_papers.linear_mode_connectivity.barrier import barrier, path, top_eigenvalue
from harness_papers.linear_mode_connectivity.network import Loss, Network

MOMENTUM = 0.9
BATCH = 32
RIDGE_POINTS = 11
"""Points of the path between a copy and the spawn point; measured at every moment of a history."""

QUANTITIES = ("step", "loss", "midpoint_loss", "distance", "cosine", "sharpness", "ridge")
"""Columns of a history: mean loss of the two copies, loss half way between them, |theta_1 - theta_2|, cosine of their displacements from the spawn
point, top Hessian eigenvalue, and the barrier between a copy and the spawn point, which is the height of the ridge."""


LRS = {
    ("mlp", "digits"): (0.05, 0.1),
    ("cnn", "digits"): (0.02, 0.05),
    ("mlp", "photos"): (0.005, 0.01),
    ("cnn", "photos"): (0.02, 0.05),
}
"""First learning rates of the study's runs; the larger one is the pair's own. Higher ones leave some network untrained."""


@dataclass(frozen=True)
class Length:
    """How long a training is.

    Attributes:
        epochs: Passes over the training images, those before the spawn point included.
        moments: How often a history is measured: so many times evenly from the spawn point to the end, and at the spawn point itself.
    """

    epochs: int
    moments: int


LENGTHS = {"smoke": Length(epochs=4, moments=4), "small": Length(epochs=30, moments=30), "paper": Length(epochs=30, moments=30)}


def learning_rates(lr: float, steps: int, schedule: str) -> list[float]:
    """Return the learning rate of every step: `cosine` falls from lr to zero, `constant` stays."""
    if schedule == "constant":
        return [lr] * steps
    return [lr * (1 + math.cos(math.pi * step / steps)) / 2 for step in range(steps)]


def orders(count: int, steps: int, spawn: int, seed: int) -> tuple[list[Tensor], list[Tensor]]:
    """Return the batches of two copies, `steps` index tensors each: the same ones up to step `spawn`, drawn apart after it."""
    trunk, one, two = (_shuffled(count, steps, 3 * seed + stream) for stream in range(3))
    return trunk[:spawn] + one[spawn:], trunk[:spawn] + two[spawn:]


def _shuffled(count: int, steps: int, seed: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    batches: list[Tensor] = []
    while len(batches) < steps:
        batches += torch.randperm(count, generator=generator).split(BATCH)
    return batches[:steps]


def descend(
    network: Network, theta: Tensor, order: Sequence[Tensor], x: Tensor, y: Tensor, rates: Sequence[float], stops: Sequence[int]
) -> Tensor:
    """Descend from theta (P,) by SGD with momentum, a step a batch; return theta as it is after each of `stops` steps: (stops, P)."""
    velocity, kept = torch.zeros_like(theta), {0: theta}
    for step, (batch, rate) in enumerate(zip(order, rates, strict=True), start=1):
        leaf = theta.detach().requires_grad_()
        (g,) = torch.autograd.grad(network.loss(leaf, x[batch], y[batch]), leaf)
        velocity = MOMENTUM * velocity + g
        theta = theta - rate * velocity
        if step in stops:
            kept[step] = theta
    return torch.stack([kept[stop] for stop in stops])


def spawn(
    network: Network,
    starts: tuple[Tensor, Tensor],
    percent: float,
    x: Tensor,
    y: Tensor,
    rates: Sequence[float],
    seed: int,
    moments: int = 1,
) -> tuple[Tensor, Tensor, list[int]]:
    """Train two copies that part on the way.

    Args:
        network: The shape of both.
        starts: Their initialisations (P,): the same one, or two for networks that have nothing in common.
        percent: k, the share of the training after which they part, in percent.
        x: Training images (N, C, H, W).
        y: Their labels (N,).
        rates: Learning rate of every step.
        seed: Of the order of the batches.
        moments: How many moments after the spawn point to keep.

    Returns:
        theta_1 and theta_2 at the spawn point and at evenly spaced moments up to the end, (moments + 1, P) each, and the steps of these moments.
    """
    steps = len(rates)
    part = round(steps * percent / 100)
    stops = [part + round((steps - part) * moment / moments) for moment in range(moments + 1)]
    one, two = (
        descend(network, theta, order, x, y, rates, stops) for theta, order in zip(starts, orders(len(x), steps, part, seed), strict=True)
    )
    return one, two, stops


def history(L: Loss, run_1: Tensor, run_2: Tensor, stops: Sequence[int]) -> Tensor:
    """Measure two runs (moments, P) whose first rows are where they parted: (moments, `QUANTITIES`)."""
    rows = []
    for step, theta_1, theta_2 in zip(stops, run_1, run_2, strict=True):
        ends = (L(theta_1) + L(theta_2)) / 2
        cosine = F.cosine_similarity(theta_1 - run_1[0], theta_2 - run_2[0], dim=0)
        ridge = barrier(path(L, theta_1, run_1[0], RIDGE_POINTS))
        row = (step, ends, L((theta_1 + theta_2) / 2), (theta_1 - theta_2).norm(), cosine, top_eigenvalue(L, theta_1), ridge)
        rows.append([float(value) for value in row])
    return torch.tensor(rows)


def total_steps(count: int, epochs: int) -> int:
    """Return the optimizer steps of `epochs` passes over `count` images."""
    return epochs * math.ceil(count / BATCH)
