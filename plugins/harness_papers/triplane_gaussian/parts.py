"""Parts of the published network, whose sizes follow from its configuration, and what each is called with."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .image_tokens import CAMERA, CameraEmbedding
from .setting import PAPER
from .transformer import Stack
from .triplane import GaussianDecoder

READ = 3 * PAPER.channels + PAPER.projected
IMAGE_TOKENS = 1 + (PAPER.image // PAPER.patch) ** 2


def part(name: str) -> nn.Module:
    """Return a part of the published network."""
    match name:
        case "transformer":
            return Stack(PAPER.d, PAPER.heads, PAPER.layers, PAPER.d_image)
        case "upsampler":
            return nn.ConvTranspose2d(PAPER.d, PAPER.channels, 2, 2)
        case "decoder":
            return GaussianDecoder(PAPER, READ)
        case "camera":
            return CameraEmbedding(PAPER.d_image)
    raise ValueError(name)


def part_inputs(name: str) -> tuple[Tensor, ...]:
    """Return what a part is called with."""
    cells = PAPER.plane
    shapes: dict[str, list[tuple[int, ...]]] = {
        "transformer": [(1, 3 * cells**2, PAPER.d), (1, IMAGE_TOKENS, PAPER.d_image)],
        "upsampler": [(3, PAPER.d, cells, cells)],
        "decoder": [(1, PAPER.points, 3), (1, PAPER.points, READ)],
        "camera": [(1, CAMERA)],
    }
    return tuple(torch.zeros(shape) for shape in shapes[name])
