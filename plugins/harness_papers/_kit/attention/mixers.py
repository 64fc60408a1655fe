"""Token mixers that several papers argue against, and what mixers are made of. Maps (B, H, W, C) -> (B, H, W, C).

Symbols: N = H W tokens, C channels, h heads of width d = C / h. Every mixer goes through the same `attend` and has biases on its projections.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F


def attend(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, fused: bool, bias: torch.Tensor | None = None) -> torch.Tensor:
    """Softmax attention of queries (..., N, d) to keys and values (..., M, d), with `bias` (..., N, M) on the scores."""
    if fused:
        return F.scaled_dot_product_attention(q, k, v, attn_mask=bias)
    scores = q * q.shape[-1] ** -0.5 @ k.mT  # (..., N, M)
    return (scores if bias is None else scores + bias).softmax(-1) @ v


def split_heads(x: torch.Tensor, h: int) -> torch.Tensor:
    """(..., N, h d) -> (..., h, N, d)."""
    return x.unflatten(-1, (h, -1)).transpose(-3, -2)


def merge_heads(x: torch.Tensor) -> torch.Tensor:
    """(..., h, N, d) -> (..., N, h d)."""
    return x.transpose(-3, -2).flatten(-2)


class DenseAttention(nn.Module):
    """Multi-head self-attention: every token attends to every other."""

    def __init__(self, C: int, h: int, fused: bool = False) -> None:
        super().__init__()
        self.h, self.fused = h, fused
        self.qkv = nn.Linear(C, 3 * C)
        self.proj = nn.Linear(C, C)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, H, W, C) -> (B, H, W, C)."""
        q, k, v = split_heads(self.qkv(x).flatten(1, 2), 3 * self.h).chunk(3, dim=1)  # (B, h, N, d) each
        return self.proj(merge_heads(attend(q, k, v, self.fused)).unflatten(1, x.shape[1:3]))


class SpatialReductionAttention(nn.Module):
    """PVT: keys and values from a map that a strided s x s convolution has made smaller."""

    def __init__(self, C: int, h: int, s: int = 2, fused: bool = False) -> None:
        super().__init__()
        self.h, self.s, self.fused = h, s, fused
        self.q = nn.Linear(C, C)
        self.reduce = nn.Conv2d(C, C, s, stride=s)
        self.norm = nn.LayerNorm(C)
        self.kv = nn.Linear(C, 2 * C)
        self.proj = nn.Linear(C, C)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, H, W, C) -> (B, H, W, C)."""
        reduced = self.norm(self.reduce(x.movedim(-1, 1)).movedim(1, -1))  # (B, H/s, W/s, C)
        q = split_heads(self.q(x).flatten(1, 2), self.h)  # (B, h, N, d)
        k, v = split_heads(self.kv(reduced).flatten(1, 2), 2 * self.h).chunk(2, dim=1)  # (B, h, N/s^2, d) each
        return self.proj(merge_heads(attend(q, k, v, self.fused)).unflatten(1, x.shape[1:3]))


class Linformer(nn.Module):
    """Linformer: keys and values are projected along the sequence, from N tokens to k."""

    def __init__(self, C: int, h: int, grid: int, k: int = 256, fused: bool = False) -> None:
        super().__init__()
        self.h, self.fused = h, fused
        self.qkv = nn.Linear(C, 3 * C)
        self.E, self.F = (nn.Parameter(torch.empty(k, grid * grid).uniform_(-(k**-0.5), k**-0.5)) for _ in range(2))
        self.proj = nn.Linear(C, C)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, H, W, C) -> (B, H, W, C), on the grid it was built for."""
        q, k, v = self.qkv(x).flatten(1, 2).chunk(3, dim=-1)  # (B, N, C) each
        q, k, v = (split_heads(t, self.h) for t in (q, self.E @ k, self.F @ v))  # (B, h, N, d), (B, h, k, d), (B, h, k, d)
        return self.proj(merge_heads(attend(q, k, v, self.fused)).unflatten(1, x.shape[1:3]))
