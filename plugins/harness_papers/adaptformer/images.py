"""The source task, shapes drawn by formula, and the target task, handwritten digits; both in random colours, 32x32 pixels."""

from __future__ import annotations

import math
from functools import cache

import torch
from torch import Tensor

from harness_papers._kit.images import digits

from .setting import FEW

SIDE = 32
NOISE = 0.05
HUE = 0.2
"""How far a channel of a colour may be from black or from white."""
NAMES = ("disc", "ring", "square", "frame", "triangle", "plus", "cross", "bars across", "bars down", "arc")


def shapes(count: int, split: str, seed: int) -> tuple[Tensor, Tensor]:
    """Return images of ten shapes at random places, sizes and angles: (count, 3, 32, 32), about zero, and labels (count,), indices into `NAMES`."""
    random = torch.Generator().manual_seed(2 * seed + (split == "test"))
    y = torch.randperm(count, generator=random) % len(NAMES)
    gray = torch.zeros(count, SIDE, SIDE)
    for label in range(len(NAMES)):
        chosen = (y == label).nonzero().squeeze(1)
        gray[chosen] = _drawn(label, *_places(len(chosen), random)).float()
    return coloured(gray, random), y


def _places(count: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return each pixel's coordinates in the frame of a shape that fills about [-1, 1]: (count, 32, 32) twice."""

    def uniform(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(count, 1, 1, generator=random)

    axis = torch.linspace(-1, 1, SIDE)
    x, y = axis[None, None, :] - uniform(-0.3, 0.3), axis[None, :, None] - uniform(-0.3, 0.3)
    angle, size = uniform(-0.3, 0.3), uniform(0.4, 0.75)
    return (x * angle.cos() + y * angle.sin()) / size, (y * angle.cos() - x * angle.sin()) / size


def _drawn(label: int, x: Tensor, y: Tensor) -> Tensor:
    """Return where a shape is: bool, as x and y."""
    radius, a, b = (x.square() + y.square()).sqrt(), x.abs(), y.abs()
    far = torch.maximum(a, b)
    ring = (radius > 0.6) & (radius < 1)
    return (
        radius < 1,
        ring,
        far < 0.85,
        (far > 0.55) & (far < 0.9),
        (y.abs() < 0.8) & (a < 0.6 * (0.8 - y)),
        (torch.minimum(a, b) < 0.25) & (far < 1),
        ((a - b).abs() < 0.3) & (far < 0.9),
        (far < 0.95) & ((3 * math.pi * y).sin() > 0),
        (far < 0.95) & ((3 * math.pi * x).sin() > 0),
        ring & (y > 0),
    )[label]


def coloured(gray: Tensor, random: torch.Generator) -> Tensor:
    """Paint (N, H, W) in [0, 1] with a light colour on a dark one, add noise, and centre: (N, 3, H, W)."""
    count = len(gray)
    dark, light = (HUE * torch.rand(count, 3, 1, 1, generator=random) for _ in range(2))
    light = 1 - light
    image = dark + (light - dark) * gray[:, None]
    return (image + NOISE * torch.randn(image.shape, generator=random) - 0.5) / 0.25


def target(split: str, seed: int, count: int | None = None) -> tuple[Tensor, Tensor]:
    """Return coloured digits, all of a split or the first `count`: (N, 3, 32, 32), and labels (N,). Test images are the same for every seed."""
    gray, y = _digits(split)
    random = torch.Generator().manual_seed(0 if split == "test" else 1 + seed)
    return coloured(gray[:count], random), y[:count]


def few(seed: int) -> tuple[Tensor, Tensor]:
    """Return 20 training digits of each class, drawn by the seed."""
    x, y = target("train", seed)
    order = torch.randperm(len(y), generator=torch.Generator().manual_seed(seed))
    chosen = torch.cat([order[y[order] == label][:FEW] for label in range(10)])
    return x[chosen], y[chosen]


@cache
def _digits(split: str) -> tuple[Tensor, Tensor]:
    x, y = digits(split, SIDE)
    return x[:, 0], y
