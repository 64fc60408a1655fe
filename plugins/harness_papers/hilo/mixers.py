"""HiLo attention and the token mixers it argues against, on feature maps: (B, H, W, C) -> (B, H, W, C).

The paper's symbols: N = H W tokens, C channels, h heads of width d = C / h, s the side of a window, alpha the share of heads that are Lo-Fi.
Every mixer goes through the same `attend` and has biases on its projections, as in the authors' benchmark. Dense attention, PVT's and Linformer's
are the family's, in `_kit/attention`.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from harness_papers._kit.attention.mixers import DenseAttention, Linformer, SpatialReductionAttention, attend, merge_heads, split_heads

ALPHA = {"hilo": 0.9, "even": 0.5, "hifi": 0.0, "lofi": 1.0}
"""Share of Lo-Fi heads of each variant; a published size may ask for another."""


def to_windows(x: torch.Tensor, s: int) -> torch.Tensor:
    """(B, H, W, C) -> (B, H W / s^2, s^2, C)."""
    return x.unflatten(2, (-1, s)).unflatten(1, (-1, s)).transpose(2, 3).flatten(3, 4).flatten(1, 2)


def from_windows(x: torch.Tensor, height: int, s: int) -> torch.Tensor:
    """(B, H W / s^2, s^2, C) -> (B, H, W, C)."""
    return x.unflatten(2, (s, s)).unflatten(1, (height // s, -1)).transpose(2, 3).flatten(3, 4).flatten(1, 2)


def pad_to_multiple(x: torch.Tensor, s: int) -> torch.Tensor:
    """Add zeros below and on the right of (B, H, W, C) until s divides H and W."""
    down, right = (-side % s for side in x.shape[1:3])
    return F.pad(x, (0, 0, 0, right, 0, down)) if down or right else x


class HiFi(nn.Module):
    """High frequencies: heads that attend inside s x s windows, without shift or position."""

    def __init__(self, C: int, C_h: int, h: int, s: int, qkv_bias: bool, fused: bool) -> None:
        super().__init__()
        self.h, self.s, self.fused = h, s, fused
        self.qkv = nn.Linear(C, 3 * C_h, bias=qkv_bias)
        self.proj = nn.Linear(C_h, C_h)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, H, W, C) -> (B, H, W, C_h)."""
        q, k, v = split_heads(to_windows(self.qkv(x), self.s), 3 * self.h).chunk(3, dim=-3)  # (B, N/s^2, h, s^2, d) each
        y = merge_heads(attend(q, k, v, self.fused))  # (B, N/s^2, s^2, C_h)
        return self.proj(from_windows(y, x.shape[1], self.s))


class LoFi(nn.Module):
    """Low frequencies: heads whose queries, at every position, attend to the means of s x s windows."""

    def __init__(self, C: int, C_l: int, h: int, s: int, qkv_bias: bool, fused: bool) -> None:
        super().__init__()
        self.h, self.s, self.fused = h, s, fused
        self.q = nn.Linear(C, C_l, bias=qkv_bias)
        self.kv = nn.Linear(C, 2 * C_l, bias=qkv_bias)
        self.proj = nn.Linear(C_l, C_l)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, H, W, C) -> (B, H, W, C_l)."""
        pooled = F.avg_pool2d(x.movedim(-1, 1), self.s).movedim(1, -1) if self.s > 1 else x  # (B, H/s, W/s, C)
        q = split_heads(self.q(x).flatten(1, 2), self.h)  # (B, h, N, d)
        k, v = split_heads(self.kv(pooled).flatten(1, 2), 2 * self.h).chunk(2, dim=1)  # (B, h, N/s^2, d)
        return self.proj(merge_heads(attend(q, k, v, self.fused)).unflatten(1, x.shape[1:3]))


class HiLo(nn.Module):
    """HiLo attention: L = int(alpha h) heads are Lo-Fi, the other h - L are Hi-Fi; the two outputs lie side by side.

    With alpha = 0 there are only windows, with alpha = 1 only pooled keys. With s = 1 all heads are Lo-Fi and nothing is pooled: standard attention.
    """

    def __init__(self, C: int, h: int, s: int = 2, alpha: float = 0.9, qkv_bias: bool = True, fused: bool = False) -> None:
        super().__init__()
        L = h if s == 1 else int(alpha * h)
        C_l = L * (C // h)
        self.s = s
        self.hifi = HiFi(C, C - C_l, h - L, s, qkv_bias, fused) if h > L else None
        self.lofi = LoFi(C, C_l, L, s, qkv_bias, fused) if L else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, H, W, C) -> (B, H, W, C); sides that s does not divide are padded on the way."""
        H, W = x.shape[1:3]
        x = pad_to_multiple(x, self.s)
        y = [half(x) for half in (self.hifi, self.lofi) if half is not None]
        return torch.cat(y, dim=-1)[:, :H, :W] if len(y) > 1 else y[0][:, :H, :W]


class WindowAttention(nn.Module):
    """Swin: attention inside w x w windows with a learned bias for each relative position; `shift` moves the windows by as many tokens."""

    def __init__(self, C: int, h: int, grid: int, w: int = 7, shift: int = 0, fused: bool = False) -> None:
        super().__init__()
        self.h, self.w, self.shift, self.fused = h, w, shift, fused
        self.qkv = nn.Linear(C, 3 * C)
        self.proj = nn.Linear(C, C)
        self.relative = nn.Parameter(torch.zeros(h, (2 * w - 1) ** 2))
        nn.init.trunc_normal_(self.relative, std=0.02)
        self.register_buffer("index", relative_positions(w), persistent=False)  # (w^2, w^2)
        self.register_buffer("mask", shift_mask(grid, w, shift) if shift else None, persistent=False)  # (N/w^2, 1, w^2, w^2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, H, W, C) -> (B, H, W, C), on the grid it was built for."""
        if self.shift:
            x = x.roll((-self.shift, -self.shift), dims=(1, 2))
        q, k, v = split_heads(to_windows(self.qkv(x), self.w), 3 * self.h).chunk(3, dim=-3)  # (B, N/w^2, h, w^2, d) each
        bias = self.relative[:, self.index]  # (h, w^2, w^2)
        y = merge_heads(attend(q, k, v, self.fused, bias if self.mask is None else bias + self.mask))  # (B, N/w^2, w^2, C)
        y = self.proj(from_windows(y, x.shape[1], self.w))
        return y.roll((self.shift, self.shift), dims=(1, 2)) if self.shift else y


def relative_positions(w: int) -> torch.Tensor:
    """Number the (2w - 1)^2 relative positions of two tokens of a window: (w^2, w^2)."""
    place = torch.stack(torch.meshgrid(torch.arange(w), torch.arange(w), indexing="ij")).flatten(1)  # (2, w^2)
    down, right = place[:, :, None] - place[:, None, :] + w - 1  # (w^2, w^2) each, 0 to 2w - 2
    return down * (2 * w - 1) + right


def shift_mask(grid: int, w: int, shift: int) -> torch.Tensor:
    """Forbid tokens that only the cyclic shift has made neighbours to see each other: 0 or -100, (grid^2 / w^2, 1, w^2, w^2)."""
    line = torch.arange(grid)
    part = (line >= grid - w).long() + (line >= grid - shift).long()  # before the last window, in it, wrapped round
    region = to_windows((3 * part[:, None] + part)[None, :, :, None], w)[0, :, :, 0]  # (grid^2 / w^2, w^2)
    return torch.where(region[:, None, :, None] == region[:, None, None, :], 0.0, -100.0)


class CrossCovarianceAttention(nn.Module):
    """XCiT: the channels of a head attend to each other over a d x d map of their correlations."""

    def __init__(self, C: int, h: int) -> None:
        super().__init__()
        self.h = h
        self.qkv = nn.Linear(C, 3 * C)
        self.proj = nn.Linear(C, C)
        self.temperature = nn.Parameter(torch.ones(h, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, H, W, C) -> (B, H, W, C)."""
        q, k, v = split_heads(self.qkv(x).flatten(1, 2), 3 * self.h).chunk(3, dim=1)  # (B, h, N, d) each
        q, k = F.normalize(q, dim=-2), F.normalize(k, dim=-2)
        weights = (self.temperature * (q.mT @ k)).softmax(-1)  # (B, h, d, d)
        return self.proj(merge_heads(v @ weights.mT).unflatten(1, x.shape[1:3]))


def fitting_window(grid: int) -> int:
    """Return the side of Swin's windows: 7, or the largest below it that divides the grid."""
    return next(w for w in range(7, 0, -1) if grid % w == 0)


def build_mixer(
    variant: str, C: int, h: int, grid: int, alpha: float | None = None, qkv_bias: bool = True, fused: bool = False
) -> nn.Module:
    """Build a variant's mixer for maps of grid x grid tokens with C channels; `alpha` and `qkv_bias` are HiLo's alone."""
    if variant in ALPHA:
        return HiLo(C, h, 2, ALPHA[variant] if alpha is None else alpha, qkv_bias, fused)
    w = fitting_window(grid)
    baselines = {
        "mha": lambda: DenseAttention(C, h, fused),
        "sra": lambda: SpatialReductionAttention(C, h, 2, fused),
        "window": lambda: WindowAttention(C, h, grid, w, 0, fused),
        "swin": lambda: WindowAttention(C, h, grid, w, w // 2, fused),
        "xca": lambda: CrossCovarianceAttention(C, h),
        "linformer": lambda: Linformer(C, h, grid, 256, fused),
    }
    return baselines[variant]()
