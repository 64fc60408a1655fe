"""Autoencoders around a quantiser: a small network for each patch, or, at published size, the authors' convolutional one."""

from __future__ import annotations

import math

from torch import Tensor, nn

from .quantizers import Codes, Quantizer, quantizer
from .setting import Setting, Shape
from .vqgan import Decoder, Encoder


def to_patches(x: Tensor, patch: tuple[int, ...]) -> Tensor:
    """Cut signals (B, C, *extent) into T patches of p numbers each: (B, T, p)."""
    axes = len(patch) - 1
    for axis, size in enumerate(patch[1:]):
        x = x.unfold(2 + axis, size, size)  # in the end (B, C, *grid, *sizes)
    return x.movedim(1, 1 + axes).flatten(1, axes).flatten(2)


def from_patches(patches: Tensor, patch: tuple[int, ...], grid: tuple[int, ...]) -> Tensor:
    """Put patches (B, T, p) together again: (B, C, *extent)."""
    axes = len(grid)
    x = patches.unflatten(2, patch).unflatten(1, grid)  # (B, *grid, C, *sizes)
    order = [place for axis in range(axes) for place in (1 + axis, 2 + axes + axis)]
    extent = [g * p for g, p in zip(grid, patch[1:], strict=True)]
    return x.permute(0, 1 + axes, *order).reshape(len(x), patch[0], *extent)


def network(inputs: int, width: int, outputs: int) -> nn.Sequential:
    """Return three linear layers with two GELUs between."""
    return nn.Sequential(nn.Linear(inputs, width), nn.GELU(), nn.Linear(width, width), nn.GELU(), nn.Linear(width, outputs))


class PatchEncoder(nn.Module):
    """Encode every patch by itself: (B, C, *extent) -> (B, d, *grid)."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.layers = network(math.prod(shape.patch), shape.width, shape.d)

    def forward(self, x: Tensor) -> Tensor:
        """Return encodings (B, d, *grid)."""
        return self.layers(to_patches(x, self.shape.patch)).transpose(1, 2).unflatten(2, self.shape.grid)


class PatchDecoder(nn.Module):
    """Decode every patch by itself: (B, d, *grid) -> (B, C, *extent)."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.layers = network(shape.d, shape.width, math.prod(shape.patch))

    def forward(self, z: Tensor) -> Tensor:
        """Return signals (B, C, *extent)."""
        return from_patches(self.layers(z.flatten(2).transpose(1, 2)), self.shape.patch, self.shape.grid)


class Autoencoder(nn.Module):
    """An encoder and a decoder with a quantiser between them."""

    def __init__(self, shape: Shape, variant: str) -> None:
        super().__init__()
        self.shape = shape
        # The quantiser comes last, so that every variant begins with the same encoder and decoder.
        self.encoder = PatchEncoder(shape) if shape.width else Encoder(shape.d)
        self.decoder = PatchDecoder(shape) if shape.width else Decoder(shape.d)
        self.quantizer = quantizer(variant, shape.K, shape.d, shape.features)

    def encodings(self, x: Tensor) -> Tensor:
        """Encode signals (B, C, *extent), one row for each patch: (B T, d)."""
        return self.encoder(x).flatten(2).transpose(1, 2).flatten(0, 1)

    def encode(self, x: Tensor) -> Codes:
        """Code signals (B, C, *extent) by B T codes."""
        return self.quantizer.quantize(self.encodings(x))

    def decode(self, z_q: Tensor) -> Tensor:
        """Give signals back from their codes: (B T, d) -> (B, C, *extent)."""
        return self.decoder(z_q.unflatten(0, (-1, self.shape.tokens)).transpose(1, 2).unflatten(2, self.shape.grid))

    def forward(self, x: Tensor) -> Tensor:
        """Code signals and give them back, (B, C, *extent) -> the same."""
        return self.decode(self.encode(x).z_q)


def build(variant: str, setting: Setting) -> Autoencoder | Quantizer:
    """Build a variant: an autoencoder, or its quantiser alone."""
    shape = setting.shape
    return quantizer(variant, shape.K, shape.d, shape.features) if setting.alone else Autoencoder(shape, variant)
