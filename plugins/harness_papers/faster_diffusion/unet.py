"""The noise predictor eps(x_t, t, c), in two halves: `encode` makes features, `decode` makes noise of them. Layers as in Stable Diffusion 1.5.

The middle block is on the encoder's side, since its output is kept with the skips. With a control branch there is a second encoder, whose
features are added to the first one's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .setting import Shape

MAX_PERIOD = 10_000
NORM_EPS, ATTENTION_NORM_EPS = 1e-5, 1e-6


@dataclass(frozen=True)
class Features:
    """What the decoder lives on: every skip, finest first, and the middle block's output."""

    skips: tuple[Tensor, ...]
    middle: Tensor

    def repeated(self, n: int) -> Features:
        """Return the features n times along the batch: all of the first step, then all of the second."""
        if n == 1:
            return self
        return Features(tuple(skip.repeat(n, 1, 1, 1) for skip in self.skips), self.middle.repeat(n, 1, 1, 1))

    def plus(self, other: Features) -> Features:
        """Add two encoders' features."""
        return Features(tuple(a + b for a, b in zip(self.skips, other.skips, strict=True)), self.middle + other.middle)


class UNet(nn.Module):
    """eps(x_t, t, c): (B, C, H, W), (B,), (B, L, d_c) -> (B, C, H, W)."""

    def __init__(self, shape: Shape, controlled: bool = False) -> None:
        super().__init__()
        self.time = TimeEmbedding(shape.base)
        self.encoder = Encoder(shape)
        self.decoder = Decoder(shape)
        self.control = ControlBranch(shape) if controlled else None

    def encode(self, x: Tensor, t: Tensor, c: Tensor, hint: Tensor | None = None) -> Features:
        """Run encoder and middle block, and the control branch where there is one."""
        features = self.encoder(x, self.time(t, x.dtype), c)
        return features if self.control is None else features.plus(self.control(x, t, c, hint))

    def decode(self, features: Features, t: Tensor, c: Tensor) -> Tensor:
        """Run the decoder at times t, which need not be those of the features."""
        return self.decoder(features, self.time(t, c.dtype), c)

    def forward(self, x: Tensor, t: Tensor, c: Tensor, hint: Tensor | None = None) -> Tensor:
        """Predict the noise, both halves at one time."""
        return self.decode(self.encode(x, t, c, hint), t, c)


class TimeEmbedding(nn.Module):
    """emb(t): cosines and sines of the time, and two layers: (B,) -> (B, 4 base)."""

    def __init__(self, base: int) -> None:
        super().__init__()
        self.base = base
        self.layers = nn.Sequential(nn.Linear(base, 4 * base), nn.SiLU(), nn.Linear(4 * base, 4 * base))

    def forward(self, t: Tensor, dtype: torch.dtype) -> Tensor:
        """Embed times 0 to 999."""
        half = self.base // 2
        frequency = torch.exp(-math.log(MAX_PERIOD) / half * torch.arange(half, device=t.device))
        angle = t[:, None].float() * frequency
        return self.layers(torch.cat([angle.cos(), angle.sin()], 1).to(dtype))


class Encoder(nn.Module):
    """conv_in, the levels downwards, and the middle block."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        widths = shape.widths
        self.conv_in = nn.Conv2d(shape.channels, shape.base, 3, padding=1)
        self.levels = nn.ModuleList()
        before = shape.base
        for level, width in enumerate(widths):
            blocks = nn.ModuleList(Block(before if k == 0 else width, width, shape, level in shape.attention) for k in range(shape.layers))
            down = nn.Conv2d(width, width, 3, stride=2, padding=1) if level < len(widths) - 1 else None
            self.levels.append(nn.ModuleDict({"blocks": blocks, **({"down": down} if down else {})}))
            before = width
        self.middle = Block(before, before, shape, attends=True)
        self.middle_out = ResBlock(before, before, shape)

    def forward(self, x: Tensor, emb: Tensor, c: Tensor, added: Tensor | float = 0.0) -> Features:
        """Make features of x_t; `added` goes on top of what conv_in gives."""
        h = self.conv_in(x) + added
        skips = [h]
        for level in self.levels:
            for block in level["blocks"]:
                h = block(h, emb, c)
                skips.append(h)
            if "down" in level:
                h = level["down"](h)
                skips.append(h)
        return Features(tuple(skips), self.middle_out(self.middle(h, emb, c), emb))


class Decoder(nn.Module):
    """The levels upwards, each block fed with a skip, and conv_out."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        waiting = skip_widths(shape)
        before = shape.widths[-1]
        self.levels = nn.ModuleList()
        for level, width in reversed(list(enumerate(shape.widths))):
            blocks = nn.ModuleList()
            for _ in range(shape.layers + 1):
                blocks.append(Block(before + waiting.pop(), width, shape, level in shape.attention))
                before = width
            up = nn.Conv2d(width, width, 3, padding=1) if level > 0 else None
            self.levels.append(nn.ModuleDict({"blocks": blocks, **({"up": up} if up else {})}))
        self.norm = nn.GroupNorm(shape.groups, before, NORM_EPS)
        self.conv_out = nn.Conv2d(before, shape.channels, 3, padding=1)

    def forward(self, features: Features, emb: Tensor, c: Tensor) -> Tensor:
        """Make noise of features."""
        h, skips = features.middle, list(features.skips)  # a copy: other steps decode the same features
        for level in self.levels:
            for block in level["blocks"]:
                h = block(torch.cat([h, skips.pop()], 1), emb, c)
            if "up" in level:
                h = level["up"](F.interpolate(h, scale_factor=2, mode="nearest"))
        return self.conv_out(F.silu(self.norm(h)))


class ControlBranch(nn.Module):
    """A second encoder that also sees a hint (B, C, H, W), its features passed through 1x1 convolutions that start at zero."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.time = TimeEmbedding(shape.base)
        self.hint = nn.Conv2d(shape.channels, shape.base, 3, padding=1)
        self.encoder = Encoder(shape)
        self.gates = nn.ModuleList(_closed(width) for width in [*skip_widths(shape), shape.widths[-1]])

    def forward(self, x: Tensor, t: Tensor, c: Tensor, hint: Tensor) -> Features:
        """Make the features that are added."""
        features = self.encoder(x, self.time(t, x.dtype), c, self.hint(hint))
        *skips, middle = (gate(h) for gate, h in zip(self.gates, (*features.skips, features.middle), strict=True))
        return Features(tuple(skips), middle)


def skip_widths(shape: Shape) -> list[int]:
    """Return the channels of every skip, finest first."""
    widths = [shape.base]
    for level, width in enumerate(shape.widths):
        widths += [width] * (shape.layers + (level < len(shape.widths) - 1))
    return widths


def _closed(width: int) -> nn.Conv2d:
    gate = nn.Conv2d(width, width, 1)
    nn.init.zeros_(gate.weight)
    nn.init.zeros_(gate.bias)
    return gate


class Block(nn.Module):
    """A residual block, then attention where the level has it."""

    def __init__(self, before: int, after: int, shape: Shape, attends: bool) -> None:
        super().__init__()
        self.residual = ResBlock(before, after, shape)
        self.attention = SpatialTransformer(after, shape) if attends else None

    def forward(self, x: Tensor, emb: Tensor, c: Tensor) -> Tensor:
        """Refine a map (B, C, h, w) at time emb (B, 4 base) under condition c (B, L, d_c)."""
        h = self.residual(x, emb)
        return h if self.attention is None else self.attention(h, c)


class ResBlock(nn.Module):
    """Two convolutions with the time added between them."""

    def __init__(self, before: int, after: int, shape: Shape) -> None:
        super().__init__()
        self.norm_in, self.norm_out = nn.GroupNorm(shape.groups, before, NORM_EPS), nn.GroupNorm(shape.groups, after, NORM_EPS)
        self.conv_in, self.conv_out = nn.Conv2d(before, after, 3, padding=1), nn.Conv2d(after, after, 3, padding=1)
        self.time = nn.Linear(4 * shape.base, after)
        self.shortcut = nn.Identity() if before == after else nn.Conv2d(before, after, 1)

    def forward(self, x: Tensor, emb: Tensor) -> Tensor:
        """(B, C, h, w), (B, 4 base) -> (B, C', h, w)."""
        h = self.conv_in(F.silu(self.norm_in(x))) + self.time(F.silu(emb))[:, :, None, None]
        return self.shortcut(x) + self.conv_out(F.silu(self.norm_out(h)))


class SpatialTransformer(nn.Module):
    """Places attend to one another, then to the condition, then pass a gated feed-forward: (B, C, h, w), the same."""

    def __init__(self, width: int, shape: Shape) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(shape.groups, width, ATTENTION_NORM_EPS)
        self.into, self.out = nn.Conv2d(width, width, 1), nn.Conv2d(width, width, 1)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.places = Attention(width, width, shape.heads)
        self.condition = Attention(width, shape.context[1], shape.heads)
        self.gated, self.narrow = nn.Linear(width, 8 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        """Mix places under c (B, L, d_c)."""
        z = self.into(self.norm(x)).flatten(2).transpose(1, 2)  # (B, h w, C)
        y = self.norms[0](z)
        z = z + self.places(y, y)
        z = z + self.condition(self.norms[1](z), c)
        value, gate = self.gated(self.norms[2](z)).chunk(2, -1)
        z = z + self.narrow(value * F.gelu(gate))
        return x + self.out(z.transpose(1, 2).reshape(x.shape))


class Attention(nn.Module):
    """Multi-head attention from z (B, N, d) to y (B, M, d_y)."""

    def __init__(self, d: int, d_y: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v = nn.Linear(d, d, bias=False), nn.Linear(d_y, d, bias=False), nn.Linear(d_y, d, bias=False)
        self.out = nn.Linear(d, d)

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        """(B, N, d), (B, M, d_y) -> (B, N, d)."""
        q, k, v = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in (self.q(z), self.k(y), self.v(y)))  # (B, h, N, d / h)
        return self.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
