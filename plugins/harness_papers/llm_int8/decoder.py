"""What is quantized: a small language model or a single layer, and outliers that are planted into it without changing what it computes."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .model import SCHEMES, Int8Linear

GAIN = 20.0
"""How much larger planted features are than others."""
STD = 0.02
"""Deviation of weights before training."""
PLANTED_IN_LAYER = 6
"""Columns of a single layer's input that are planted."""


@dataclass(frozen=True)
class Shape:
    """A decoder's dimensions; with no layers, those of one linear layer d -> 4 d.

    Attributes:
        d: Width.
        L: Layers.
        h: Heads.
        vocabulary: Different tokens.
        length: Longest sequence.
        calm: True where nothing is planted.
    """

    d: int
    L: int = 0
    h: int = 1
    vocabulary: int = 256
    length: int = 128
    calm: bool = False


SHAPES = {
    "opt_125m": Shape(768, 12, 12, 50_272, 2048),
    "opt_6.7b": Shape(4096, 32, 32, 50_272, 2048),
    "opt_13b": Shape(5120, 40, 40, 50_272, 2048),
    "layer_1024": Shape(1024),
    "calm_1024": Shape(1024, calm=True),
    "layer_12288": Shape(12_288),
}
TOYS = {"smoke": Shape(64, 2, 2, length=64), "small": Shape(256, 2, 4)}


def shape_of(scale: str, name: str) -> Shape:
    """Return the dimensions of a point of the axis `shape`."""
    return TOYS[scale] if name == "toy" else SHAPES[name]


class Block(nn.Module):
    """Causal attention, then two feed-forward matrices, each behind a layer norm: the six linear layers that are quantized."""

    def __init__(self, shape: Shape):
        super().__init__()
        d, self.h = shape.d, shape.h
        self.norm1, self.norm2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.q, self.k, self.v, self.o = (nn.Linear(d, d) for _ in range(4))
        self.up, self.down = nn.Linear(d, 4 * d), nn.Linear(4 * d, d)

    def forward(self, x: Tensor) -> Tensor:
        """Mix tokens: (B, n, d) -> (B, n, d)."""
        z = self.norm1(x)
        q, k, v = (f(z).unflatten(-1, (self.h, -1)).transpose(1, 2) for f in (self.q, self.k, self.v))  # (B, h, n, d / h)
        x = x + self.o(F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(-2))
        return x + self.down(self.up(self.norm2(x)).relu())


class Decoder(nn.Module):
    """A pre-norm decoder with learnt positions and ReLU, as OPT's; the embedding is the head as well."""

    def __init__(self, shape: Shape):
        super().__init__()
        self.embed, self.position = nn.Embedding(shape.vocabulary, shape.d), nn.Embedding(shape.length, shape.d)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.L))
        self.norm = nn.LayerNorm(shape.d)
        self.reset()

    def reset(self) -> None:
        """Draw weights as GPT-2 does: small, and smaller still where layers add to the residual stream."""
        for name, parameter in self.named_parameters():
            if parameter.dim() > 1:
                adds = name.endswith(("o.weight", "down.weight"))
                nn.init.normal_(parameter, std=STD / math.sqrt(2 * len(self.blocks)) if adds else STD)
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)

    def forward(self, tokens: Tensor) -> Tensor:
        """Predict each next token: (B, n) -> (B, n, vocabulary)."""
        x = self.embed(tokens) + self.position.weight[: tokens.shape[1]]
        for block in self.blocks:
            x = block(x)
        return F.linear(self.norm(x), self.embed.weight)


class Linears(nn.Module):
    """The six linear layers of every block and nothing else, one after another: what the published counts are about."""

    def __init__(self, shape: Shape):
        super().__init__()
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.L))
        for block in self.blocks:
            del block.norm1, block.norm2

    def forward(self, x: Tensor) -> Tensor:
        """Map (s, d) -> (s, d)."""
        for block in self.blocks:
            for linear in (block.q, block.k, block.v, block.o, block.up, block.down):
                x = linear(x)
        return x


class Layer(nn.Module):
    """One linear layer without bias, as the first of a feed-forward network: d -> 4 d."""

    def __init__(self, d: int):
        super().__init__()
        self.linear = nn.Linear(d, 4 * d, bias=False)
        nn.init.normal_(self.linear.weight, std=STD)

    def forward(self, X: Tensor) -> Tensor:
        """Map (s, d) -> (s, 4 d)."""
        return self.linear(X)


def layer_input(d: int, calm: bool, rows: int = 512) -> Tensor:
    """Return standard normal rows in which, unless calm, evenly spaced columns are `GAIN` times as large: (rows, d)."""
    X = torch.randn(rows, d)
    if not calm:
        X[:, d // PLANTED_IN_LAYER // 2 :: d // PLANTED_IN_LAYER][:, :PLANTED_IN_LAYER] *= GAIN
    return X


def planted_features(d: int) -> list[int]:
    """Return the hidden features that become outliers, the same ones in every layer, as the paper finds them."""
    return [d // 4, d // 2, 3 * d // 4]


@torch.no_grad()
def plant(decoder: Decoder, gain: float = GAIN) -> Decoder:
    """Enlarge three features behind each norm, and divide the next layers' columns by as much: the same function, with outliers in it."""
    features = planted_features(decoder.norm.normalized_shape[0])
    for block in decoder.blocks:
        for norm, linears in ((block.norm1, (block.q, block.k, block.v)), (block.norm2, (block.up,))):
            norm.weight[features] *= gain
            norm.bias[features] *= gain
            for linear in linears:
                linear.weight[:, features] /= gain
    return decoder


def quantize(model: nn.Module, variant: str) -> nn.Module:
    """Replace every linear layer of `model` by its 8-bit form, in place: one pass over the weights."""
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.Linear):
                setattr(parent, name, Int8Linear(child, SCHEMES[variant]))
    return model


def build(variant: str, shape: Shape, fitted: nn.Module | None = None, part: str = "") -> nn.Module:
    """Return the float model, or a quantized copy of the fitted one with outliers planted; untrained where nothing is fitted."""
    if part == "linears":
        model: nn.Module = Linears(shape)
    elif fitted is not None:
        model = copy.deepcopy(fitted)
    else:
        model = Decoder(shape) if shape.L else Layer(shape.d)
    if variant == "float":
        return model
    if isinstance(model, Decoder):
        plant(model)
    return quantize(model, variant)
