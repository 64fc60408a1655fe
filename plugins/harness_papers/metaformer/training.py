"""The authors' recipe, shortened: AdamW with a linear warm-up and a cosine, label smoothing, stochastic depth in the networks themselves."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional as F

LEARNING_RATE = 4e-3
WEIGHT_DECAY = 0.05
LABEL_SMOOTHING = 0.1
BATCH_SIZE = 64
WARM_UP = 0.1
"""Share of the steps in which the rate rises: the authors warm up for 5 or 20 of 300 epochs. Without it CAFormer and ConvFormer do not learn at all."""


def train(model: nn.Module, x: torch.Tensor, y: torch.Tensor, epochs: int, limit: int | None, seed: int) -> nn.Module:
    """Train `model` in place on shuffled batches of images (N, 1, H, W) and labels (N,), for at most `limit` steps."""
    generator = torch.Generator().manual_seed(seed)
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    total = epochs * math.ceil(len(x) / BATCH_SIZE)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: rate(step, total))
    batches: list[torch.Tensor] = []
    model.train()
    for _ in range(total if limit is None else min(total, limit)):
        if not batches:
            batches = list(torch.randperm(len(x), generator=generator).split(BATCH_SIZE))
        chosen = batches.pop()
        loss = F.cross_entropy(model(x[chosen]), y[chosen], label_smoothing=LABEL_SMOOTHING)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        scheduler.step()
    return model.eval()


def rate(step: int, total: int) -> float:
    """Return the share of the learning rate at a step: up in a line, then down a cosine to 0."""
    risen = WARM_UP * total
    if step < risen:
        return (step + 1) / math.ceil(risen + 1)
    return 0.5 * (1 + math.cos(math.pi * (step - risen) / (total - risen)))
