"""What the reduced experiment classifies: outlines and silhouettes of ten shapes, or digits."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from harness_papers._kit import images

SIZE = 32
COUNT = {"smoke": {"train": 256, "test": 128}, "small": {"train": 8000, "test": 1000}}
EPOCHS = {"smoke": {"shapes": 1}, "small": {"shapes": 4, "digits": 15}}
CLASSES = ("disc", "ellipse", "triangle", "square", "pentagon", "hexagon", "4-star", "5-star", "3-flower", "5-flower")
NOISE = 0.1
PATCH = 8
"""Side of the patches that `shuffled` moves: 16 of them."""


def splits(task: str, scale: str, split: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Return images (N, 1, 32, 32) and labels (N,) of a task, `shapes` or `digits`."""
    if task == "shapes":
        return shapes(COUNT[scale][split], seed=int(split == "test"))
    x, y = images.digits(split, SIZE)
    return (x, y) if scale == "small" else (x[: COUNT[scale][split]], y[: COUNT[scale][split]])


def shapes(count: int, seed: int, size: int = SIZE) -> tuple[torch.Tensor, torch.Tensor]:
    """Return images (N, 1, size, size) and labels (N,), as many of each of `CLASSES`.

    Place, turn and size of a shape are random, and whether it is filled or drawn with a line: what tells a pentagon from
    a hexagon is how its corners stand to each other.
    """
    random = np.random.default_rng((0, seed))
    y = random.permutation(np.arange(count) % len(CLASSES))
    radius = random.uniform(0.3, 0.42, count) * size
    turn = random.uniform(0, 2 * np.pi, count)
    centre = (size - 1) / 2 + random.uniform(-1, 1, (2, count)) * (0.47 * size - radius)
    down, across = np.mgrid[:size, :size][:, None] - centre[:, :, None, None]  # (N, size, size) each
    angle = np.arctan2(down, across) + turn[:, None, None]
    edge = np.empty_like(angle)
    for k in range(len(CLASSES)):
        edge[y == k] = outline(k, angle[y == k])
    inside = radius[:, None, None] * edge - np.hypot(down, across)  # pixels from the edge along the ray, positive inside
    filled, drawn = np.clip(inside + 0.5, 0, 1), np.clip(1.5 - np.abs(inside), 0, 1)
    x = np.where(random.random(count)[:, None, None] < 0.5, filled, drawn)
    x = x + NOISE * random.standard_normal(x.shape)
    return torch.from_numpy(x[:, None].astype(np.float32)), torch.from_numpy(y)


def outline(k: int, angle: np.ndarray) -> np.ndarray:
    """Return the distance, at most 1, from the middle of a shape of class k to its edge in each direction."""
    kind = CLASSES[k]
    if kind == "disc":
        return np.ones_like(angle)
    if kind == "ellipse":
        return 0.6 / np.hypot(0.6 * np.cos(angle), np.sin(angle))
    corners = {"triangle": 3, "square": 4, "pentagon": 5, "hexagon": 6}.get(kind) or int(kind[0])
    if kind.endswith("flower"):
        return 0.7 + 0.3 * np.cos(corners * angle)
    step = np.abs((angle * corners / (2 * np.pi)) % 1 - 0.5) * 2  # 0 halfway between corners, 1 at a corner
    if kind.endswith("star"):
        return 0.45 + 0.55 * step
    return np.cos(np.pi / corners) / np.cos(step * np.pi / corners)


def shuffled(x: torch.Tensor) -> torch.Tensor:
    """Return images (N, 1, 32, 32) whose 8x8 patches stand in another order, one for each image and the same every time."""
    patches = F.unfold(x, PATCH, stride=PATCH)  # (N, 64, 16)
    generator = torch.Generator().manual_seed(0)
    order = torch.rand(len(x), 1, patches.shape[-1], generator=generator).argsort(-1).expand_as(patches)
    return F.fold(patches.gather(2, order), x.shape[-2:], PATCH, stride=PATCH)


def accuracy(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> float:
    """Return the share of images (N, 1, 32, 32) whose label (N,) has the largest logit."""
    right = [(model(part).argmax(1) == labels).sum() for part, labels in zip(x.split(200), y.split(200), strict=True)]
    return float(sum(right)) / len(y)
