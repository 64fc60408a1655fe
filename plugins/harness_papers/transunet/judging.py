"""How well organs are found: the Dice coefficient and the distance of outlines, slice by slice and organ by organ."""

from __future__ import annotations

import math

import numpy as np
import torch
from scipy.ndimage import binary_erosion, distance_transform_edt
from torch import Tensor, nn

from harness import Quality

from .setting import ORGANS

BATCH = 20
SMALL = ("gallbladder", "pancreas")
"""The two smallest organs of the phantom, and the two that are found worst in the paper's table."""
KIDNEYS = ("left kidney", "right kidney")
PERCENTILE = 95


def judge(model: nn.Module, images: Tensor, labels: Tensor) -> dict[str, Quality]:
    """Return the qualities of a network on slices (N, 1, H, W) with classes (N, H, W)."""
    found = predict(model, images)
    dice = dict(zip(ORGANS, organ_dice(found, labels).tolist(), strict=True))
    mean = sum(dice.values()) / len(dice)
    small = sum(dice[name] for name in SMALL) / len(SMALL)
    return {
        "dice": Quality(mean, "%"),
        "hd95": Quality(float(organ_hd95(found, labels).mean()), "pixels", "lower"),
        "dice_small": Quality(small, "%"),
        "small_lag": Quality(mean - small, "points", "lower"),
        "dice_kidneys": Quality(sum(dice[name] for name in KIDNEYS) / len(KIDNEYS), "%"),
    }


def predict(model: nn.Module, images: Tensor) -> Tensor:
    """Return the class of each pixel: (N, H, W)."""
    return torch.cat([model(part).argmax(1) for part in images.split(BATCH)])


def organ_dice(found: Tensor, labels: Tensor) -> Tensor:
    """Return the Dice coefficient of each organ in percent, the mean over the slices that have it: (8,)."""
    return torch.stack([_dice(found == k, labels == k) for k in range(1, len(ORGANS) + 1)])


def _dice(found: Tensor, wanted: Tensor) -> Tensor:
    present = wanted.flatten(1).any(1)
    found, wanted = found[present].flatten(1), wanted[present].flatten(1)
    return 100 * (2 * (found & wanted).sum(1) / (found.sum(1) + wanted.sum(1))).mean()


def organ_hd95(found: Tensor, labels: Tensor) -> Tensor:
    """Return the 95% Hausdorff distance of each organ in pixels, the mean over the slices that have it: (8,)."""
    a, b = found.numpy(), labels.numpy()
    means = []
    for k in range(1, len(ORGANS) + 1):
        distances = [hd95(x == k, y == k) for x, y in zip(a, b, strict=True) if (y == k).any()]
        means.append(np.mean(distances))
    return torch.tensor(means)


def hd95(found: np.ndarray, wanted: np.ndarray) -> float:
    """Return the 95th percentile of the distances between two outlines (H, W), from either to the other; of nothing found, the diagonal."""
    if not found.any():
        return math.hypot(*found.shape)
    a, b = (mask & ~binary_erosion(mask) for mask in (found, wanted))
    distances = np.concatenate([distance_transform_edt(~b)[a], distance_transform_edt(~a)[b]])
    return float(np.percentile(distances, PERCENTILE))
