"""The network: four levels of blocks in a U, as in Restormer."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .blocks import Block, ChannelAttention, attention
from .compensator import Compensator
from .setting import LAYER_DIM, PARTS, PLANS, Parts, Plan

MULTIPLE = 8
"""Three times halved, sides must still be whole."""


def build(variant: str, scale: str) -> Restorer:
    """Return a variant at a scale."""
    return Restorer(PLANS[scale], PARTS[variant])


def attention_layer(variant: str) -> ChannelAttention:
    """Return a variant's attention at full resolution, of the published width, by itself."""
    return attention(LAYER_DIM, PLANS["paper"].heads[0], PARTS[variant])


class Restorer(nn.Module):
    """A network that is given a rainy image and adds what it finds to it: (B, 3, H, W) -> (B, 3, H, W), of any height and width from 8.

    Args:
        plan: Dimensions.
        parts: What it is made of.
    """

    def __init__(self, plan: Plan, parts: Parts) -> None:
        super().__init__()
        C1, C2, C3, C4 = (plan.dim * 2**level for level in range(4))

        def level(C: int, i: int) -> nn.Sequential:
            return nn.Sequential(*[Block(C, plan.heads[i], parts) for _ in range(plan.blocks[i])])

        self.embed = convolution(3, C1)
        self.first = Compensator(C1) if parts.experts else nn.Identity()
        self.encoder = nn.ModuleList([level(C1, 0), level(C2, 1), level(C3, 2)])
        self.down = nn.ModuleList([down(C1), down(C2), down(C3)])
        self.latent = level(C4, 3)
        self.up = nn.ModuleList([up(C4), up(C3), up(C2)])
        # At full resolution the skip is not reduced: the decoder has 2C channels there.
        self.reduce = nn.ModuleList([nn.Conv2d(C4, C3, 1, bias=False), nn.Conv2d(C3, C2, 1, bias=False), nn.Identity()])
        self.decoder = nn.ModuleList([level(C3, 2), level(C2, 1), level(C2, 0)])
        self.refine = level(C2, 0) if parts.refined else nn.Identity()
        self.last = Compensator(C2) if parts.experts else nn.Identity()
        self.output = convolution(C2, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Take the rain off images in [0, 1]; sides that 8 does not divide are padded by reflection."""
        H, W = x.shape[-2:]
        if H % MULTIPLE or W % MULTIPLE:
            x = F.pad(x, (0, -W % MULTIPLE, 0, -H % MULTIPLE), mode="reflect")
        x = x + self.output(self.last(self.refine(self.features(x))))
        return x[..., :H, :W]

    def features(self, x: Tensor) -> Tensor:
        """Return what the decoder makes of images: (B, 2C, H, W)."""
        f: Tensor = self.first(
            self.embed(x.contiguous(memory_format=torch.channels_last))
        )  # depth-wise convolutions are faster so on a CPU
        skips = []
        for blocks, halve in zip(self.encoder, self.down, strict=True):
            f = blocks(f)
            skips.append(f)
            f = halve(f)
        f = self.latent(f)
        for double, reduce, blocks in zip(self.up, self.reduce, self.decoder, strict=True):
            f = blocks(reduce(torch.cat([double(f), skips.pop()], 1)))
        return f


def convolution(C_in: int, C_out: int) -> nn.Conv2d:
    """Return a 3x3 convolution without bias."""
    return nn.Conv2d(C_in, C_out, 3, padding=1, bias=False)


def down(C: int) -> nn.Sequential:
    """Return (B, C, H, W) -> (B, 2C, H/2, W/2)."""
    return nn.Sequential(convolution(C, C // 2), nn.PixelUnshuffle(2))


def up(C: int) -> nn.Sequential:
    """Return (B, C, H, W) -> (B, C/2, 2H, 2W)."""
    return nn.Sequential(convolution(C, 2 * C), nn.PixelShuffle(2))
