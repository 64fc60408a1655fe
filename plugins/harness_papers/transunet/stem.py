"""The convolutional stem: a ResNet-50 with standardised weights and group norms, ended at a sixteenth of the resolution."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

GROUP_CHANNELS = 2
"""Channels a group at the narrowest layers: 32 groups of 64 channels. Every norm of a stem has as many groups."""
STANDARD_EPS, GROUP_EPS = 1e-5, 1e-6


class StandardConv(nn.Conv2d):
    """A convolution without bias whose filters are brought to mean 0 and variance 1 each time."""

    def forward(self, x: Tensor) -> Tensor:
        """Convolve with standardised filters."""
        variance, mean = torch.var_mean(self.weight, dim=(1, 2, 3), keepdim=True, correction=0)
        return F.conv2d(x, (self.weight - mean) / torch.sqrt(variance + STANDARD_EPS), None, self.stride, self.padding)


def standard(C_in: int, C_out: int, kernel: int, stride: int = 1) -> StandardConv:
    """Return a standardised convolution that keeps the map's size, but for the stride."""
    return StandardConv(C_in, C_out, kernel, stride, kernel // 2, bias=False)


class Unit(nn.Module):
    """A bottleneck: 1x1, 3x3 and 1x1 convolutions, each with a group norm; ReLU comes last, after the sum.

    Args:
        C_in: Channels it is given.
        C: Channels of its 3x3 convolution; it returns four times as many.
        stride: Of the 3x3 convolution.
        groups: Groups of the norms.
    """

    def __init__(self, C_in: int, C: int, stride: int, groups: int) -> None:
        super().__init__()
        C_out = 4 * C
        self.body = nn.Sequential(
            standard(C_in, C, 1),
            nn.GroupNorm(groups, C, GROUP_EPS),
            nn.ReLU(),
            standard(C, C, 3, stride),
            nn.GroupNorm(groups, C, GROUP_EPS),
            nn.ReLU(),
            standard(C, C_out, 1),
            nn.GroupNorm(groups, C_out, GROUP_EPS),
        )
        changes = stride != 1 or C_in != C_out
        self.shortcut = nn.Sequential(standard(C_in, C_out, 1, stride), nn.GroupNorm(C_out, C_out)) if changes else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, 4C, H / stride, W / stride)."""
        return F.relu(self.shortcut(x) + self.body(x))


class Stem(nn.Module):
    """Convolutions from pixels to a sixteenth of the resolution, (B, 3, H, W) -> (B, 16 width, H/16, W/16), with the maps on the way.

    Args:
        width: Channels of the first convolution.
        units: Bottleneck units of the three stages.
    """

    def __init__(self, width: int, units: tuple[int, int, int]) -> None:
        super().__init__()
        groups = width // GROUP_CHANNELS
        self.root = nn.Sequential(standard(3, width, 7, 2), nn.GroupNorm(groups, width, GROUP_EPS), nn.ReLU())
        self.pool = nn.MaxPool2d(3, 2)  # without padding: a row and a column are lost
        self.stages = nn.ModuleList()
        C_in = width
        for i, count in enumerate(units):
            C = width * 2**i
            stage = nn.Sequential(*[Unit(C_in if k == 0 else 4 * C, C, 2 if i and k == 0 else 1, groups) for k in range(count)])
            self.stages.append(stage)
            C_in = 4 * C

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return the coarsest map and the skips, coarsest first: at H/8, H/4 and H/2."""
        H, W = x.shape[-2:]
        x = self.root(x)
        skips = [x]
        x = self.pool(x)
        for i, stage in enumerate(self.stages[:-1]):
            x = stage(x)
            skips.append(filled(x, H // (4 * 2**i), W // (4 * 2**i)))
        return self.stages[-1](x), skips[::-1]


def filled(x: Tensor, H: int, W: int) -> Tensor:
    """Return a map with zeros below and on the right, (B, C, H, W); the path to the next stage goes on without them."""
    return F.pad(x, (0, W - x.shape[-1], 0, H - x.shape[-2]))
