"""Softmax-free attention and what it is held against. Maps (B, H, W, C) -> (B, H, W, C).

The paper's symbols: N = H W tokens, C channels, h heads of width d = C / h, m landmarks, P and A the kernels of queries with landmarks and of
landmarks with each other. Dense attention, PVT's and Linformer's are the family's, in `_kit/attention`.
"""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional as F

from harness_papers._kit.attention.mixers import DenseAttention, Linformer, SpatialReductionAttention, attend, merge_heads, split_heads

from .kernel import NewtonInverse, gaussian, newton
from .plans import LANDMARKS_A_SIDE, STEPS

NYSTROM_STEPS = 6
"""Of the iteration by which Nystromformer inverts."""
LEAST_FEATURES = 64
"""Of Performer; wide heads have d ln d, as its authors advise."""


class Near(nn.Module):
    """A depthwise convolution of the values: one k x k filter a head, the same for all of its channels."""

    def __init__(self, h: int, k: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(h, h, k, padding=k // 2, groups=h, bias=False)

    def forward(self, v: torch.Tensor, sides: tuple[int, int]) -> torch.Tensor:
        """(B, h, N, d) -> (B, h, N, d)."""
        folded = v.permute(0, 3, 1, 2).unflatten(-1, sides)  # (B, d, h, H, W)
        y = self.conv(folded.flatten(0, 1)).unflatten(0, folded.shape[:2])
        return y.flatten(-2).permute(0, 2, 3, 1)


class GaussianAttention(nn.Module):
    """Every token looks at every other through a Gaussian kernel of their tied queries, without normalization: S V, S_ij = exp(-|q_i - q_j|^2 / 2).

    Args:
        C: Channels.
        h: Heads.
        k: Side of the depthwise convolution of the values.
    """

    def __init__(self, C: int, h: int, k: int) -> None:
        super().__init__()
        self.h = h
        self.q = nn.Linear(C, C)
        self.v = nn.Linear(C, C)
        self.near = Near(h, k)
        self.proj = nn.Linear(C, C)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, H, W, C) -> (B, H, W, C)."""
        sides = (x.shape[1], x.shape[2])
        v = split_heads(self.v(x).flatten(1, 2), self.h)  # (B, h, N, d)
        y = self.far(self.queries(x), v, sides) + self.near(v, sides)
        return self.proj(merge_heads(y).unflatten(1, sides))

    def queries(self, x: torch.Tensor) -> torch.Tensor:
        """(B, H, W, C) -> (B, h, N, d), which are the keys too: scaled by d^-1/4, so that squared distances are by d^-1/2."""
        q = split_heads(self.q(x).flatten(1, 2), self.h)
        return q * q.shape[-1] ** -0.25

    def far(self, q: torch.Tensor, v: torch.Tensor, sides: tuple[int, int]) -> torch.Tensor:
        """Return S V: (B, h, N, d)."""
        return gaussian(q, q) @ v


class SoftAttention(GaussianAttention):
    """SOFT: the kernel matrix by Nystrom's method, S = P A^+ P^T, with landmarks from a strided convolution.

    Args:
        C: Channels.
        h: Heads.
        r: Side and stride of the convolution: there are N / r^2 landmarks.
        k: Side of the depthwise convolution of the values.
        normalize: Whether A^+ becomes D^-1/2 A^+ D^-1/2, with D the row sums of A.
        unrolled: Whether the gradient goes back through Newton's steps.
    """

    def __init__(self, C: int, h: int, r: int, k: int, normalize: bool = False, unrolled: bool = False) -> None:
        super().__init__(C, h, k)
        self.normalize, self.unrolled = normalize, unrolled
        d = C // h
        self.reduce = nn.Conv2d(d, d, r, stride=r, bias=False)
        self.norm = nn.LayerNorm(d)

    def far(self, q: torch.Tensor, v: torch.Tensor, sides: tuple[int, int]) -> torch.Tensor:
        """Return P (A^+ (P^T V)): (B, h, N, d)."""
        P, X = self.factors(q, self.landmarks(q, sides))
        return P @ (X @ (P.mT @ v))

    def landmarks(self, q: torch.Tensor, sides: tuple[int, int]) -> torch.Tensor:
        """(B, h, N, d) -> (B, h, m, d)."""
        maps = self.reduce(q.flatten(0, 1).mT.unflatten(-1, sides))  # (B h, d, H / r, W / r)
        return F.gelu(self.norm(maps.flatten(-2).mT)).unflatten(0, q.shape[:2])

    def factors(self, q: torch.Tensor, landmarks: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return P (B, h, N, m) and A^+ (B, h, m, m), normalized or not."""
        P, A = gaussian(q, landmarks), gaussian(landmarks, landmarks)
        X = newton(A, STEPS) if self.unrolled else NewtonInverse.apply(A, STEPS)
        if self.normalize:
            scale = A.sum(-1).rsqrt()  # (B, h, m)
            X = scale[..., None] * X * scale[..., None, :]
        return P, X


class NystromAttention(nn.Module):
    """Nystromformer: softmax attention by Nystrom's method, with landmarks that are means of r x r cells."""

    def __init__(self, C: int, h: int, r: int, k: int, fused: bool = False) -> None:
        super().__init__()
        self.h, self.r, self.fused = h, r, fused
        self.qkv = nn.Linear(C, 3 * C)
        self.near = Near(h, k)
        self.proj = nn.Linear(C, C)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, H, W, C) -> (B, H, W, C)."""
        sides = (x.shape[1], x.shape[2])
        q, k, v = split_heads(self.qkv(x).flatten(1, 2), 3 * self.h).chunk(3, dim=1)  # (B, h, N, d) each
        means = (F.avg_pool2d(t.flatten(0, 1).mT.unflatten(-1, sides), self.r) for t in (q, k))
        q_m, k_m = (t.flatten(-2).mT.unflatten(0, q.shape[:2]) for t in means)  # (B, h, m, d)
        A = (q_m * q.shape[-1] ** -0.5 @ k_m.mT).softmax(-1)
        y = attend(q, k_m, third_order_inverse(A) @ attend(q_m, k, v, self.fused), self.fused)
        return self.proj(merge_heads(y + self.near(v, sides)).unflatten(1, sides))


def third_order_inverse(A: torch.Tensor) -> torch.Tensor:
    """Return the pseudo-inverse of matrices (..., m, m) with rows of sum 1, as Nystromformer finds it."""
    one = torch.eye(A.shape[-1], dtype=A.dtype, device=A.device)
    Z = A.mT / A.sum(-2).amax(-1)[..., None, None]
    for _ in range(NYSTROM_STEPS):
        AZ = A @ Z
        Z = Z @ (13 * one - AZ @ (15 * one - AZ @ (7 * one - AZ))) / 4
    return Z


class PerformerAttention(nn.Module):
    """Performer: softmax attention by positive random features, drawn once, orthogonal within a block of d."""

    def __init__(self, C: int, h: int) -> None:
        super().__init__()
        self.h = h
        self.qkv = nn.Linear(C, 3 * C)
        self.proj = nn.Linear(C, C)
        self.register_buffer("W", orthogonal_features(C // h))
        self.W: torch.Tensor

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, H, W, C) -> (B, H, W, C)."""
        q, k, v = split_heads(self.qkv(x).flatten(1, 2), 3 * self.h).chunk(3, dim=1)  # (B, h, N, d) each
        q, k = self.features(q, (-1,)), self.features(k, (-1, -2))  # (B, h, N, M)
        norm = q @ k.sum(-2, keepdim=True).mT  # (B, h, N, 1)
        return self.proj(merge_heads(q @ (k.mT @ v) / norm).unflatten(1, x.shape[1:3]))

    def features(self, t: torch.Tensor, together: tuple[int, ...]) -> torch.Tensor:
        """Return exp(w t - |t|^2 / 2) for each feature w, up to a factor common to `together`, which the norm takes away."""
        t = t * t.shape[-1] ** -0.25
        exponent = t @ self.W.mT - t.square().sum(-1, keepdim=True) / 2
        return (exponent - exponent.amax(together, keepdim=True)).exp() + 1e-4  # as in Performer, so that no norm is zero


def orthogonal_features(d: int) -> torch.Tensor:
    """Draw random directions with the lengths of Gaussian vectors: (M, d)."""
    M = max(LEAST_FEATURES, round(d * math.log(d)))
    blocks = torch.linalg.qr(torch.randn(-(-M // d), d, d)).Q
    return blocks.flatten(0, 1)[:M] * torch.randn(M, d).norm(dim=-1, keepdim=True)


def reduction(grid: int) -> int:
    """Return the side of a landmark's cell where no published network says so: the first of 2, 4, 8 ... that leaves no more than 49 landmarks."""
    r = 2
    while grid // r > LANDMARKS_A_SIDE:
        r *= 2
    return r


def build_mixer(variant: str, C: int, h: int, grid: int, r: int | None = None, s: int = 2, fused: bool = False) -> nn.Module:
    """Build a variant's mixer for maps of grid x grid tokens with C channels; `r` is for landmarks, `s` for spatial reduction."""
    r = reduction(grid) if r is None else r
    k = r | 1  # the next odd number: in the published networks r is 8, 4, 2 and k is 9, 5, 3
    mixers = {
        "soft": lambda: SoftAttention(C, h, r, k),
        "soft_norm": lambda: SoftAttention(C, h, r, k, normalize=True),
        "unrolled": lambda: SoftAttention(C, h, r, k, unrolled=True),
        "gaussian": lambda: GaussianAttention(C, h, k),
        "mha": lambda: DenseAttention(C, h, fused),
        "sra": lambda: SpatialReductionAttention(C, h, s, fused),
        "nystrom": lambda: NystromAttention(C, h, r, k, fused),
        "performer": lambda: PerformerAttention(C, h),
        "linformer": lambda: Linformer(C, h, grid, 256, fused),
    }
    return mixers[variant]()
