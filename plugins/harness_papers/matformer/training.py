"""Training: one granularity a step, all of them together, or a model alone."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from .model import GRANULARITIES, MatFormer

LR, BETAS, FLOOR = 1e-3, (0.9, 0.95), 0.1
"""The rate, moments and last rate of the released OLMo configuration."""
WARMUP = 0.1
"""Share of the steps; the release's is 4,000 of 75,000 steps, which would be 24 here."""
CLIP = 1.0
BACKWARD = 3
"""A step costs three forward passes: one forward, two backward."""


def train(model: MatFormer, x: Tensor, y: Tensor, mode: str, steps: int, batch: int, seed: int) -> MatFormer:
    """Train in place for `steps` optimizer steps.

    Args:
        model: Of full width for the nested modes.
        x: Tokens (N, n) or images (N, 1, H, W).
        y: Next tokens (N, n) or labels (N,).
        mode: `sampled` takes one granularity a step, `joint` adds up the gradients of all on the same batch, `alone` trains the model as it is.
        steps: Optimizer steps.
        batch: Examples a step.
        seed: Of batches and of granularities.
    """
    optimizer = torch.optim.AdamW(model.parameters(), LR, BETAS, weight_decay=0.0)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: rate(step, steps))
    generator = torch.Generator().manual_seed(seed)
    model.train()
    for _ in range(steps):
        chosen = torch.randint(len(x), (batch,), generator=generator)
        optimizer.zero_grad()
        for widths in draw(model, mode, generator):
            model.active = widths
            loss(model(x[chosen]), y[chosen]).backward()
            model.spent += BACKWARD * batch * model.shape.n * model.macs(widths)
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()
        scheduler.step()
    model.active = model.widths
    return model.eval()


def draw(model: MatFormer, mode: str, generator: torch.Generator) -> list[tuple[int, ...]]:
    """Return the widths of the sub-models that a step trains."""
    nested = [model.shape.widths(name) for name in GRANULARITIES]
    match mode:
        case "sampled":
            return [nested[int(torch.randint(len(nested), (), generator=generator))]]
        case "joint":
            return nested
    return [model.widths]


def rate(step: int, steps: int) -> float:
    """Return the factor on the learning rate: a linear warm-up, then a cosine down to a tenth."""
    warm = max(1, int(WARMUP * steps))
    done = min(1.0, max(0, step - warm) / max(1, steps - warm))
    return min(1.0, (step + 1) / warm) * (FLOOR + (1 - FLOOR) * 0.5 * (1 + math.cos(math.pi * done)))


def loss(logits: Tensor, y: Tensor) -> Tensor:
    """Return the cross-entropy of next tokens or of labels, in nats."""
    return F.cross_entropy(logits.flatten(0, -2), y.flatten())
