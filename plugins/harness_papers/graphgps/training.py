"""The authors' training: AdamW, a warm-up and a cosine, L1 loss (cross-entropy for classes), on ragged batches."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness import Budget

from .graphs import Graph, collate
from .setting import Training

PEAK_RATE, WEIGHT_DECAY, CLIP = 1e-3, 1e-5, 1.0
WARM_SHARE = 0.1  # of all steps; 50 of 2,000 epochs in the paper, which would be less than one here


def loss(output: Tensor, target: Tensor) -> Tensor:
    """Return cross-entropy for classes, and the absolute error of a score."""
    return F.cross_entropy(output, target) if target.dtype == torch.long else F.l1_loss(output.squeeze(1), target)


def rate(step: int, steps: int) -> float:
    """Return the learning rate's share of its peak."""
    warm = max(1, int(WARM_SHARE * steps))
    return (step + 1) / warm if step < warm else 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))


def train(model: nn.Module, graphs: Sequence[Graph], training: Training, budget: Budget, seed: int) -> nn.Module:
    """Train a network in place; batches follow `seed`."""
    generator = torch.Generator().manual_seed(seed)
    each = math.ceil(len(graphs) / training.batch)
    steps = each * training.epochs
    optimizer = torch.optim.AdamW(model.parameters(), PEAK_RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: rate(step, steps))
    model.train()
    batches: list[Tensor] = []
    for _ in range(budget.cap(steps)):
        if not batches:
            batches = list(torch.randperm(len(graphs), generator=generator).split(training.batch))
        inputs, target = collate([graphs[i] for i in batches.pop().tolist()])
        optimizer.zero_grad(set_to_none=True)
        loss(model(*inputs), target).backward()
        nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()
        schedule.step()
    return model.eval()
