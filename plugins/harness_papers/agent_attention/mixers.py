"""Agent attention, what it is held against, and training-free use of it. Maps (B, H, W, C) -> (B, H, W, C).

The paper's symbols: N = H W tokens, C channels, h heads of width d = C / h, n agents (n << N). Dense attention and PVT's are the family's, in
`_kit/attention`. In DeiT a class token comes before the patches: such a sequence is a map of one row, (B, 1, 1 + N, C), and the mixer is told of it
by `leading` = 1. T = leading + N below.
"""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional as F

from harness_papers._kit.attention.mixers import DenseAttention, SpatialReductionAttention, attend, merge_heads, split_heads

COARSE = 7
"""Side of the table from which a position bias is resized."""

AGENTS, FEW_AGENTS, LARGE_GRID = 49, 16, 14
"""Agents where nothing else is said: 49 as in the authors' networks on 14x14 tokens, 16 on smaller maps, of which 49 would be most."""

SECOND_SCALE, SHORTCUT = 0.3, 0.075
"""The authors' settings without training: exponent of the scale of the second softmax, and how much of the values is added to the result."""


class PositionBias(nn.Module):
    """A learned bias for every agent and token: a resized 7x7 table, a row and a column, and one number for a class token."""

    def __init__(self, h: int, n: int, grid: int, leading: int = 0) -> None:
        super().__init__()
        self.grid = grid
        self.table = nn.Parameter(torch.empty(h, n, COARSE, COARSE))
        self.rows = nn.Parameter(torch.empty(h, n, grid, 1))
        self.columns = nn.Parameter(torch.empty(h, n, 1, grid))
        self.leading = nn.Parameter(torch.empty(h, n, leading))
        for part in self.parameters():
            nn.init.trunc_normal_(part, std=0.02)

    def forward(self) -> torch.Tensor:
        """Return the bias (1, h, n, T)."""
        resized = F.interpolate(self.table, (self.grid, self.grid), mode="bilinear", align_corners=False)  # (h, n, H, W)
        tokens = (resized + self.rows + self.columns).flatten(-2)
        return torch.cat((self.leading, tokens), dim=-1)[None]


class AgentAttention(nn.Module):
    """A few agents, pooled from the queries, collect from all keys; every query reads from the agents.

    Args:
        C: Channels.
        h: Heads.
        grid: Tokens a side.
        n: Agents, a square number.
        parts: Whether there are position biases and a depthwise convolution of the values.
        leading: 1 where a class token comes first.
        fused: Whether each of the two attentions is PyTorch's one operation.
    """

    def __init__(self, C: int, h: int, grid: int, n: int, parts: bool = True, leading: int = 0, fused: bool = False) -> None:
        super().__init__()
        self.h, self.grid, self.leading, self.fused = h, grid, leading, fused
        self.q = nn.Linear(C, C)
        self.kv = nn.Linear(C, 2 * C)
        self.proj = nn.Linear(C, C)
        self.pool = nn.AdaptiveAvgPool2d(math.isqrt(n))
        self.collect_bias = PositionBias(h, n, grid, leading) if parts else None  # B1
        self.read_bias = PositionBias(h, n, grid, leading) if parts else None  # B2, transposed
        self.local = nn.Conv2d(C, C, 3, padding=1, groups=C) if parts else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, H, W, C) -> (B, H, W, C), on the grid it was built for."""
        q, a, k, v = self.project(x)
        b1, b2 = self.biases()
        collected = attend(a, k, v, self.fused, b1)  # V_A: (B, h, n, d)
        y = merge_heads(attend(q, a, collected, self.fused, b2))  # (B, T, C)
        if self.local is not None:
            patches = merge_heads(v)[:, self.leading :].mT.unflatten(-1, (self.grid, -1))  # (B, C, H, W)
            y = y + F.pad(self.local(patches).flatten(-2).mT, (0, 0, self.leading, 0))  # nothing for a class token
        return self.proj(y).unflatten(1, x.shape[1:3])

    def project(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return queries (B, h, T, d), agents (B, h, n, d), keys and values (B, h, T, d)."""
        tokens = x.flatten(1, 2)  # (B, T, C)
        q = self.q(tokens)
        k, v = self.kv(tokens).chunk(2, dim=-1)
        q, a, k, v = (split_heads(t, self.h) for t in (q, pooled(q, self.pool, self.grid, self.leading), k, v))
        return q, a, k, v

    def biases(self) -> tuple[torch.Tensor | None, torch.Tensor | None]:
        """Return the biases of the first scores, (1, h, n, T), and of the second, (1, h, T, n)."""
        if self.collect_bias is None or self.read_bias is None:
            return None, None
        return self.collect_bias(), self.read_bias().mT

    def maps(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return both attention maps for a map of tokens: what agents collect (B, h, n, T), and what queries read (B, h, T, n)."""
        q, a, k, _ = self.project(x)
        b1, b2 = self.biases()
        tokens, agents = (torch.eye(t.shape[-2], dtype=x.dtype, device=x.device) for t in (k, a))
        return attend(a, k, tokens, False, b1), attend(q, a, agents, False, b2)


def pooled(q: torch.Tensor, pool: nn.AdaptiveAvgPool2d, grid: int, leading: int) -> torch.Tensor:
    """Average queries (B, T, C) over the cells of their map, a class token left out: (B, n, C)."""
    return pool(q[:, leading:].mT.unflatten(-1, (grid, -1))).flatten(-2).mT


class SwappedAttention(DenseAttention):
    """The weights of dense attention, computed by agents without retraining, as the authors do in Stable Diffusion.

    Where there are fewer than two tokens an agent, it stays dense attention.
    """

    def __init__(self, C: int, h: int, grid: int, n: int, leading: int = 0, fused: bool = False) -> None:
        super().__init__(C, h, fused)
        self.grid, self.leading = grid, leading
        self.pool = nn.AdaptiveAvgPool2d(math.isqrt(n))
        self.few = 2 * n < leading + grid**2

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, H, W, C) -> (B, H, W, C)."""
        if not self.few:
            return super().forward(x)
        q, k, v = self.qkv(x).flatten(1, 2).chunk(3, dim=-1)  # (B, T, C) each
        q, a, k, v = (split_heads(t, self.h) for t in (q, pooled(q, self.pool, self.grid, self.leading), k, v))
        sharper = q.shape[-1] ** (0.5 * (1 - SECOND_SCALE))  # `attend` scales by d^-0.5; d^-0.15 is wanted
        y = attend(q * sharper, a, attend(a, k, v, self.fused), self.fused) + SHORTCUT * v
        return self.proj(merge_heads(y).unflatten(1, x.shape[1:3]))


class LinearAttention(nn.Module):
    """Kernel attention: phi(q) (phi(k)^T v), normalized, with phi = elu + 1."""

    def __init__(self, C: int, h: int) -> None:
        super().__init__()
        self.h = h
        self.qkv = nn.Linear(C, 3 * C)
        self.proj = nn.Linear(C, C)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, H, W, C) -> (B, H, W, C)."""
        q, k, v = split_heads(self.qkv(x).flatten(1, 2), 3 * self.h).chunk(3, dim=1)  # (B, h, N, d) each
        q, k = F.elu(q) + 1, F.elu(k) + 1
        norm = q @ k.sum(-2, keepdim=True).mT  # (B, h, N, 1)
        return self.proj(merge_heads(q @ (k.mT @ v) / norm).unflatten(1, x.shape[1:3]))


class SpatialReductionBesideClass(SpatialReductionAttention):
    """PVT's reduction of keys and values in a network with a class token, which is kept beside the reduced map."""

    def __init__(self, C: int, h: int, grid: int, s: int, fused: bool = False) -> None:
        super().__init__(C, h, s, fused)
        self.grid = grid

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, 1, 1 + N, C) -> (B, 1, 1 + N, C)."""
        tokens = x.flatten(1, 2)
        patches = tokens[:, 1:].mT.unflatten(-1, (self.grid, -1))  # (B, C, H, W)
        reduced = torch.cat((tokens[:, :1], self.norm(self.reduce(patches).flatten(-2).mT)), dim=1)  # (B, 1 + N / s^2, C)
        q = split_heads(self.q(tokens), self.h)
        k, v = split_heads(self.kv(reduced), 2 * self.h).chunk(2, dim=1)
        return self.proj(merge_heads(attend(q, k, v, self.fused)).unflatten(1, x.shape[1:3]))


def agents_of(grid: int) -> int:
    """Return how many agents a map of grid x grid tokens has where no published network says so."""
    return AGENTS if grid >= LARGE_GRID else FEW_AGENTS


def build_mixer(
    variant: str, C: int, h: int, grid: int, n: int | None = None, s: int = 2, leading: int = 0, fused: bool = False
) -> nn.Module:
    """Build a variant's mixer for maps of grid x grid tokens with C channels; `n` is for agents alone, `s` for spatial reduction."""
    n = agents_of(grid) if n is None else n
    if variant == "sra" and leading:
        return SpatialReductionBesideClass(C, h, grid, s, fused)
    mixers = {
        "agent": lambda: AgentAttention(C, h, grid, n, True, leading, fused),
        "bare": lambda: AgentAttention(C, h, grid, n, False, leading, fused),
        "swapped": lambda: SwappedAttention(C, h, grid, n, leading, fused),
        "mha": lambda: DenseAttention(C, h, fused),
        "sra": lambda: SpatialReductionAttention(C, h, s, fused) if s > 1 else DenseAttention(C, h, fused),
        "linear": lambda: LinearAttention(C, h),
    }
    return mixers[variant]()
