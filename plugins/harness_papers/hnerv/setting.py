"""The numbers of each experiment: the clip, and the decoder that stores it, with the authors' rule that fits its width to a size."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

EMBEDDING_CHANNELS = 16
"""d, the channels of a frame's embedding."""

PE_BASE, PE_LEVELS = 1.25, 80
"""NeRV's positional encoding: 80 frequencies, each 1.25 times the one before."""

LOWER_WIDTH = 12
"""The fewest channels of any stage."""

LATE_STAGES = 2
"""Stages that count as near the output, where a claim asks where the parameters are."""


@dataclass(frozen=True)
class Clip:
    """A clip of `frames` pictures of `height` x `width` pixels."""

    frames: int
    height: int
    width: int

    @property
    def pixels(self) -> int:
        """Places in the whole clip."""
        return self.frames * self.height * self.width


@dataclass(frozen=True)
class Blocks:
    """How a decoder spreads its parameters over its stages.

    Attributes:
        first_kernel: Kernel of stage 0; each later stage's is larger by 2.
        last_kernel: Where kernels stop growing.
        reduction: r, by which the channels fall from stage to stage.
    """

    first_kernel: int
    last_kernel: int
    reduction: float

    def kernel(self, stage: int) -> int:
        """k_i of stage i."""
        return min(self.first_kernel + 2 * stage, self.last_kernel)


HNERV_BLOCKS = Blocks(1, 5, 1.2)
NERV_BLOCKS = Blocks(3, 3, 2.0)


@dataclass(frozen=True)
class Shape:
    """Everything that determines a stored video's decoder.

    Attributes:
        clip: What is stored.
        blocks: The schedule of kernels and channels.
        strides: s_i, by which each stage enlarges the map.
        channels: C_0, the channels of the first map.
        embedded: Whether an embedding is stored with each frame, or the frame's time is all the decoder sees.
    """

    clip: Clip
    blocks: Blocks
    strides: tuple[int, ...]
    channels: int
    embedded: bool

    @property
    def first_map(self) -> tuple[int, int]:
        """Height and width of the map that the first stage enlarges; where frames are embedded, of an embedding too."""
        product = math.prod(self.strides)
        return self.clip.height // product, self.clip.width // product

    @property
    def widths(self) -> list[int]:
        """C_0, C_1, ..., C_S."""
        widths = [self.channels]
        for _ in self.strides:
            widths.append(max(round(widths[-1] / self.blocks.reduction), LOWER_WIDTH))
        return widths


def fitted_channels(target: float, clip: Clip, blocks: Blocks, strides: tuple[int, ...], embedded: bool) -> int:
    """Return the authors' C_0 for `target` parameters: the root of a C_0^2 + b C_0 = target - e, rounded down.

    a C_0^2 stands for the stages as if channels fell by r for ever, b C_0 for the first layer, e for the embeddings. For an embedded clip b counts
    9 weights a channel, where the layer has 1: so it is in the authors' script, and the widths that they print follow from it.
    """
    product = math.prod(strides)
    first_map = (clip.height // product) * (clip.width // product)
    embeddings = clip.frames * EMBEDDING_CHANNELS * first_map if embedded else 0
    r = blocks.reduction
    a = sum(r ** (-2 * i) * s**2 * blocks.kernel(i) ** 2 for i, s in enumerate(strides)) / r
    b = EMBEDDING_CHANNELS * 9 if embedded else 2 * PE_LEVELS * first_map
    return int((-b + math.sqrt(b**2 + 4 * a * (target - embeddings))) / (2 * a))


BUNNY = Clip(132, 640, 1280)
UVG = Clip(600, 960, 1920)
_KINDS = {"hnerv": (HNERV_BLOCKS, True), "plain_blocks": (NERV_BLOCKS, True), "nerv": (NERV_BLOCKS, False)}

_PAPER_STRIDES = {"hnerv": (5, 4, 4, 2, 2), "plain_blocks": (5, 4, 4, 2, 2), "nerv": (5, 4, 2, 2)}
_UVG_STRIDES = {"hnerv": (5, 4, 4, 3, 2), "plain_blocks": (5, 4, 4, 3, 2)}

_REDUCED = {
    "smoke": (Clip(8, 80, 160), {"hnerv": ((5, 4, 2, 2), 13), "plain_blocks": ((5, 4, 2, 2), 16), "nerv": ((5, 4), 7)}),
    "small": (Clip(32, 160, 320), {"hnerv": ((5, 4, 4, 2), 27), "plain_blocks": ((5, 4, 4, 2), 35), "nerv": ((5, 4, 2), 22)}),
}
"""Clip, then strides and C_0. The rule takes no notice of `LOWER_WIDTH`, which decides at these sizes: widths are those of equal parameters."""


def clip_of(scale: str, params: Mapping[str, Any]) -> Clip:
    """Return the clip of a scale; `video` = `uvg` is for its size alone."""
    if scale == "paper":
        return UVG if params.get("video") == "uvg" else BUNNY
    return _REDUCED[scale][0]


def shape_of(variant: str, scale: str, params: Mapping[str, Any]) -> Shape:
    """Return the shape of a variant; `size` is the authors' target in millions of parameters, 1.5 unless it is given."""
    clip = clip_of(scale, params)
    blocks, embedded = _KINDS[variant]
    if scale == "paper":
        strides = (_UVG_STRIDES if clip is UVG else _PAPER_STRIDES)[variant]
        channels = fitted_channels(params.get("size", 1.5) * 1e6, clip, blocks, strides, embedded)
    else:
        strides, channels = _REDUCED[scale][1][variant]
    return Shape(clip, blocks, strides, channels, embedded)
