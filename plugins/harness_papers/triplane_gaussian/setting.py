"""The dimensions of each experiment, and the camera that all of them share."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

RADIUS = 0.6
"""Half the side of the cube in which objects, points and planes lie."""
DISTANCE = 1.6
"""Of every camera from the origin, at which it looks."""
FIELD_OF_VIEW = math.radians(40)


def focal(side: int) -> float:
    """Return the focal length in pixels of a square image."""
    return side / 2 / math.tan(FIELD_OF_VIEW / 2)


@dataclass(frozen=True)
class Shape:
    """Everything that determines a network.

    Attributes:
        image: Side of the input image in pixels.
        view: Side of a rendered view.
        patch: Side of a patch of the input image.
        grid: Patches a side for which positions are learnt; they are resized to those that there are.
        d_image: Width of image tokens.
        image_heads: Heads of the image encoder.
        image_layers: Its layers.
        d: Width of point and plane tokens.
        heads: Heads of the two transformers.
        layers: Their layers, each.
        tokens: Point tokens.
        up: Factors of the point-splitting blocks.
        split: Width of these blocks.
        neighbours: How many points a splitting block looks at round each.
        plane: Cells a side of each plane of tokens; sampled planes have twice as many.
        channels: Of the sampled planes.
        hidden: Width of the point encoder and of the Gaussian decoder.
        sh_degree: Of the spherical harmonics of a colour.
        log_scale: Logarithm of a Gaussian's extent at the start.
        footprint: Pixels round its own in which a point hides others.
        slack: How much farther than the nearest point another may be and still be seen.
        samples: Points along a ray of volume rendering.
        nerf: Hidden width of the network behind the planes in volume rendering.
    """

    image: int = 252
    view: int = 512
    patch: int = 14
    grid: int = 37
    d_image: int = 768
    image_heads: int = 12
    image_layers: int = 12
    d: int = 512
    heads: int = 8
    layers: int = 10
    tokens: int = 2048
    up: tuple[int, ...] = (2, 4)
    split: int = 128
    neighbours: int = 16
    plane: int = 32
    channels: int = 80
    hidden: int = 128
    sh_degree: int = 3
    log_scale: float = -5.0
    footprint: int = 0
    slack: float = 0.0
    samples: int = 128
    nerf: int = 64

    @property
    def points(self) -> int:
        """Points, and Gaussians."""
        return self.tokens * math.prod(self.up)

    @property
    def projected(self) -> int:
        """Numbers that a point takes from the pixel it is seen at: colour, image features, mask, distance to the mask."""
        return 3 + self.d_image + 2

    @property
    def harmonics(self) -> int:
        """Basis functions of a colour."""
        return (self.sh_degree + 1) ** 2


PAPER = Shape()

TIMED = Shape(
    image=64,
    view=48,
    patch=8,
    grid=8,
    d_image=128,
    image_heads=4,
    image_layers=4,
    d=128,
    heads=4,
    layers=4,
    tokens=256,
    up=(2, 2),
    split=64,
    plane=16,
    channels=32,
    hidden=64,
    sh_degree=0,
    log_scale=-3.5,
    footprint=1,
    slack=0.1,
    samples=64,
)
"""Timed and not trained: 1,024 Gaussians seen in 48x48 pixels."""

SMALL = Shape(
    image=32,
    view=32,
    patch=4,
    grid=8,
    d_image=64,
    image_heads=4,
    image_layers=2,
    d=64,
    heads=4,
    layers=3,
    tokens=64,
    up=(2, 2),
    split=32,
    neighbours=8,
    plane=8,
    channels=16,
    hidden=64,
    sh_degree=0,
    log_scale=-3.5,
    footprint=1,
    slack=0.1,
    samples=64,
)
SMOKE = replace(SMALL, layers=2, tokens=32, samples=16)

LEARNT = 32
"""The side of a view at which networks are trained and judged."""


def shape_of(scale: str, params: Mapping[str, Any]) -> Shape:
    """Return the dimensions of a point of the sweep."""
    if scale == "paper":
        return PAPER
    return SMOKE if scale == "smoke" else SMALL if params["view"] == LEARNT else TIMED
