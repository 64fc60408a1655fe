"""Labelled images: handwritten digits, and wire-frame cuboids in place of the paper's cars."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from torch import Tensor

from harness_papers._kit.images import digits

from .setting import AZIMUTHS

CUBOIDS = {"train": 800, "test": 300}

PROPORTIONS = (1.0, 0.5, 0.35)
"""Half the length, width and height of a cuboid: a car's, so that every angle looks different."""

TILT = np.deg2rad(25)
"""How far from above a cuboid is seen."""

CORNERS = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], dtype=float)
EDGES = np.array([(a, b) for a in range(8) for b in range(a) if (CORNERS[a] != CORNERS[b]).sum() == 1])


@cache
def labelled(task: str, split: str, size: int) -> tuple[Tensor, Tensor]:
    """Return images (N, 1, size, size) in [0, 1] and labels (N,) of the split `train` or `test`: the same for every seed."""
    return digits(split, size) if task == "digits" else cuboids(split, size)


def cuboids(split: str, size: int) -> tuple[Tensor, Tensor]:
    """Draw cuboids from each of eleven angles in turn; shape, size, position and noise differ from one to the next."""
    random = np.random.default_rng(list(CUBOIDS).index(split))
    labels = np.arange(CUBOIDS[split]) % len(AZIMUTHS)
    images = np.stack([_draw(np.deg2rad(AZIMUTHS[k]), size, random) for k in labels])
    return torch.from_numpy(images)[:, None].float(), torch.from_numpy(labels)


def _draw(azimuth: float, size: int, random: np.random.Generator) -> np.ndarray:
    """Return one cuboid (size, size), its edges two pixels wide."""
    x, y, z = (CORNERS * random.normal(PROPORTIONS, 0.04)).T  # (8,) each
    across = x * np.cos(azimuth) - y * np.sin(azimuth)
    depth = x * np.sin(azimuth) + y * np.cos(azimuth)
    down = depth * np.sin(TILT) - z * np.cos(TILT)
    points = np.stack([across, down], 1) * size * random.uniform(0.26, 0.34) + size / 2 + random.uniform(-1.5, 1.5, 2)
    ink = np.clip(1.5 - _distance_to_edges(points, size), 0, 1)
    return np.clip(ink + random.normal(0, 0.05, (size, size)), 0, 1)


def _distance_to_edges(points: np.ndarray, size: int) -> np.ndarray:
    """Return how far each pixel is from the nearest edge between projected corners (8, 2): (size, size)."""
    a, b = points[EDGES.T]  # (12, 2) each
    pixels = np.stack(np.meshgrid(np.arange(size), np.arange(size)), -1)[:, :, None] + 0.5  # (size, size, 1, 2)
    along = np.clip(((pixels - a) * (b - a)).sum(-1) / ((b - a) ** 2).sum(-1), 0, 1)  # where on the edge the nearest point lies
    return np.linalg.norm(pixels - a - along[..., None] * (b - a), axis=-1).min(-1)
