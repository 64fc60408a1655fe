"""The networks around the mixers: PVT and DeiT, with agents or without. Images (B, 3, size, size) in, logits out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from harness_papers._kit.attention.network import Block, OneBlock, PatchEmbedding, initialize, layer_size, setting_of

from .mixers import build_mixer

Mixer = Callable[..., nn.Module]
"""Builds a token mixer from channels, heads and tokens a side, and from agents `n`, side of reduction `s` and `leading` by name."""

CHANNELS, CLASSES = 3, 1000
"""Of ImageNet."""
EPS = 1e-6
"""Of the norms of blocks in both networks."""


@dataclass(frozen=True)
class Pyramid:
    """Dimensions of a PVT.

    Attributes:
        depths: Blocks of each of the four stages.
        size: Height and width of the images.
    """

    depths: tuple[int, int, int, int]
    size: int = 224

    def stages(self) -> Iterator[tuple[int, int, int, int, int, int, int]]:
        """Yield for each stage: blocks, channels, heads, tokens a side, ratio of the feed-forward layer, agents, side of spatial reduction."""
        parts = zip(self.depths, (64, 128, 320, 512), (1, 2, 5, 8), (8, 8, 4, 4), (9, 16, 49, 49), (8, 4, 2, 1), strict=True)
        for i, (depth, C, h, ratio, n, s) in enumerate(parts):
            yield depth, C, h, self.size // 4 // 2**i, ratio, n, s


@dataclass(frozen=True)
class Flat:
    """Dimensions of a DeiT: twelve blocks on patches of 16x16 pixels.

    Attributes:
        C: Channels.
        h: Heads.
        size: Height and width of the images.
        n: Agents.
        mixed: How many of the first blocks have the variant's mixer; the others have dense attention.
    """

    C: int
    h: int
    size: int = 224
    n: int = 49
    mixed: int = 12
    depth: int = 12
    patch: int = 16

    @property
    def grid(self) -> int:
        """Patches a side."""
        return self.size // self.patch


PLANS: Mapping[str, Pyramid | Flat] = {
    "pvt_t": Pyramid((2, 2, 2, 2)),
    "pvt_s": Pyramid((3, 4, 6, 3)),
    "pvt_m": Pyramid((3, 4, 18, 3)),
    "pvt_l": Pyramid((3, 8, 27, 3)),
    "pvt_m_256": Pyramid((3, 4, 18, 3), size=256),
    "deit_t": Flat(192, 3),
    "deit_s": Flat(384, 6),
    "deit_b": Flat(768, 12, n=81, mixed=4),
    "deit_s_448": Flat(384, 6, size=448),
}

UNLIKE = "pvt_s_vs_l"
"""The two networks of the authors' speed figure: agents in PVT-S, every other mixer in PVT-L."""


def plan_of(config: str, variant: str) -> Pyramid | Flat:
    """Return the dimensions of a published network."""
    if config == UNLIKE:
        return PLANS["pvt_s" if variant in ("agent", "bare") else "pvt_l"]
    return PLANS[config]


def build(variant: str, scale: str, params: Mapping[str, Any]) -> nn.Module:
    """Build the layer, the family's small network or the published one that `params["config"]` names, with the variant's way of mixing tokens."""
    config = params["config"]
    mixer = partial(build_mixer, variant, fused=params["kernel"] == "fused")
    if config == "layer":
        return mixer(*layer_size(scale, params.get("channels")), params["resolution"])
    if config not in (*PLANS, UNLIKE):
        return OneBlock(setting_of(config, scale), mixer)
    plan = plan_of(config, variant)
    return PVT(plan, mixer) if isinstance(plan, Pyramid) else DeiT(plan, mixer)


class Mlp(nn.Module):
    """A feed-forward layer `ratio` times as wide as its input."""

    def __init__(self, C: int, ratio: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(C, ratio * C)
        self.fc2 = nn.Linear(ratio * C, C)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, H, W, C) -> (B, H, W, C)."""
        return self.fc2(F.gelu(self.fc1(x)))


def block_of(C: int, attention: nn.Module, ratio: int) -> Block:
    """Return a block of both networks."""
    block = Block(C, attention, Mlp(C, ratio))
    for norm in block.children():
        if isinstance(norm, nn.LayerNorm):
            norm.eps = EPS
    return block


class Place(nn.Module):
    """Adds a learned embedding of each position to maps (B, H, W, C)."""

    def __init__(self, *shape: int) -> None:
        super().__init__()
        self.embedding = nn.Parameter(torch.empty(shape))  # (H, W, C)
        nn.init.trunc_normal_(self.embedding, std=0.02)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, H, W, C) -> (B, H, W, C)."""
        return x + self.embedding


class Merge(PatchEmbedding):
    """Four tokens become one: (B, H, W, C) -> (B, H / 2, W / 2, C')."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, H, W, C) -> (B, H / 2, W / 2, C')."""
        return super().forward(x.movedim(-1, 1))


class PVT(nn.Module):
    """Pyramid vision transformer: four stages of smaller and wider maps, mean over the last, classifier.

    Args:
        plan: Dimensions.
        mixer: Is told `n` and `s`.
    """

    def __init__(self, plan: Pyramid, mixer: Mixer) -> None:
        super().__init__()
        blocks: list[nn.Module] = []
        before = CHANNELS
        for depth, C, h, grid, ratio, n, s in plan.stages():
            blocks.append(Merge(before, C, 2) if blocks else PatchEmbedding(before, C, 4))
            blocks.append(Place(grid, grid, C))
            blocks += [block_of(C, mixer(C, h, grid, n=n, s=s), ratio) for _ in range(depth)]
            before = C
        self.blocks = nn.Sequential(*blocks)  # (B, H, W, C) between them
        self.classify = nn.Linear(before, CLASSES)
        self.apply(initialize)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(B, 3, size, size) -> (B, 1000)."""
        return self.classify(self.blocks(images).mean((1, 2)))


class DeiT(nn.Module):
    """Vision transformer with a class token: twelve blocks on one map, norm, classifier on the class token.

    Args:
        plan: Dimensions.
        mixer: Is told `n` and `leading` = 1.
    """

    def __init__(self, plan: Flat, mixer: Mixer) -> None:
        super().__init__()
        C, h, grid = plan.C, plan.h, plan.grid
        self.patches = nn.Conv2d(CHANNELS, C, plan.patch, stride=plan.patch)
        self.first = nn.Parameter(torch.empty(C))
        nn.init.trunc_normal_(self.first, std=0.02)
        mixers = [mixer(C, h, grid, n=plan.n, leading=1) for _ in range(plan.mixed)]
        mixers += [build_mixer("mha", C, h, grid) for _ in range(plan.depth - plan.mixed)]
        self.blocks = nn.Sequential(Place(1, 1 + grid**2, C), *(block_of(C, attention, 4) for attention in mixers))
        self.norm = nn.LayerNorm(C, EPS)
        self.classify = nn.Linear(C, CLASSES)
        self.apply(initialize)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(B, 3, size, size) -> (B, 1000)."""
        patches = self.patches(images).flatten(-2).mT  # (B, N, C)
        tokens = torch.cat((self.first.expand(len(images), 1, -1), patches), dim=1)[:, None]  # (B, 1, 1 + N, C)
        return self.classify(self.norm(self.blocks(tokens)[:, 0, 0]))
