"""The losses, and one training: alone, with the influence of the old space, or with BT^2's matching as well."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .network import Encoder, Parts
from .setting import DECAY, LAMBDA, LR, WARM_SHARE, Labelled, Task


class Anchors(NamedTuple):
    """What an upgrade holds on to, for all training images (N, ...).

    Attributes:
        old: Features of the previous generation (N, d_o), unit norm.
        W_old: Their mean over each class of the new training set (classes, d_o): the pseudo classifier.
        new: Features of the independent new model (N, d_n), unit norm; none for methods without matching.
    """

    old: Tensor
    W_old: Tensor
    new: Tensor | None = None

    def of(self, chosen: Tensor) -> Anchors:
        """Return the anchors of the chosen images."""
        return Anchors(self.old[chosen], self.W_old, None if self.new is None else self.new[chosen])


def embed(model: nn.Module, x: Tensor) -> Tensor:
    """Return embeddings (N, width), without gradients."""
    model.eval()
    with torch.no_grad():
        return torch.cat([model(part) for part in x.split(256)])


def anchors(previous: nn.Module, independent: nn.Module | None, images: Labelled, classes: int) -> Anchors:
    """Return what an upgrade from `previous` holds on to."""
    old = F.normalize(embed(previous, images.x))
    sums = torch.zeros(classes, old.shape[1]).index_add(0, images.y, old)
    W_old = sums / torch.bincount(images.y, minlength=classes)[:, None]
    return Anchors(old, W_old, None if independent is None else F.normalize(embed(independent, images.x)))


def loss(parts: Parts, y: Tensor, held: Anchors | None, weights: tuple[float, float, float]) -> Tensor:
    """Return CE(f) + l1 (1 - cos(f, new)) + l2 CE(b W_old^T) + l3 (1 - cos(b, old)); without new features to match, CE(f) + l2 CE(b W_old^T).

    Args:
        parts: Of an encoder, for a batch.
        y: Classes (B,).
        held: The batch's anchors; without them CE(f) alone.
        weights: l1, l2, l3.
    """
    total = F.cross_entropy(parts.logits, y)
    if held is None:
        return total
    to_new, influence, to_old = weights
    b = F.normalize(parts.b)  # the block of BT^2 is not of unit norm
    total = total + influence * F.cross_entropy(b @ held.W_old.T, y)
    if held.new is not None:
        total = total + to_new * (1 - (parts.f * held.new).sum(1)).mean() + to_old * (1 - (b * held.old).sum(1)).mean()
    return total


def rate(epoch: int, epochs: int) -> float:
    """Return the share of the peak rate: a linear warm-up, then a cosine to zero."""
    warm = max(1, round(WARM_SHARE * epochs))
    return (epoch + 1) / warm if epoch < warm else 0.5 * (1 + math.cos(math.pi * (epoch - warm) / max(1, epochs - warm)))


def train(
    model: Encoder, images: Labelled, task: Task, generator: torch.Generator, held: Anchors | None = None, limit: int | None = None
) -> Encoder:
    """Train an encoder in place by Adam.

    Args:
        model: Fresh.
        images: Of the classes of its generation.
        task: Says how long.
        generator: Of the batches.
        held: What an upgrade holds on to; none for a model on its own.
        limit: The most steps.
    """
    optimizer = torch.optim.Adam(model.parameters(), LR, weight_decay=DECAY)
    steps = 0
    model.train()
    for epoch in range(task.epochs):
        for group in optimizer.param_groups:
            group["lr"] = LR * rate(epoch, task.epochs)
        for chosen in torch.randperm(len(images.x), generator=generator).split(task.batch):
            if limit is not None and steps >= limit:
                return model.eval()
            optimizer.zero_grad(set_to_none=True)
            loss(model.parts(images.x[chosen]), images.y[chosen], held.of(chosen) if held else None, LAMBDA).backward()
            optimizer.step()
            steps += 1
    return model.eval()
