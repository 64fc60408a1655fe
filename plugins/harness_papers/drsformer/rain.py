"""Rain on photographs: streaks as soft line segments, in one direction (light) or in two at once (heavy)."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import torch
from torch import Tensor

from harness_papers._kit.images import photo_crops

from .setting import STUDIES

STREAKS = (60.0, 200.0)
"""Streaks of one direction on 128x128 pixels of heavy rain; light rain has half as many."""
STREAK_SIDE = 128
LENGTH, WIDTH = (8.0, 25.0), (1.0, 2.0)
"""Pixels."""
TILT = 25.0
"""Degrees from the vertical, at most, to either side."""
INTENSITY = (0.2, 0.6)
BLUR = 0.5
"""Standard deviation, in pixels, of the Gaussian blur across a streak."""
VEIL_SHARE, VEIL = 0.1, 0.8
"""A veil of rain that cannot be seen as streaks: so much of every pixel is this grey. Half of the heavy rain has one."""
SHRINK = 2
"""The photographs are averaged over 2x2 pixels, so that crops have fine detail that rain can be taken for."""
SEED = 0


@cache
def pairs(scale: str, split: str) -> tuple[Tensor, Tensor]:
    """Return rainy and clean crops of a split, each (N, 3, size, size) in [0, 1]: first in heavy rain, then in light.

    Training patches differ between the two; of the test crops each is seen in both.
    """
    study = STUDIES[scale]
    if split == "test":
        clean = photo_crops(study.test, study.test_size, "test", SEED, SHRINK)
        parts = (clean, clean)
    else:
        halves = photo_crops(study.train, study.patch, "train", SEED, SHRINK).chunk(2)
        parts = (halves[0], halves[1])
    random = np.random.default_rng((SEED, split == "test"))
    rainy = [heavy(image, random) for image in parts[0]] + [light(image, random) for image in parts[1]]
    return torch.stack(rainy), torch.cat(parts)


def heavy(clean: Tensor, random: np.random.Generator) -> Tensor:
    """Return an image (3, size, size) in rain of two directions, and, one time in two, behind a veil."""
    rain = streaks(clean.shape[-1], 1.0, random) + streaks(clean.shape[-1], 1.0, random)
    if random.random() < 0.5:
        clean = (1 - VEIL_SHARE) * clean + VEIL_SHARE * VEIL
    return (clean + rain).clamp(0, 1)


def light(clean: Tensor, random: np.random.Generator) -> Tensor:
    """Return an image (3, size, size) in rain of one direction, half as dense."""
    return (clean + streaks(clean.shape[-1], 0.5, random)).clamp(0, 1)


def streaks(size: int, density: float, random: np.random.Generator) -> Tensor:
    """Return what parallel streaks add to a picture: (size, size), 0 or more.

    Args:
        size: Height and width in pixels.
        density: Streaks, as a share of those of heavy rain.
        random: Where everything random comes from.
    """
    margin = LENGTH[1] / 2  # so that as many streaks come into the picture as lie inside it
    count = round(density * random.uniform(*STREAKS) * ((size + 2 * margin) / STREAK_SIDE) ** 2)
    tilt = math.radians(random.uniform(-TILT, TILT))
    place = random.uniform(-margin, size + margin, (2, count))
    shape = [random.uniform(*limits, count) for limits in (LENGTH, WIDTH, INTENSITY)]
    y0, x0, length, width, intensity = (torch.from_numpy(values).float()[:, None, None] for values in (*place, *shape))  # (count, 1, 1)
    axis = torch.arange(size) + 0.5
    y, x = axis[:, None] - y0, axis[None, :] - x0  # (count, size, 1), (count, 1, size)
    along = x * math.sin(tilt) + y * math.cos(tilt)  # (count, size, size)
    across = x * math.cos(tilt) - y * math.sin(tilt)
    drawn = intensity * _blurred(across, width) * (length / 2 + 0.5 - along.abs()).clamp(0, 1)
    return drawn.sum(0)


def _blurred(distance: Tensor, width: Tensor) -> Tensor:
    """Return a box of `width` blurred by a Gaussian, at a signed distance from its middle."""
    scale = BLUR * math.sqrt(2)
    return (torch.erf((distance + width / 2) / scale) - torch.erf((distance - width / 2) / scale)) / 2
