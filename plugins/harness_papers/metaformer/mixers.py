"""The token mixers of the paper: (B, H, W, C) -> (B, H, W, C). N = H W tokens, C channels, h heads of width d. None has a bias."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional as F

HEAD_WIDTH = 32
"""d, in every size of the family."""


class RandomMixing(nn.Module):
    """y = R x: every token becomes a mean of all tokens, with random weights that are never trained."""

    def __init__(self, N: int) -> None:
        super().__init__()
        # A parameter, so that it is saved with the others and counted as the authors count it.
        self.R = nn.Parameter(torch.rand(N, N).softmax(-1), requires_grad=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, H, W, C) -> (B, H, W, C), with H W = N."""
        return (self.R @ x.flatten(1, 2)).unflatten(1, x.shape[1:3])


class Pooling(nn.Module):
    """The mean of the 3x3 neighbours that exist, minus the token itself."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, H, W, C) -> (B, H, W, C)."""
        mean = F.avg_pool2d(x.movedim(-1, 1), 3, stride=1, padding=1, count_include_pad=False)
        return mean.movedim(1, -1) - x


class SepConv(nn.Module):
    """Inverted separable convolution: to 2C channels, activation, depthwise 7x7, back to C."""

    def __init__(self, C: int, activation: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.widen = nn.Linear(C, 2 * C, bias=False)
        self.activation = activation()
        self.depthwise = nn.Conv2d(2 * C, 2 * C, 7, padding=3, groups=2 * C, bias=False)
        self.narrow = nn.Linear(2 * C, C, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, H, W, C) -> (B, H, W, C)."""
        y = self.activation(self.widen(x)).movedim(-1, 1)  # (B, 2 C, H, W)
        return self.narrow(self.depthwise(y).movedim(1, -1))


class Attention(nn.Module):
    """Softmax attention of every token to every other, C / 32 heads; with biases it is the ViT's."""

    def __init__(self, C: int, bias: bool = False) -> None:
        super().__init__()
        self.h = C // HEAD_WIDTH
        self.qkv = nn.Linear(C, 3 * C, bias=bias)
        self.proj = nn.Linear(C, C, bias=bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, H, W, C) -> (B, H, W, C)."""
        qkv = self.qkv(x).flatten(1, 2).unflatten(-1, (3, self.h, -1))  # (B, N, 3, h, d)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # (B, h, N, d) each
        y = F.scaled_dot_product_attention(q, k, v).transpose(1, 2)  # (B, N, h, d)
        return self.proj(y.flatten(2).unflatten(1, x.shape[1:3]))
