"""Backbones, which the paper takes as they are: maps C2 to C5 at a quarter to a thirty-second of the image's resolution."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn


def conv_norm(before: int, after: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """Return a convolution without bias and a batch norm."""
    conv = nn.Conv2d(before, after, kernel, stride, kernel // 2, groups=groups, bias=False)
    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
    return nn.Sequential(conv, nn.BatchNorm2d(after))


def conv_norm_relu(before: int, after: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """Return a convolution without bias, a batch norm and a ReLU."""
    return nn.Sequential(*conv_norm(before, after, kernel, stride), nn.ReLU())


class Bottleneck(nn.Module):
    """ResNet's block of three convolutions, the stride in the second: (B, before, H, W) -> (B, 4 width, H / stride, W / stride)."""

    def __init__(self, before: int, width: int, stride: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            conv_norm_relu(before, width, 1), conv_norm_relu(width, width, 3, stride), conv_norm(width, 4 * width, 1)
        )
        self.shortcut = nn.Identity() if before == 4 * width else conv_norm(before, 4 * width, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Add the branch to the shortcut."""
        return torch.relu(self.branch(x) + self.shortcut(x))


class ResNet(nn.Module):
    """A residual network without its classifier.

    Args:
        depths: Blocks of each of the four stages.
        width: Of the stem and of the first stage's inner convolutions; 64 in ResNet-50.
    """

    def __init__(self, depths: tuple[int, ...], width: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(conv_norm_relu(3, width, 7, 2), nn.MaxPool2d(3, 2, 1))
        self.channels = tuple(4 * width * 2**i for i in range(len(depths)))
        self.stages = nn.ModuleList()
        before = width
        for i, depth in enumerate(depths):
            blocks = []
            for j in range(depth):
                blocks.append(Bottleneck(before, width * 2**i, 2 if i and not j else 1))
                before = self.channels[i]
            self.stages.append(nn.Sequential(*blocks))

    def forward(self, x: Tensor) -> list[Tensor]:
        """(B, 3, H, W) -> C2 to C5, finest first."""
        x, maps = self.stem(x), []
        for stage in self.stages:
            maps.append(x := stage(x))
        return maps


class ConcatBlock(nn.Module):
    """STDC's block: four convolutions one after the other, each half as wide as the one before, side by side in the output."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.first = conv_norm_relu(before, after // 2, 1)
        shrinks = stride == 2
        self.shrink = conv_norm(after // 2, after // 2, 3, 2, groups=after // 2) if shrinks else nn.Identity()
        self.skip = nn.AvgPool2d(3, 2, 1) if shrinks else nn.Identity()
        widths = (after // 2, after // 4, after // 8, after // 8)
        self.rest = nn.ModuleList([conv_norm_relu(a, b, 3) for a, b in itertools.pairwise(widths)])

    def forward(self, x: Tensor) -> Tensor:
        """(B, before, H, W) -> (B, after, H / stride, W / stride)."""
        first = self.first(x)
        parts, x = [self.skip(first)], self.shrink(first)
        for conv in self.rest:
            parts.append(x := conv(x))
        return torch.cat(parts, 1)


class STDC(nn.Module):
    """Short-term dense concatenation network, without its last convolution and classifier.

    Args:
        depths: Blocks of each of the three stages: 2, 2, 2 in STDC1 and 4, 5, 3 in STDC2.
        width: Of the map at a quarter of the resolution.
    """

    def __init__(self, depths: tuple[int, ...], width: int = 64) -> None:
        super().__init__()
        self.channels = (width, 4 * width, 8 * width, 16 * width)
        self.stages = nn.ModuleList([nn.Sequential(conv_norm_relu(3, width // 2, 3, 2), conv_norm_relu(width // 2, width, 3, 2))])
        for depth, before, after in zip(depths, self.channels, self.channels[1:], strict=False):
            blocks = [ConcatBlock(before, after, 2), *(ConcatBlock(after, after, 1) for _ in range(depth - 1))]
            self.stages.append(nn.Sequential(*blocks))

    def forward(self, x: Tensor) -> list[Tensor]:
        """(B, 3, H, W) -> C2 to C5, finest first."""
        maps = []
        for stage in self.stages:
            maps.append(x := stage(x))
        return maps


def build_backbone(name: str) -> ResNet | STDC:
    """Return the backbone called `name`: `r50`, `stdc1`, `stdc2`, or `tiny`, which small images are learnt with."""
    match name:
        case "r50":
            return ResNet((3, 4, 6, 3), 64)
        case "stdc1":
            return STDC((2, 2, 2))
        case "stdc2":
            return STDC((4, 5, 3))
        case "tiny":
            return ResNet((1, 1, 1, 1), 32)
    raise ValueError(name)
