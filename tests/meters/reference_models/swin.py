"""Swin-T (Liu et al., arXiv 2103.14030): 7x7 windows, every second block shifted by 3."""

from __future__ import annotations

import torch
from torch import Tensor, nn

WINDOW = 7


class WindowAttention(nn.Module):
    """Attention inside windows, with a bias for each offset between two positions."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.bias = nn.Parameter(torch.zeros((2 * WINDOW - 1) ** 2, heads))
        at = torch.stack(torch.meshgrid(torch.arange(WINDOW), torch.arange(WINDOW), indexing="ij")).flatten(1)
        offset = (at[:, :, None] - at[:, None, :]) + WINDOW - 1
        self.register_buffer("index", (offset[0] * (2 * WINDOW - 1) + offset[1]).flatten())

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:  # (windows, 49, C)
        n, length, width = x.shape
        q, k, v = self.qkv(x).reshape(n, length, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        scores = (q * (width // self.heads) ** -0.5) @ k.transpose(-2, -1)
        scores = scores + self.bias[self.index].view(length, length, -1).permute(2, 0, 1)
        if mask is not None:
            scores = (scores.view(-1, len(mask), self.heads, length, length) + mask[:, None]).flatten(0, 1)
        return self.out((scores.softmax(-1) @ v).transpose(1, 2).reshape(n, length, width))


class Block(nn.Module):
    """Window attention and a two-layer network, pre-norm."""

    def __init__(self, width: int, heads: int, side: int, shift: int) -> None:
        super().__init__()
        self.shift = shift if side > WINDOW else 0
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = WindowAttention(width, heads)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.register_buffer("mask", self._mask(side) if self.shift else None)

    def _mask(self, side: int) -> Tensor:
        """Return -100 between positions that the shift has brought together from different sides."""
        region = torch.zeros(1, side, side, 1)
        cuts = (slice(0, -WINDOW), slice(-WINDOW, -self.shift), slice(-self.shift, None))
        for label, (rows, columns) in enumerate((r, c) for r in cuts for c in cuts):
            region[:, rows, columns] = label
        flat = windows(region).squeeze(-1)
        return torch.where(flat[:, None, :] == flat[:, :, None], 0.0, -100.0)

    def forward(self, x: Tensor) -> Tensor:  # (B, H, W, C)
        y = torch.roll(self.norm1(x), (-self.shift, -self.shift), (1, 2)) if self.shift else self.norm1(x)
        y = self.attention(windows(y), self.mask)
        b, h, w, c = x.shape
        y = y.view(b, h // WINDOW, w // WINDOW, WINDOW, WINDOW, c).transpose(2, 3).reshape(b, h, w, c)
        x = x + (torch.roll(y, (self.shift, self.shift), (1, 2)) if self.shift else y)
        return x + self.mlp(self.norm2(x))


def windows(x: Tensor) -> Tensor:
    """Cut (B, H, W, C) into (B windows, 49, C)."""
    b, h, w, c = x.shape
    return x.view(b, h // WINDOW, WINDOW, w // WINDOW, WINDOW, c).transpose(2, 3).reshape(-1, WINDOW * WINDOW, c)


class Merge(nn.Module):
    """Join 2x2 neighbours and halve what results."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm, self.reduce = nn.LayerNorm(4 * width), nn.Linear(4 * width, 2 * width, bias=False)

    def forward(self, x: Tensor) -> Tensor:  # (B, H, W, C)
        parts = [x[:, 0::2, 0::2], x[:, 1::2, 0::2], x[:, 0::2, 1::2], x[:, 1::2, 1::2]]
        return self.reduce(self.norm(torch.cat(parts, -1)))


class Swin(nn.Module):
    """Four stages; the class is read off the mean of all positions."""

    def __init__(self, width: int = 96, depths: tuple[int, ...] = (2, 2, 6, 2), heads: tuple[int, ...] = (3, 6, 12, 24)) -> None:
        super().__init__()
        self.embed, self.norm0 = nn.Conv2d(3, width, 4, 4), nn.LayerNorm(width)
        layers: list[nn.Module] = []
        side = 224 // 4
        for stage, (depth, head) in enumerate(zip(depths, heads, strict=True)):
            if stage:
                layers.append(Merge(width))
                width, side = 2 * width, side // 2
            layers += [Block(width, head, side, WINDOW // 2 * (index % 2)) for index in range(depth)]
        self.layers = nn.Sequential(*layers)
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, 1000)

    def forward(self, x: Tensor) -> Tensor:  # (B, 3, 224, 224)
        x = self.norm0(self.embed(x).permute(0, 2, 3, 1))
        return self.head(self.norm(self.layers(x)).mean((1, 2)))


def swin_t() -> nn.Module:
    return Swin()
