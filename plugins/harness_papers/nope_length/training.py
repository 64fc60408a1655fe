"""The authors' training in short: AdamW, a warm-up, then a straight line to zero; every example is seen once."""

from __future__ import annotations

import torch
from torch import nn

from harness import Budget, Data

from .setting import Study
from .tasks import CLIP, WEIGHT_DECAY, loss

WARM_SHARE = 0.06
"""Share of all steps over which the learning rate rises."""


def rate(step: int, steps: int) -> float:
    """Return the learning rate's share of its peak."""
    warm = max(1, int(WARM_SHARE * steps))
    return (step + 1) / warm if step < warm else (steps - step) / (steps - warm)


def train(model: nn.Module, data: Data, study: Study, budget: Budget) -> nn.Module:
    """Train a decoder in place on the examples in their order, which is random already."""
    optimizer = torch.optim.AdamW(model.parameters(), study.rate, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: rate(step, study.steps))
    batches = zip(data.inputs[0].split(study.batch), data.targets.split(study.batch), strict=True)
    model.train()
    for _, (tokens, targets) in zip(range(budget.cap(study.steps)), batches, strict=False):
        optimizer.zero_grad(set_to_none=True)
        loss(model(tokens), targets).backward()
        nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()
        schedule.step()
    return model.eval()
