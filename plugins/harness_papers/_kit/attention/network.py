"""The small network around a mixer, and the pieces that larger ones share. Images (B, channels, size, size) in, logits out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

Mixer = Callable[[int, int, int], nn.Module]
"""Builds a token mixer from channels, heads and tokens a side."""


@dataclass(frozen=True)
class Setting:
    """Dimensions of the small network.

    Attributes:
        size: Height and width of the images, of one channel.
        patch: Side of a patch: there are (size / patch)^2 tokens.
        C: Channels.
        h: Heads.
        classes: How many there are.
    """

    size: int
    classes: int
    C: int = 32
    h: int = 4
    patch: int = 4

    @property
    def grid(self) -> int:
        """Tokens a side."""
        return self.size // self.patch


SETTINGS = {"freq_pairs": Setting(size=64, classes=16), "digits": Setting(size=56, classes=10)}
SMOKE_SETTING = Setting(size=32, classes=16, C=16)


def setting_of(config: str, scale: str) -> Setting:
    """Return the dimensions of the network that learns the task `config`."""
    return SMOKE_SETTING if scale == "smoke" else SETTINGS[config]


def layer_size(scale: str, channels: int | None = None) -> tuple[int, int]:
    """Return channels and heads of a layer by itself: 768 and 12, fewer channels for smoke, or the `channels` that a published size asks for."""
    return channels or (96 if scale == "smoke" else 768), 12


class OneBlock(nn.Module):
    """The family's network: patches, one block with the mixer, mean over all tokens, classifier.

    Args:
        setting: Dimensions.
        mixer: Builds what mixes the tokens.
    """

    def __init__(self, setting: Setting, mixer: Mixer) -> None:
        super().__init__()
        C = setting.C
        block = Block(C, mixer(C, setting.h, setting.grid), ConvMlp(C))
        self.blocks = nn.Sequential(PatchEmbedding(1, C, setting.patch), block)  # (B, H, W, C) between them
        self.head = Head(C, setting.classes)
        self.apply(initialize)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(B, 1, size, size) -> (B, classes)."""
        return self.head(self.blocks(images))


class PatchEmbedding(nn.Module):
    """Each patch becomes a token: (B, channels, size, size) -> (B, H, W, C)."""

    def __init__(self, channels: int, C: int, patch: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(channels, C, patch, stride=patch)
        self.norm = nn.LayerNorm(C)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(B, channels, size, size) -> (B, H, W, C)."""
        return self.norm(self.proj(images).movedim(1, -1))


class Block(nn.Module):
    """x + attention(norm(x)), where there is attention, then x + mlp(norm(x)); either branch may be dropped for an image in training."""

    def __init__(self, C: int, attention: nn.Module | None, mlp: nn.Module, drop_path: float = 0.0) -> None:
        super().__init__()
        self.attention = attention
        self.norm_attention = nn.LayerNorm(C) if attention is not None else None
        self.mlp = mlp
        self.norm_mlp = nn.LayerNorm(C)
        self.drop_path = drop_path

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, H, W, C) -> (B, H, W, C)."""
        if self.attention is not None:
            x = x + self._drop(self.attention(self.norm_attention(x)))
        return x + self._drop(self.mlp(self.norm_mlp(x)))

    def _drop(self, y: torch.Tensor) -> torch.Tensor:
        if not self.training or self.drop_path == 0:
            return y
        keep = 1 - self.drop_path
        return y * (y.new_empty(len(y), 1, 1, 1).bernoulli_(keep) / keep)


class ConvMlp(nn.Module):
    """A feed-forward layer with a depthwise 3x3 convolution inside, whose zero padding tells where a token is."""

    def __init__(self, C: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(C, 4 * C)
        self.depthwise = nn.Conv2d(4 * C, 4 * C, 3, padding=1, groups=4 * C)
        self.fc2 = nn.Linear(4 * C, C)
        nn.init.normal_(self.depthwise.weight, std=(2 / 9) ** 0.5)
        nn.init.zeros_(self.depthwise.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, H, W, C) -> (B, H, W, C)."""
        y = self.depthwise(self.fc1(x).movedim(-1, 1)).movedim(1, -1)  # (B, H, W, 4 C)
        return self.fc2(F.gelu(y))


class Head(nn.Module):
    """Norm, mean over all tokens, linear classifier."""

    def __init__(self, C: int, classes: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(C)
        self.classify = nn.Linear(C, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, H, W, C) -> (B, classes)."""
        return self.classify(self.norm(x).mean((1, 2)))


def initialize(module: nn.Module) -> None:
    """Start linear layers as the vision transformers of this family do."""
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
