"""How the network learns A^-1 up to a factor, from vectors alone."""

from __future__ import annotations

import torch
from torch import Tensor

from harness import Budget

from .network import best_step_loss
from .poisson import mixtures
from .solvers import LearnedSolver

BATCH = 10
"""Vectors a step, as the authors'."""
LR = 1e-3
"""Ten times the authors': there are hundreds of steps here, and not millions."""


def train(model: LearnedSolver, Q: Tensor, A: Tensor, steps: int, budget: Budget, seed: int) -> None:
    """Train on fresh mixtures of Ritz vectors with Adam, its rate falling to zero along a cosine.

    Args:
        model: Changed in place.
        Q: Ritz vectors, (m, n).
        A: Sparse, (n, n).
        steps: Of the whole schedule.
        budget: Cuts them.
        seed: Of the mixtures.
    """
    generator = torch.Generator().manual_seed(seed)
    Q, A = Q.float(), A.float()
    model.to(memory_format=torch.channels_last)  # the same numbers, a third less time on a CPU
    optimizer = torch.optim.Adam(model.parameters(), LR)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(budget.cap(steps)):
        b = mixtures(Q, BATCH, generator)
        optimizer.zero_grad()
        best_step_loss(model(b), b, A).backward()
        optimizer.step()
        schedule.step()
