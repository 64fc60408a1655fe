"""The network around the mixers: SOFT's pyramid, with any mixer in its first three stages. Images (B, 3, 224, 224) in, logits out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from harness_papers._kit.attention.mixers import DenseAttention
from harness_papers._kit.attention.network import Block, OneBlock, initialize, layer_size, setting_of

from .mixers import build_mixer
from .plans import CHANNELS, CLASSES, LANDMARKS_A_SIDE, LAST, LAST_HEADS, PLANS, STEM, Plan

EPS = 1e-6
"""Of the norms of the last stage."""

Mixer = Callable[..., nn.Module]
"""Builds a token mixer from channels, heads and tokens a side, and from `r` and `s` by name."""


def build(variant: str, scale: str, params: Mapping[str, Any]) -> nn.Module:
    """Build the layer, the family's small network or the published one that `params["config"]` names, with the variant's way of mixing tokens."""
    config = params["config"]
    mixer = partial(build_mixer, variant, fused=params["kernel"] == "fused")
    if config == "layer":
        return mixer(*layer_size(scale, params.get("channels")), params["resolution"])
    if config in PLANS:
        return SoftPyramid(PLANS[config], mixer)
    return OneBlock(setting_of(config, scale), mixer)


class Mlp(nn.Module):
    """A feed-forward layer four times as wide as its input."""

    def __init__(self, C: int, approximate: str) -> None:
        super().__init__()
        self.fc1 = nn.Linear(C, 4 * C)
        self.fc2 = nn.Linear(4 * C, C)
        self.approximate = approximate

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, H, W, C) -> (B, H, W, C)."""
        return self.fc2(F.gelu(self.fc1(x), approximate=self.approximate))


class PostNormBlock(nn.Module):
    """x = norm(x + attention(x)), then x = norm(x + mlp(x)): norms come after the sums."""

    def __init__(self, C: int, attention: nn.Module) -> None:
        super().__init__()
        self.attention, self.norm_attention = attention, nn.LayerNorm(C)
        self.mlp, self.norm_mlp = Mlp(C, "tanh"), nn.LayerNorm(C)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, H, W, C) -> (B, H, W, C)."""
        x = self.norm_attention(x + self.attention(x))
        return self.norm_mlp(x + self.mlp(x))


def convolution(before: int, C: int, stride: int) -> nn.Sequential:
    """Return a 3x3 convolution of maps (B, channels, H, W), with batch norm and ReLU."""
    return nn.Sequential(nn.Conv2d(before, C, 3, stride, 1), nn.BatchNorm2d(C), nn.ReLU())


class Smaller(nn.Module):
    """Convolutions to the next stage's map, and a learned embedding of each of its places."""

    def __init__(self, grid: int, C: int, *convolutions: nn.Module) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(*convolutions)
        self.place = nn.Parameter(torch.empty(grid, grid, C))
        nn.init.trunc_normal_(self.place, std=0.02)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, H, W, C) -> (B, grid, grid, C')."""
        return self.convolutions(x.movedim(-1, 1)).movedim(1, -1) + self.place


class LastStage(nn.Module):
    """Ordinary attention with a class token over the smallest map, a norm, and a classifier on the class token."""

    def __init__(self, before: int, depth: int) -> None:
        super().__init__()
        N = LANDMARKS_A_SIDE**2
        self.smaller = convolution(before, LAST, 2)
        self.first, self.place = nn.Parameter(torch.empty(LAST)), nn.Parameter(torch.empty(1, 1 + N, LAST))
        for parameter in (self.first, self.place):
            nn.init.trunc_normal_(parameter, std=0.02)
        self.blocks = nn.Sequential(*(Block(LAST, DenseAttention(LAST, LAST_HEADS), Mlp(LAST, "none")) for _ in range(depth)))
        self.norm = nn.LayerNorm(LAST)
        self.classify = nn.Linear(LAST, CLASSES)
        for module in self.modules():
            if isinstance(module, nn.LayerNorm):
                module.eps = EPS

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, 14, 14, C) -> (B, 1000)."""
        patches = self.smaller(x.movedim(-1, 1)).flatten(-2).mT  # (B, 49, 512)
        tokens = torch.cat((self.first.expand(len(x), 1, -1), patches), dim=1)[:, None] + self.place  # (B, 1, 50, 512)
        return self.classify(self.norm(self.blocks(tokens)[:, 0, 0]))


class SoftPyramid(nn.Module):
    """SOFT's network: three stages of softmax-free attention on 56x56, 28x28 and 14x14 tokens, and one of ordinary attention on 7x7.

    Args:
        plan: Dimensions.
        mixer: Is told `r` and `s`.
    """

    def __init__(self, plan: Plan, mixer: Mixer) -> None:
        super().__init__()
        blocks: list[nn.Module] = []
        before = 0
        for stage in plan.stages():
            C, grid = stage.C, stage.grid
            steps = [convolution(before, C, 2)] if before else stem(C)
            blocks.append(Smaller(grid, C, *steps))
            blocks += [PostNormBlock(C, mixer(C, stage.h, grid, r=stage.r, s=stage.r)) for _ in range(stage.depth)]
            before = C
        self.blocks = nn.Sequential(*blocks)  # (B, H, W, C) between them
        self.last = LastStage(before, plan.depths[3])
        self.apply(initialize)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(B, 3, 224, 224) -> (B, 1000)."""
        return self.last(self.blocks(images.movedim(1, -1)))


def stem(C: int) -> list[nn.Module]:
    """Return three convolutions that make maps a quarter as wide and high of images."""
    return [convolution(CHANNELS, STEM, 2), convolution(STEM, STEM, 1), convolution(STEM, C, 2)]
