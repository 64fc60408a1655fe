"""The authors' loss: half cross-entropy, half one minus the Dice coefficient of probabilities."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from .setting import CLASSES

SMOOTH = 1e-5


def loss(scores: Tensor, labels: Tensor) -> Tensor:
    """Return the loss of class scores (B, 9, H, W) against classes (B, H, W)."""
    return 0.5 * F.cross_entropy(scores, labels) + 0.5 * dice_loss(scores.softmax(1), labels)


def dice_loss(probabilities: Tensor, labels: Tensor) -> Tensor:
    """Return one minus the soft Dice coefficient, over all pixels of a batch, averaged over the classes; sums of squares in its denominator."""
    wanted = F.one_hot(labels, CLASSES).movedim(-1, 1).to(probabilities.dtype)
    pixels = (0, 2, 3)
    common = (probabilities * wanted).sum(pixels)  # (9,)
    both = (probabilities**2).sum(pixels) + wanted.sum(pixels)
    return 1 - ((2 * common + SMOOTH) / (both + SMOOTH)).mean()
