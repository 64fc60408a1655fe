"""The network f: a residual as an image to a direction, an approximation of A^-1 r up to a factor."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

PAIRS = {"N64": (2, 3, 2), "N128": (3, 5, 3)}
"""Pairs of convolutions before pooling, at half resolution, and after, in the authors' two networks."""


class DirectionNet(nn.Module):
    """Convolutions of one width at full and at half resolution; everything but the first and the last layer has a ReLU.

    Args:
        dims: 2 or 3.
        channels: Of every layer.
        pairs: One of `PAIRS`.
    """

    def __init__(self, dims: int = 2, channels: int = 16, pairs: tuple[int, int, int] = PAIRS["N64"]) -> None:
        super().__init__()
        Conv = nn.Conv2d if dims == 2 else nn.Conv3d
        self.pool = F.avg_pool2d if dims == 2 else F.avg_pool3d

        def convolutions(count: int) -> nn.ModuleList:
            return nn.ModuleList(Conv(channels, channels, 3, padding=1) for _ in range(count))

        before, half, after = pairs
        self.dims = dims
        self.first = Conv(1, channels, 3, padding=1)
        self.before, self.coarse, self.after = convolutions(2 * before), convolutions(2 * half), convolutions(2 * after)
        self.last = Conv(channels, 1, 1)

    def forward(self, r: Tensor) -> Tensor:
        """Return (B, 1, N, ..., N) for unit residuals of the same shape; N is even."""
        a = self.before[0](self.first(r)).relu()
        a = _residual(a, self.before[1:-1])
        b = self.before[-1](a).relu()  # (B, C, N, ..., N)
        c = _residual(self.pool(b, 2), self.coarse)  # (B, C, N/2, ..., N/2)
        up = F.interpolate(c, scale_factor=2) + b
        return self.last(_residual(up, self.after))


def _residual(a: Tensor, layers: nn.ModuleList) -> Tensor:
    """Apply pairs of layers, a <- relu(second(relu(first(a)))) + a."""
    for first, second in zip(layers[::2], layers[1::2], strict=True):
        a = second(first(a).relu()).relu() + a
    return a


def best_step_loss(y: Tensor, b: Tensor, A: Tensor) -> Tensor:
    """Return the mean of ||b - alpha A y||^2 with the best step alpha = <y, b> / <y, A y>, in which no factor of y counts.

    Args:
        y: What the network makes of b, (B, n).
        b: Unit vectors, (B, n).
        A: Sparse, (n, n).
    """
    Ay = (A @ y.T).T
    alpha = (y * b).sum(1) / (y * Ay).sum(1)
    return (b - alpha[:, None] * Ay).square().sum(1).mean()
