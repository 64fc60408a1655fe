"""A decoder-only transformer with T5's layers, in which only the position scheme varies."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .positions import ALiBi, NoPE, Rotary, Sinusoid, T5Bias, rotate
from .setting import Shape

EPSILON = 1e-6


class Attention(nn.Module):
    """Causal attention without biases and without 1/sqrt(d), which T5's initial weights contain."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.h, inner = shape.h, shape.h * shape.d
        self.q, self.k, self.v = (_matrix(shape.D, inner, std) for std in ((shape.D * shape.d) ** -0.5, shape.D**-0.5, shape.D**-0.5))
        self.o = _matrix(inner, shape.D, inner**-0.5)

    def weights(self, x: Tensor, mask: Tensor | None, rotation: tuple[Tensor, Tensor] | None) -> Tensor:
        """Return how much each query attends to each key: (B, T, D) -> (B, h, T, T)."""
        q, k = self._heads(self.q(x)), self._heads(self.k(x))  # (B, h, T, d)
        if rotation is not None:
            q, k = rotate(q, rotation), rotate(k, rotation)
        scores = q @ k.mT
        shares: Tensor = (scores if mask is None else scores + mask).softmax(-1)
        return shares

    def forward(self, x: Tensor, mask: Tensor | None, rotation: tuple[Tensor, Tensor] | None) -> Tensor:
        """(B, T, D) -> (B, T, D)."""
        mixed = self.weights(x, mask, rotation) @ self._heads(self.v(x))
        joined: Tensor = self.o(mixed.transpose(1, 2).flatten(2))
        return joined

    def _heads(self, x: Tensor) -> Tensor:
        split: Tensor = x.unflatten(2, (self.h, -1))
        return split.transpose(1, 2)


class Block(nn.Module):
    """Attention and a feed-forward network, each on a normed copy of what it is added to."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.norm1, self.norm2 = (nn.RMSNorm(shape.D, EPSILON) for _ in range(2))
        self.attention = Attention(shape)
        self.up, self.down = _matrix(shape.D, shape.F, shape.D**-0.5), _matrix(shape.F, shape.D, shape.F**-0.5)

    def forward(self, x: Tensor, mask: Tensor | None = None, rotation: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """(B, T, D) -> (B, T, D). `mask` is added to the scores: (T, T) or (h, T, T)."""
        x = x + self.attention(self.norm1(x), mask, rotation)
        fed: Tensor = self.down(self.up(self.norm2(x)).relu())
        return x + fed


class Stack(nn.Module):
    """The layers and the last norm, with a position scheme.

    Args:
        shape: Of the decoder.
        scheme: What tells positions.
    """

    def __init__(self, shape: Shape, scheme: NoPE) -> None:
        super().__init__()
        self.scheme = scheme
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.L))
        self.norm = nn.RMSNorm(shape.D, EPSILON)

    def forward(self, x: Tensor, places: Tensor | None = None) -> Tensor:
        """(B, T, D) -> (B, T, D); places (T) are 0, 1, 2, ... where none are given."""
        x, mask, rotation = self._prepared(x, places)
        for block in self.blocks:
            x = block(x, mask, rotation)
        normed: Tensor = self.norm(x)
        return normed

    def maps(self, x: Tensor) -> Tensor:
        """Return the attention of all layers: (B, T, D) -> (L, B, h, T, T)."""
        x, mask, rotation = self._prepared(x, None)
        found = []
        for block in self.blocks:
            assert isinstance(block, Block)
            found.append(block.attention.weights(block.norm1(x), mask, rotation))
            x = block(x, mask, rotation)
        return torch.stack(found)

    def _prepared(self, x: Tensor, places: Tensor | None) -> tuple[Tensor, Tensor, tuple[Tensor, Tensor] | None]:
        """Return what all layers share: the embeddings, what is added to scores, and the rotation."""
        T = x.shape[1]
        if places is None:
            places = torch.arange(T, device=x.device)
        mask = torch.full((T, T), -torch.inf, device=x.device, dtype=x.dtype).triu(1)
        bias = self.scheme.bias(places)
        return self.scheme.embed(x, places), mask if bias is None else mask + bias.to(x.dtype), self.scheme.rotation(places)


class Decoder(nn.Module):
    """A language model whose output matrix is that of its embeddings, as in T5.

    Args:
        shape: Of the decoder.
        scheme: What tells positions.
    """

    def __init__(self, shape: Shape, scheme: NoPE) -> None:
        super().__init__()
        self.words = nn.Parameter(torch.randn(shape.V, shape.D))
        self.stack = Stack(shape, scheme)

    def forward(self, tokens: Tensor, places: Tensor | None = None) -> Tensor:
        """Return logits of each next token: (B, T) -> (B, T, V)."""
        x = self.stack(F.embedding(tokens, self.words), places)
        return F.linear(x * x.shape[-1] ** -0.5, self.words)

    def maps(self, tokens: Tensor) -> Tensor:
        """Return the attention of all layers: (B, T) -> (L, B, h, T, T)."""
        return self.stack.maps(F.embedding(tokens, self.words))


def scheme_of(variant: str, shape: Shape) -> NoPE:
    """Return a variant's position scheme, untrained."""
    match variant:
        case "ape":
            return Sinusoid(shape.D)
        case "t5":
            return T5Bias(shape.h, shape.D)
        case "alibi":
            return ALiBi(shape.h)
        case "rotary":
            return Rotary(shape.d)
    return NoPE()


def build(variant: str, shape: Shape, part: str) -> nn.Module:
    """Return a decoder, or a part of it: all its layers (`stack`) or one of them (`layer`)."""
    if part == "layer":
        return Block(shape)
    scheme = scheme_of(variant, shape)
    return Stack(shape, scheme) if part == "stack" else Decoder(shape, scheme)


def _matrix(inputs: int, outputs: int, std: float) -> nn.Linear:
    layer = nn.Linear(inputs, outputs, bias=False)
    nn.init.normal_(layer.weight, std=std)
    return layer
