"""Handwritten digits as a small network sees them: images in [-1, 1], and their classes as one-hot conditions."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from harness_papers._kit.images import digits

CLASSES = 10


def labelled(split: str, size: int) -> tuple[Tensor, Tensor]:
    """Return images (N, 1, size, size) in [-1, 1] and classes (N,)."""
    x, y = digits(split, size)
    return 2 * x - 1, y


def conditions(y: Tensor) -> Tensor:
    """Return classes (N,) as one token each: (N, 1, 10). A row of zeros is no class."""
    return F.one_hot(y, CLASSES)[:, None].float()


def asked_for(count: int) -> Tensor:
    """Return the classes of `count` samples, each class as often: (count,)."""
    return torch.arange(count) % CLASSES
