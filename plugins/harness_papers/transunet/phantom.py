"""A phantom of the abdomen: slices with a spine and eight organs whose brightness overlaps, so that where they lie has to tell them apart.

The two kidneys are mirror images and equally bright, and half of all slices are mirrored as a whole. Which kidney is the right one is therefore
told by the liver's side alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor

from .setting import ORGANS, STUDIES

SEED = 0
HALF_WIDTH = 0.42
"""Of the body, as a share of the slice's side: the unit of every length below."""
HALF_HEIGHT = 0.76


@dataclass(frozen=True)
class Shape:
    """A superellipse before chance has moved it.

    Attributes:
        x, y: Its middle, to the right and down from the middle of the body.
        a, b: Half of its width and height.
        tilt: Degrees by which it is turned.
        mean: Its brightness; the body's is 0.32.
        spread: Standard deviation of its brightness from slice to slice.
    """

    x: float
    y: float
    a: float
    b: float
    tilt: float = 0.0
    mean: float = 0.5
    spread: float = 0.04


BODY = Shape(0.0, 0.0, 1.0, HALF_HEIGHT, mean=0.32, spread=0.03)
SPINE = Shape(0.0, 0.50, 0.15, 0.16, mean=0.90, spread=0.03)
KIDNEY = Shape(0.42, 0.40, 0.14, 0.19, tilt=15, mean=0.62, spread=0.05)
SHAPES = {
    "liver": Shape(-0.46, -0.08, 0.38, 0.42, mean=0.55),
    "stomach": Shape(0.32, -0.28, 0.28, 0.24, mean=0.45, spread=0.06),
    "spleen": Shape(0.70, 0.12, 0.14, 0.28, tilt=-10, mean=0.57),
    "right kidney": Shape(-KIDNEY.x, KIDNEY.y, KIDNEY.a, KIDNEY.b, -KIDNEY.tilt, KIDNEY.mean, KIDNEY.spread),
    "left kidney": KIDNEY,
    "pancreas": Shape(0.16, 0.03, 0.20, 0.075, tilt=-15, mean=0.50),
    "gallbladder": Shape(-0.22, 0.12, 0.09, 0.11, tilt=20, mean=0.42, spread=0.03),
    "aorta": Shape(0.10, 0.24, 0.12, 0.12, mean=0.64, spread=0.05),
}
"""In the order in which they are drawn: where two overlap, the later one is seen. Seen from the feet, as scans are: the liver is on the left."""

TURN, SHIFT, GROWTH = 10.0, 0.05, (0.88, 1.04)
"""Of the whole slice: degrees, share of the side, factor."""
MOVED, RESIZED, TURNED = 0.04, 0.15, 10.0
"""Of each organ: standard deviation of its place, largest relative change of its size, largest turn in degrees."""
EXPONENT = (1.8, 3.0)
DENTS = {2: 0.06, 3: 0.05, 4: 0.03}
"""Largest share by which the outline leaves the superellipse, for each number of waves around it."""
REACH = 1 + sum(DENTS.values())
"""How far an outline can reach, in half-widths of its shape."""
PARTIAL_VOLUME, BIAS, NOISE = 0.7, 0.25, 0.06
"""Blur in pixels; largest relative change of brightness across the slice; standard deviation of the noise."""


@cache
def slices(scale: str, split: str, size: int) -> tuple[Tensor, Tensor]:
    """Return a split: slices (N, 1, size, size), about 0 to 1, and the class of each pixel (N, size, size), int64."""
    study = STUDIES[scale]
    random = np.random.default_rng((SEED, split == "test"))
    drawn = [draw(size, random) for _ in range(study.test if split == "test" else study.train)]
    images, labels = (np.stack(part) for part in zip(*drawn, strict=True))
    return torch.from_numpy(images[:, None]), torch.from_numpy(labels)


def draw(size: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return one slice (size, size) float32 and its labels (size, size) int64."""
    x, y = _body_coordinates(size, random)
    image, labels = np.zeros((size, size)), np.zeros((size, size), dtype=np.int64)
    kidneys = KIDNEY.mean + KIDNEY.spread * random.standard_normal()
    for name, shape in {"body": BODY, "spine": SPINE, **SHAPES}.items():
        inside = _inside(x, y, shape, random)
        brightness = shape.mean + shape.spread * random.standard_normal()
        image[inside] = kidneys if name.endswith("kidney") else brightness
        labels[inside] = ORGANS.index(name) + 1 if name in ORGANS else 0
    image = gaussian_filter(image, PARTIAL_VOLUME)
    direction = random.uniform(0, 2 * math.pi)
    image *= 1 + random.uniform(0, BIAS) * (np.cos(direction) * x + np.sin(direction) * y)
    image += NOISE * random.standard_normal(image.shape)
    return image.astype(np.float32), labels


def _body_coordinates(size: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return where each pixel lies in the body, in half-widths, for a body that is shifted, turned, scaled and perhaps mirrored."""
    axis = (np.arange(size) + 0.5) / size - 0.5
    shift = random.uniform(-SHIFT, SHIFT, 2)
    turn = math.radians(random.uniform(-TURN, TURN))
    unit = HALF_WIDTH * random.uniform(*GROWTH)
    right, below = (axis[None, :] - shift[0]) / unit, (axis[:, None] - shift[1]) / unit
    x = math.cos(turn) * right + math.sin(turn) * below
    y = -math.sin(turn) * right + math.cos(turn) * below
    return (-x if random.random() < 0.5 else x), y


def _inside(x: np.ndarray, y: np.ndarray, shape: Shape, random: np.random.Generator) -> np.ndarray:
    """Return which pixels lie in a shape that chance has moved, resized, turned and dented."""
    x = x - shape.x - MOVED * random.standard_normal()
    y = y - shape.y - MOVED * random.standard_normal()
    turn = math.radians(shape.tilt + random.uniform(-TURNED, TURNED))
    a, b = (side * random.uniform(1 - RESIZED, 1 + RESIZED) for side in (shape.a, shape.b))
    u = (math.cos(turn) * x + math.sin(turn) * y) / a
    v = (-math.sin(turn) * x + math.cos(turn) * y) / b
    inside = (np.abs(u) < REACH) & (np.abs(v) < REACH)  # the box around the shape: powers and angles are taken of few pixels
    inside[inside] = _radius(u[inside], v[inside], random.uniform(*EXPONENT)) < _outline(np.arctan2(v[inside], u[inside]), random)
    return inside


def _radius(u: np.ndarray, v: np.ndarray, p: float) -> np.ndarray:
    return np.asarray((np.abs(u) ** p + np.abs(v) ** p) ** (1 / p))


def _outline(angle: np.ndarray, random: np.random.Generator) -> np.ndarray:
    outline = np.ones_like(angle)
    for waves, dent in DENTS.items():
        outline += random.uniform(0, dent) * np.cos(waves * angle + random.uniform(0, 2 * math.pi))
    return outline
