"""Five ways to tell a decoder where its tokens stand, one of which is to say nothing."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

BASE = 10_000.0
"""Of sinusoids and rotations: the slowest one turns by a ten-thousandth of a radian a token, or nearly."""
ROTATED = 0.25
"""Share of each head that is rotated."""
BUCKETS, FURTHEST = 32, 128
"""Of T5's relative bias: how many numbers a head has, and the distance from which on all share the last one."""


class NoPE(nn.Module):
    """Nothing at all: what the other schemes add to."""

    def embed(self, x: Tensor, places: Tensor) -> Tensor:
        """Return token embeddings (B, T, D) with what the scheme adds to them at places (T)."""
        return x

    def bias(self, places: Tensor) -> Tensor | None:
        """Return what is added to the scores of query i and key j, (h, T, T), or None."""
        return None

    def rotation(self, places: Tensor) -> tuple[Tensor, Tensor] | None:
        """Return cosines and sines by which queries and keys are rotated, (T, r) each, or None."""
        return None


class Sinusoid(NoPE):
    """Absolute: sines and cosines of the place, added to the embeddings.

    Args:
        D: Width of the embeddings.
    """

    def __init__(self, D: int) -> None:
        super().__init__()
        self.D = D

    def embed(self, x: Tensor, places: Tensor) -> Tensor:
        """Add sines to the first half of the dimensions and cosines to the second."""
        angle = _angles(places, self.D, x.dtype)
        return x + torch.cat([angle.sin(), angle.cos()], -1)


class T5Bias(NoPE):
    """Relative: a learnt number for each head and each bucket of distances, the same in all layers.

    Args:
        h: Heads.
        D: Width of the decoder, which sets how large the numbers start.
    """

    def __init__(self, h: int, D: int) -> None:
        super().__init__()
        self.table = nn.Parameter(D**-0.5 * torch.randn(BUCKETS, h))

    def bias(self, places: Tensor) -> Tensor:
        """Look up the bucket of each distance i - j."""
        return self.table[buckets(_distances(places))].permute(2, 0, 1)


class ALiBi(NoPE):
    """Relative: scores fall in proportion to the distance, with a slope of its own for each head.

    Args:
        h: Heads.
    """

    slopes: Tensor

    def __init__(self, h: int) -> None:
        super().__init__()
        self.register_buffer("slopes", torch.tensor(slopes(h)))

    def bias(self, places: Tensor) -> Tensor:
        """Return -m_h (i - j)."""
        return -self.slopes[:, None, None] * _distances(places)


class Rotary(NoPE):
    """Relative: queries and keys are rotated by angles that grow with the place, in the first quarter of each head.

    Args:
        d: Width of a head.
        rotated: Dimensions that are rotated, an even number; a quarter of the head where it is not given.
    """

    def __init__(self, d: int, rotated: int | None = None) -> None:
        super().__init__()
        self.rotated = int(ROTATED * d) if rotated is None else rotated

    def rotation(self, places: Tensor) -> tuple[Tensor, Tensor]:
        """Return cosines and sines of the angles, each twice in a row, (T, rotated)."""
        angle = _angles(places, self.rotated, torch.get_default_dtype()).repeat_interleave(2, -1)
        return angle.cos(), angle.sin()


def rotate(x: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
    """Rotate neighbouring pairs of the first dimensions of (B, h, T, d)."""
    cos, sin = (part.to(x.dtype) for part in rotation)
    turned, rest = x[..., : cos.shape[-1]], x[..., cos.shape[-1] :]
    across = torch.stack((-turned[..., 1::2], turned[..., ::2]), -1).flatten(-2)
    return torch.cat([turned * cos + across * sin, rest], -1)


def buckets(distance: Tensor) -> Tensor:
    """Return T5's bucket of each distance back: one each for the nearest half, then wider and wider ones; what is ahead counts as 0."""
    distance, exact = distance.clamp(min=0), BUCKETS // 2
    wide = torch.log(distance.clamp(min=1) / exact) / math.log(FURTHEST / exact) * (BUCKETS - exact)
    return torch.where(distance < exact, distance, (exact + wide.long()).clamp(max=BUCKETS - 1))


def slopes(h: int) -> list[float]:
    """Return ALiBi's slopes 2^(-8 i/h); where h is no power of two, those of the next smaller one and every other of the next larger."""
    whole = 2 ** math.floor(math.log2(h))
    first = [2 ** (-8 * (i + 1) / whole) for i in range(whole)]
    return first + ([] if whole == h else [2 ** (-8 * (i + 1) / (2 * whole)) for i in range(0, 2 * (h - whole), 2)])


def _angles(places: Tensor, dimensions: int, dtype: torch.dtype) -> Tensor:
    """Return place times frequency, (T, dimensions / 2)."""
    k = torch.arange(0, dimensions, 2, device=places.device, dtype=dtype)
    return places.to(dtype)[:, None] * BASE ** (-k / max(dimensions, 1))


def _distances(places: Tensor) -> Tensor:
    """Return i - j, (T, T)."""
    return places[:, None] - places[None]
