"""Generated scenes: three sloping bands of sky, road and grass, and in front of them discs, boxes and triangles that hide one another.

Each scene has a random stream of its own, so that a longer split begins with the scenes of a shorter one.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from torch import Tensor

STUFF = ("sky", "road", "grass")
THINGS = ("disc", "box", "triangle")
CLASSES = STUFF + THINGS
MOST_THINGS = 5
SEGMENTS = len(STUFF) + MOST_THINGS

STUFF_COLOURS = np.array([[0.55, 0.70, 0.90], [0.45, 0.43, 0.42], [0.35, 0.60, 0.30]])
THING_COLOURS = np.array([[0.85, 0.25, 0.20], [0.95, 0.80, 0.25], [0.30, 0.30, 0.75], [0.92, 0.92, 0.90]])
"""The four colours say nothing about the class; shape and shading do."""
GRAIN = (0.02, 0.05, 0.10)
"""Standard deviation of the texture of sky, road and grass; the sky's is in patches, the road's in stripes."""
PIXEL_NOISE = 0.03
SMALLEST, LARGEST = 0.14, 0.26
"""Half the size of a thing, as a share of the image's height."""
RIM, STRIPE = 0.4, 3
"""How much darker the rim of a disc and every other stripe of a box are, and how many pixels wide a stripe is."""

Scenes = tuple[Tensor, Tensor, Tensor]


@cache
def scenes(split: str, count: int, height: int, width: int) -> Scenes:
    """Return scenes of a split.

    Returns:
        Images (N, 3, H, W), centred and scaled to about [-2, 2]; the segment that each pixel belongs to (N, H, W); and the class of each segment
        (N, SEGMENTS), -1 where there is none. Segments 0 to 2 are stuff, the others things.
    """
    made = [_scene(np.random.default_rng((split == "test", i)), height, width) for i in range(count)]
    images, segments, classes = (torch.from_numpy(np.stack(part)) for part in zip(*made, strict=True))
    return (images - 0.5) / 0.25, segments.long(), classes.long()


def _scene(random: np.random.Generator, height: int, width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    segments = _bands(random, height, width)
    image = _paint(random, segments)
    classes = np.full(SEGMENTS, -1)
    classes[: len(STUFF)] = range(len(STUFF))
    for segment in range(len(STUFF), len(STUFF) + int(random.integers(2, MOST_THINGS + 1))):
        shape = int(random.integers(len(THINGS)))
        inside, shade = _thing(random, shape, height, width)
        segments[inside] = segment
        colour = THING_COLOURS[random.integers(len(THING_COLOURS))] + random.normal(0, 0.04, 3)
        image[inside] = colour * shade[inside][:, None]
        classes[segment] = len(STUFF) + shape
    image += random.normal(0, PIXEL_NOISE, image.shape)
    seen = np.bincount(segments.ravel(), minlength=SEGMENTS) > 0
    return image.transpose(2, 0, 1).astype(np.float32), segments, np.where(seen, classes, -1)


def _bands(random: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Sky above, then road and grass in either order, with sloping borders: (H, W)."""
    down, across = (np.arange(height)[:, None] + 0.5) / height, (np.arange(width) + 0.5) / width - 0.5
    first = random.uniform(0.25, 0.45) + random.uniform(-0.25, 0.25) * across
    second = random.uniform(0.60, 0.80) + random.uniform(-0.25, 0.25) * across
    below = random.permutation([1, 2])
    return np.where(down < first, 0, np.where(down < second, below[0], below[1]))


def _paint(random: np.random.Generator, bands: np.ndarray) -> np.ndarray:
    """Colour each band, a little different in each scene, and give it its texture: (H, W, 3)."""
    height, width = bands.shape
    patches = random.normal(size=(height // 8 + 1, width // 8 + 1)).repeat(8, 0).repeat(8, 1)[:height, :width]
    stripes = np.broadcast_to(random.normal(size=(height, 1)), bands.shape)
    texture = np.stack((patches, stripes, random.normal(size=bands.shape)))  # (3, H, W)
    colours = STUFF_COLOURS + random.normal(0, 0.04, STUFF_COLOURS.shape)
    grain = np.take_along_axis(texture, bands[None], 0)[0] * np.array(GRAIN)[bands]
    return colours[bands] + grain[..., None]


def _thing(random: np.random.Generator, shape: int, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Return where a thing is, and how bright: discs darken towards their rims, boxes are striped, triangles flat. (H, W) each."""
    r = random.uniform(SMALLEST, LARGEST) * height
    y = np.arange(height)[:, None] + 0.5 - random.uniform(0.1, 0.9) * height
    x = np.arange(width) + 0.5 - random.uniform(0.05, 0.95) * width
    if shape == 0:
        away = (y**2 + x**2) / r**2
        return away < 1, 1 - RIM * away
    if shape == 1:
        inside = (abs(y) < r * random.uniform(0.6, 1)) & (abs(x) < r)
        return inside, np.where((x // STRIPE) % 2 == 0, 1.0, 1 - RIM) + 0 * y
    return (abs(y) < r) & (abs(x) < (y + r) / 2), np.ones((height, width))
