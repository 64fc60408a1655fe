"""A video as a network: the decoder and, for HNeRV, one small embedding a frame. This is what is stored; the encoder serves training alone."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .setting import EMBEDDING_CHANNELS, LATE_STAGES, PE_BASE, PE_LEVELS, Shape

ENCODER_CHANNELS = 64
LAYER_SCALE = 1e-6
"""What a ConvNeXt block's branch is multiplied by at first: the block starts as the identity."""
NORM_EPS = 1e-6
WEIGHT_STD = 0.02


class Video(nn.Module):
    """A stored clip, decoded by frame number: (B,) int64 -> (B, 3, H, W) in [0, 1].

    The two kinds differ in `inputs`: what the decoder is given for a frame.

    Attributes:
        decoder: D.
        curve: PSNR in dB of each epoch's training frames, as it was when they were trained on; empty before the fit.
    """

    def __init__(self, shape: Shape, d: int) -> None:
        super().__init__()
        self.shape = shape
        self.decoder = Decoder(shape, d)
        self.curve: list[float] = []

    def inputs(self, i: Tensor) -> Tensor:
        """Return what the decoder sees of frames i: (B,) -> (B, d, h, w)."""
        raise NotImplementedError

    def forward(self, i: Tensor) -> Tensor:
        """Decode frames i: (B,) -> (B, 3, H, W)."""
        return self.decoder(self.inputs(i))


class HNeRV(Video):
    """Hybrid: one embedding of the frame's content is stored for every `step`-th frame.

    A frame between two stored ones is decoded from the mean of their embeddings.
    """

    def __init__(self, shape: Shape, step: int = 1) -> None:
        super().__init__(shape, EMBEDDING_CHANNELS)
        self.step = step
        stored = math.ceil(shape.clip.frames / step)
        self.embeddings = nn.Parameter(torch.randn(stored, EMBEDDING_CHANNELS, *shape.first_map))  # (T, d, h, w)

    def inputs(self, i: Tensor) -> Tensor:
        """Look up or interpolate embeddings: (B,) -> (B, d, h, w)."""
        before, after = i // self.step, ((i + self.step - 1) // self.step).clamp(max=len(self.embeddings) - 1)
        return (self.embeddings[before] + self.embeddings[after]) / 2  # twice the same embedding halves back to itself exactly


class NeRV(Video):
    """Implicit: the decoder sees the frame's time and nothing else."""

    def __init__(self, shape: Shape) -> None:
        super().__init__(shape, 2 * PE_LEVELS)
        self.register_buffer("codes", positional_encoding(shape.clip.frames), persistent=False)  # computed, so not stored

    def inputs(self, i: Tensor) -> Tensor:
        """Return the encoding of times i / T: (B,) -> (B, 160, 1, 1)."""
        return self.codes[i][:, :, None, None]


def positional_encoding(frames: int) -> Tensor:
    """Return sin and cos of 1.25^l pi t for t = i / T: (T, 160).

    In double precision, as the authors do: the highest frequency turns 70 million times in a clip.
    """
    t = torch.arange(frames, dtype=torch.float64)[:, None] / frames
    phase = PE_BASE ** torch.arange(PE_LEVELS, dtype=torch.float64) * math.pi * t  # (T, 80)
    return torch.cat([phase.sin(), phase.cos()], 1).float()


class Decoder(nn.Module):
    """D: a 1x1 convolution to the first map, stages that enlarge it, and a head: (B, d, h, w) -> (B, 3, H, W) in [0, 1]."""

    def __init__(self, shape: Shape, d: int) -> None:
        super().__init__()
        widths = shape.widths
        self.first = (widths[0], *shape.first_map)
        places = 1 if shape.embedded else math.prod(shape.first_map)  # a time has no map of its own: the layer makes one
        self.stem = nn.Conv2d(d, widths[0] * places, 1)
        self.stages = nn.ModuleList(
            Stage(before, after, stride, shape.blocks.kernel(i))
            for i, ((before, after), stride) in enumerate(zip(pairwise(widths), shape.strides, strict=True))
        )
        self.head = nn.Conv2d(widths[-1], 3, 3, padding=1)

    def forward(self, e: Tensor) -> Tensor:
        """Decode embeddings or encoded times."""
        x = F.gelu(self.stem(e)).reshape(len(e), *self.first)  # (B, C_0, h, w)
        for stage in self.stages:
            x = stage(x)
        return 0.5 * torch.tanh(self.head(x)) + 0.5

    def stage_sizes(self) -> list[int]:
        """Return the parameters of the first layer and of each stage, the head left out as the authors do."""
        return [sum(p.numel() for p in part.parameters()) for part in (self.stem, *self.stages)]

    def late_share(self) -> float:
        """Return the share of parameters in the last two stages."""
        sizes = self.stage_sizes()
        return sum(sizes[-LATE_STAGES:]) / sum(sizes)


class Stage(nn.Module):
    """A convolution to s^2 times the channels, which become s x s places: (B, C_i, h, w) -> (B, C_i+1, s h, s w)."""

    def __init__(self, before: int, after: int, stride: int, kernel: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(before, after * stride**2, kernel, padding=(kernel - 1) // 2)
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """Enlarge the map."""
        return F.gelu(F.pixel_shuffle(self.conv(x), self.stride))


class Encoder(nn.Module):
    """E: a ConvNeXt of one block a stage, that makes a frame's embedding: (B, 3, H, W) -> (B, d, h, w)."""

    def __init__(self, strides: tuple[int, ...]) -> None:
        super().__init__()
        widths = [ENCODER_CHANNELS] * (len(strides) - 1) + [EMBEDDING_CHANNELS]
        layers: list[nn.Module] = [nn.Conv2d(3, widths[0], strides[0], strides[0]), ChannelNorm(widths[0], eps=NORM_EPS), Block(widths[0])]
        for (before, after), stride in zip(pairwise(widths), strides[1:], strict=True):
            layers += [ChannelNorm(before, eps=NORM_EPS), nn.Conv2d(before, after, stride, stride), Block(after)]
        self.layers = nn.Sequential(*layers)
        self.apply(_start)

    def forward(self, x: Tensor) -> Tensor:
        """Embed frames; contiguous, as a stored embedding is, so that convolutions round both the same way."""
        return self.layers(x).contiguous()


class ChannelNorm(nn.LayerNorm):
    """LayerNorm over the channels of a map (B, C, h, w)."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalize every place by itself."""
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Block(nn.Module):
    """A ConvNeXt block: a depth-wise 7x7 convolution, then two linear layers at every place, scaled and added: (B, C, h, w), the same."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.spatial = nn.Conv2d(channels, channels, 7, padding=3, groups=channels)
        self.norm = nn.LayerNorm(channels, eps=NORM_EPS)
        self.up = nn.Linear(channels, 4 * channels)
        self.down = nn.Linear(4 * channels, channels)
        self.scale = nn.Parameter(LAYER_SCALE * torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Refine the map."""
        y = self.norm(self.spatial(x).permute(0, 2, 3, 1))  # (B, h, w, C)
        y = self.scale * self.down(F.gelu(self.up(y)))
        return x + y.permute(0, 3, 1, 2)


def _start(layer: nn.Module) -> None:
    if isinstance(layer, (nn.Conv2d, nn.Linear)):
        nn.init.trunc_normal_(layer.weight, std=WEIGHT_STD)
        nn.init.zeros_(layer.bias)
