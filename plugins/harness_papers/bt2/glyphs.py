"""Glyphs: each class is five random strokes; every image of it is turned, stretched, shifted, redrawn with a shaking hand, and noisy."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

STROKES = 5
PEN = 0.05
"""Half-width of a stroke, where the image is one unit wide."""
SHAKE, TURN, STRETCH, SHEAR, SHIFT, NOISE = 0.03, 0.25, 0.2, 0.2, 0.06, 0.2
"""Standard deviation of an end point; largest turn in radians, stretch, shear and shift; standard deviation of the noise."""


@lru_cache(maxsize=4)
def glyphs(classes: int, each: int, side: int, split: str) -> tuple[Tensor, Tensor]:
    """Return images (classes * each, 1, side, side) and their classes, in random order.

    Args:
        classes: How many; the first are the same whatever their number.
        each: Images of a class.
        side: Height and width.
        split: `train` or `test`: independent drawings of the same glyphs.
    """
    shapes = torch.stack([_strokes(label) for label in range(classes)])  # (classes, strokes, 2 ends, 2)
    generator = torch.Generator().manual_seed(1 if split == "train" else 2)
    y = torch.arange(classes).repeat_interleave(each)[torch.randperm(classes * each, generator=generator)]
    x = torch.cat([_draw(shapes[part], side, generator) for part in y.split(256)])
    return x, y


def _strokes(label: int) -> Tensor:
    """Return the end points of a class's strokes about the middle of the image (strokes, 2, 2)."""
    return 0.7 * torch.rand(STROKES, 2, 2, generator=torch.Generator().manual_seed(1000 + label)) - 0.35


def _draw(shapes: Tensor, side: int, generator: torch.Generator) -> Tensor:
    """Draw glyphs (N, strokes, 2, 2): images (N, 1, side, side)."""
    N = len(shapes)

    def within(limit: float, *shape: int) -> Tensor:
        return limit * (2 * torch.rand(N, *shape, generator=generator) - 1)

    turn, shear = within(TURN), within(SHEAR)
    stretch = 1 + within(STRETCH, 2)
    cos, sin = turn.cos(), turn.sin()
    affine = torch.stack([torch.stack([cos, shear - sin], -1), torch.stack([sin, cos], -1)], -2) * stretch[:, None]  # (N, 2, 2)
    ends = shapes + SHAKE * torch.randn(shapes.shape, generator=generator)
    ends = torch.einsum("nij,nsej->nsei", affine, ends) + within(SHIFT, 1, 1, 2)
    grid = (torch.arange(side) + 0.5) / side - 0.5
    pixels = torch.cartesian_prod(grid, grid)  # (side^2, 2)
    start, along = ends[:, :, None, 0], (ends[:, :, 1] - ends[:, :, 0])[:, :, None]  # (N, strokes, 1, 2)
    share = ((pixels - start) * along).sum(-1) / along.square().sum(-1).clamp_min(1e-6)  # (N, strokes, side^2)
    nearest = start + share.clamp(0, 1)[..., None] * along
    distance = (pixels - nearest).square().sum(-1).amin(1)  # (N, side^2), squared
    ink = torch.exp(-distance / PEN**2)
    return (ink + NOISE * torch.randn(ink.shape, generator=generator)).view(N, 1, side, side)
