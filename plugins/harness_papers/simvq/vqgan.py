"""The authors' convolutional encoder and decoder for images, of published size: residual blocks on four resolutions, and no attention."""

from __future__ import annotations

from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

WIDTHS = (128, 128, 256, 512)
"""Channels on each resolution, from the full one down to an eighth."""
BLOCKS = 2
"""Residual blocks on each resolution, and again in the middle."""


class Block(nn.Module):
    """Norm, swish and convolution, twice, around a shortcut: (B, a, h, w) -> (B, b, h, w)."""

    def __init__(self, a: int, b: int) -> None:
        super().__init__()
        self.norm1, self.conv1 = _norm(a), nn.Conv2d(a, b, 3, padding=1, bias=False)
        self.norm2, self.conv2 = _norm(b), nn.Conv2d(b, b, 3, padding=1, bias=False)
        self.shortcut = nn.Identity() if a == b else nn.Conv2d(a, b, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's output."""
        hidden = self.conv1(F.silu(self.norm1(x)))
        return self.shortcut(x) + self.conv2(F.silu(self.norm2(hidden)))


class Encoder(nn.Sequential):
    """Images to encodings: (B, 3, H, W) -> (B, d, H / 8, W / 8)."""

    def __init__(self, d: int) -> None:
        layers: list[nn.Module] = [nn.Conv2d(3, WIDTHS[0], 3, padding=1, bias=False), *_blocks(WIDTHS[0], WIDTHS[0])]
        for a, b in pairwise(WIDTHS):
            layers += [nn.Conv2d(a, a, 3, stride=2, padding=1), *_blocks(a, b)]
        super().__init__(*layers, *_blocks(WIDTHS[-1], WIDTHS[-1]), _norm(WIDTHS[-1]), nn.SiLU(), nn.Conv2d(WIDTHS[-1], d, 1))


class Decoder(nn.Sequential):
    """Encodings to images: (B, d, h, w) -> (B, 3, 8 h, 8 w)."""

    def __init__(self, d: int) -> None:
        top = WIDTHS[-1]
        layers: list[nn.Module] = [nn.Conv2d(d, top, 3, padding=1), *_blocks(top, top), *_blocks(top, top)]
        for a, b in pairwise(reversed(WIDTHS)):
            layers += [nn.Conv2d(a, 4 * a, 3, padding=1), nn.PixelShuffle(2), *_blocks(a, b)]
        super().__init__(*layers, _norm(WIDTHS[0]), nn.SiLU(), nn.Conv2d(WIDTHS[0], 3, 3, padding=1))


def _blocks(a: int, b: int) -> list[nn.Module]:
    return [Block(a if i == 0 else b, b) for i in range(BLOCKS)]


def _norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(32, channels, eps=1e-6)
