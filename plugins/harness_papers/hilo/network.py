"""The networks around the mixers: LITv2, with any mixer where the paper has HiLo, and Swin. Images (B, channels, size, size) in, logits out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from harness_papers._kit.attention.network import Block, ConvMlp, Head, Mixer, OneBlock, PatchEmbedding, initialize, layer_size, setting_of

from .mixers import HiLo, WindowAttention, build_mixer, fitting_window

OFFSET_RATE = 0.01
"""The authors train the offsets of deformable merging at a hundredth of the learning rate. The offsets start at zero and Adam's steps do not depend
on the scale of a gradient, so that scaling the offsets does the same in any training loop."""


@dataclass(frozen=True)
class Plan:
    """Dimensions of a network.

    Attributes:
        size: Height and width of the images.
        channels: Of the images.
        patch: Side of a patch: the first stage has (size / patch)^2 tokens.
        C: Channels of the first stage; each later stage has twice as many, at half the resolution.
        depths: Blocks of each stage.
        h: Heads of each stage.
        s: Window of HiLo in each stage; 0 where LITv2 has no attention, 1 where it has standard attention.
        classes: How many there are.
        drop_path: Stochastic depth of the last block; it grows linearly from 0 at the first.
    """

    size: int
    channels: int
    patch: int
    C: int
    depths: tuple[int, ...]
    h: tuple[int, ...]
    s: tuple[int, ...]
    classes: int
    drop_path: float = 0.0

    @property
    def width(self) -> int:
        """Channels of the last stage."""
        return self.C * 2 ** (len(self.depths) - 1)

    def stages(self) -> Iterator[tuple[int, int, int, int, list[float]]]:
        """Yield for each stage: channels, heads, window, tokens a side, and the drop-path rate of each block."""
        rate = self.drop_path / max(sum(self.depths) - 1, 1)
        for i, depth in enumerate(self.depths):
            first = sum(self.depths[:i])
            yield self.C * 2**i, self.h[i], self.s[i], self.size // self.patch // 2**i, [rate * j for j in range(first, first + depth)]


PLANS = {
    "litv2_s": Plan(224, 3, 4, 96, (2, 2, 6, 2), (3, 6, 12, 24), (0, 0, 2, 1), 1000, drop_path=0.2),
    "litv2_m": Plan(224, 3, 4, 96, (2, 2, 18, 2), (3, 6, 12, 24), (0, 0, 2, 1), 1000, drop_path=0.3),
    "litv2_b": Plan(224, 3, 4, 128, (2, 2, 18, 2), (4, 8, 16, 32), (0, 0, 2, 1), 1000, drop_path=0.5),
    "litv2_b_384": Plan(384, 3, 4, 128, (2, 2, 18, 2), (4, 8, 16, 32), (0, 0, 2, 1), 1000, drop_path=0.5),
}


def build(variant: str, scale: str, params: Mapping[str, Any]) -> nn.Module:
    """Build the layer, the family's small network or the published one that `params["config"]` names, with the variant's way of mixing tokens."""
    fused = params["kernel"] == "fused"
    mixer = partial(build_mixer, variant, alpha=params.get("alpha"), qkv_bias=params.get("qkv_bias", True), fused=fused)
    if params["config"] == "layer":
        return mixer(*layer_size(scale, params.get("channels")), params["resolution"])
    if params["config"] not in PLANS:
        return OneBlock(setting_of(params["config"], scale), mixer)
    plan = PLANS[params["config"]]
    return Swin(plan, fused) if variant == "swin" else LITv2(plan, mixer, fused)


class LITv2(nn.Module):
    """LITv2: convolutional feed-forward blocks alone in the early stages, then HiLo, then standard attention.

    Args:
        plan: Dimensions.
        mixer: What stands where the paper has HiLo, the stages with s > 1.
        fused: Whether the standard attention of the stages with s = 1 is one fused operation.
    """

    def __init__(self, plan: Plan, mixer: Mixer, fused: bool = False) -> None:
        super().__init__()
        blocks: list[nn.Module] = [PatchEmbedding(plan.channels, plan.C, plan.patch)]
        for C, h, s, grid, rates in plan.stages():
            if C > plan.C:
                blocks.append(DeformableMerging(C // 2))
            for rate in rates:
                attention = None if s == 0 else HiLo(C, h, 1, fused=fused) if s == 1 else mixer(C, h, grid)
                blocks.append(Block(C, attention, ConvMlp(C), rate))
        self.blocks = nn.Sequential(*blocks)  # (B, H, W, C) between them
        self.head = Head(plan.width, plan.classes)
        self.apply(initialize)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(B, channels, size, size) -> (B, classes)."""
        return self.head(self.blocks(images))


class Swin(nn.Module):
    """Swin Transformer: windows and shifted windows in turn, in every stage. With the dimensions of LITv2-S, -M and -B it is Swin-T, -S and -B."""

    def __init__(self, plan: Plan, fused: bool = False) -> None:
        super().__init__()
        blocks: list[nn.Module] = [PatchEmbedding(plan.channels, plan.C, plan.patch)]
        for C, h, _, grid, rates in plan.stages():
            if C > plan.C:
                blocks.append(LinearMerging(C // 2))
            w = fitting_window(grid)
            for i, rate in enumerate(rates):
                shift = w // 2 if i % 2 and grid > w else 0
                blocks.append(Block(C, WindowAttention(C, h, grid, w, shift, fused), Mlp(C), rate))
        self.blocks = nn.Sequential(*blocks)
        self.head = Head(plan.width, plan.classes)
        self.apply(initialize)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(B, channels, size, size) -> (B, classes)."""
        return self.head(self.blocks(images))


class Mlp(nn.Module):
    """A feed-forward layer."""

    def __init__(self, C: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(C, 4 * C)
        self.fc2 = nn.Linear(4 * C, C)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, H, W, C) -> (B, H, W, C)."""
        return self.fc2(F.gelu(self.fc1(x)))


class DeformableMerging(nn.Module):
    """Deformable 2x2 convolution of stride 2: four tokens, taken from where the offsets say, become one of twice the width.

    With stride 2 each pixel of the map is read by one output alone, so that the deformable convolution is a plain one on a resampled map.
    """

    def __init__(self, C: int) -> None:
        super().__init__()
        self.offset = nn.Conv2d(C, 8, 2, stride=2)
        self.merge = nn.Conv2d(C, 2 * C, 2, stride=2)
        self.norm = nn.BatchNorm2d(2 * C)
        nn.init.zeros_(self.offset.weight)
        nn.init.zeros_(self.offset.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, H, W, C) -> (B, H / 2, W / 2, 2 C)."""
        x = x.movedim(-1, 1)  # (B, C, H, W)
        offset = F.pixel_shuffle(OFFSET_RATE * self.offset(x), 2)  # (B, 2, H, W): columns and rows to move by, in pixels
        return F.gelu(self.norm(self.merge(resample(x, offset)))).movedim(1, -1)


def resample(x: torch.Tensor, offset: torch.Tensor) -> torch.Tensor:
    """Read a map (B, C, H, W) at its own pixels moved by `offset` (B, 2, H, W), bilinearly, zeros outside. Places are kept in float32."""
    H, W = x.shape[-2:]
    rows, columns = (torch.arange(side, device=x.device, dtype=torch.float32) for side in (H, W))
    across = (columns + offset[:, 0].float()) * (2 / (W - 1)) - 1  # (B, H, W), -1 to 1 from the first pixel's middle to the last one's
    down = (rows[:, None] + offset[:, 1].float()) * (2 / (H - 1)) - 1
    return F.grid_sample(x.float(), torch.stack((across, down), dim=-1), align_corners=True).to(x.dtype)


class LinearMerging(nn.Module):
    """Swin's merging: four tokens side by side, a norm and a projection to twice the width."""

    def __init__(self, C: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(4 * C)
        self.reduction = nn.Linear(4 * C, 2 * C, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, H, W, C) -> (B, H / 2, W / 2, 2 C)."""
        four = x.unflatten(2, (-1, 2)).unflatten(1, (-1, 2)).transpose(2, 3).flatten(3)  # (B, H / 2, W / 2, 4 C)
        return self.reduction(self.norm(four))
