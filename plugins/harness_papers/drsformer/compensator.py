"""MEFC, the mixture of experts feature compensator: convolutions of eight kinds, weighted by a gate that sees the whole image."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

STEPS = 4
SEPARABLE = (1, 3, 5, 7)
DILATED = (3, 5, 7)
POOL = 3
DILATION = 2
EXPERTS = len(SEPARABLE) + len(DILATED) + 1


def depthwise(C: int, kernel: int, dilation: int = 1) -> nn.Conv2d:
    """Return a depth-wise convolution that keeps the map's size."""
    return nn.Conv2d(C, C, kernel, padding=dilation * (kernel // 2), dilation=dilation, groups=C, bias=False)


def pointwise(C_in: int, C_out: int) -> nn.Conv2d:
    """Return a 1x1 convolution."""
    return nn.Conv2d(C_in, C_out, 1, bias=False)


def experts(C: int) -> nn.ModuleList:
    """Return the eight experts: separable convolutions, applied twice; dilated ones; and an average that does not count padding."""
    separable = [nn.Sequential(depthwise(C, k), pointwise(C, C), nn.ReLU(), depthwise(C, k), pointwise(C, C)) for k in SEPARABLE]
    dilated = [nn.Sequential(depthwise(C, k, DILATION), pointwise(C, C)) for k in DILATED]
    return nn.ModuleList([*separable, *dilated, nn.AvgPool2d(POOL, stride=1, padding=1, count_include_pad=False)])


class Step(nn.Module):
    """Eight experts side by side, weighted and brought back to C channels.

    Args:
        C: Channels.
    """

    def __init__(self, C: int) -> None:
        super().__init__()
        self.experts = experts(C)
        self.project_out = pointwise(EXPERTS * C, C)

    def forward(self, x: Tensor, weights: Tensor) -> Tensor:
        """Return (B, C, H, W), given a weight for each expert (B, 8)."""
        found = [w[:, None, None, None] * expert(x) for w, expert in zip(weights.unbind(1), self.experts, strict=True)]
        return F.relu(self.project_out(torch.cat(found, 1)))


class Compensator(nn.Module):
    """Four steps of experts, each added to what it was given.

    Args:
        C: Channels.
    """

    def __init__(self, C: int) -> None:
        super().__init__()
        outputs = STEPS * EXPERTS
        self.gate = nn.Sequential(nn.Linear(C, 2 * outputs), nn.ReLU(), nn.Linear(2 * outputs, outputs))
        self.project_in = pointwise(C, C)
        self.steps = nn.ModuleList([Step(C) for _ in range(STEPS)])

    def forward(self, x: Tensor) -> Tensor:
        """Compensate: (B, C, H, W) -> (B, C, H, W)."""
        weights = self.weights(x)
        x = F.relu(self.project_in(x))
        for i, step in enumerate(self.steps):
            x = F.relu(x + step(x, weights[:, i]))
        return x

    def weights(self, x: Tensor) -> Tensor:
        """Return how much each expert counts in each step, from the mean over all pixels: (B, 4, 8), summing to 1 over the experts."""
        scores: Tensor = self.gate(x.mean((2, 3)))
        return scores.view(-1, STEPS, EXPERTS).softmax(-1)
