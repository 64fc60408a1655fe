"""A decoder of LLaMA's kind, whose blocks may have any number of heads and neurons."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .setting import Shape

ROPE_BASE = 10_000.0
EPS = 1e-6
STD = 0.02
"""Deviation of weights before training."""


def rotations(length: int, d_h: int) -> Tensor:
    """Return the cosine and the sine of each position's angles: (2, length, d_h / 2)."""
    angle = torch.arange(length)[:, None] * ROPE_BASE ** (-torch.arange(0, d_h, 2) / d_h)  # (length, d_h / 2)
    return torch.stack((angle.cos(), angle.sin()))


def rotate(x: Tensor, rotation: Tensor) -> Tensor:
    """Turn each pair (i, i + d_h / 2) of (B, h, n, d_h) by its position's angle."""
    cos, sin = rotation  # (n, d_h / 2) each
    first, second = x.chunk(2, dim=-1)
    return torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1)


class Attention(nn.Module):
    """Causal attention of `heads` heads; with `bias`, `o` has one, as compensation needs."""

    def __init__(self, d: int, d_h: int, heads: int, bias: bool = False):
        super().__init__()
        self.d_h = d_h
        self.q, self.k, self.v = (nn.Linear(d, heads * d_h, bias=False) for _ in range(3))
        self.o = nn.Linear(heads * d_h, d, bias=bias)

    def forward(self, x: Tensor, rotation: Tensor) -> Tensor:
        """Mix tokens: (B, n, d) -> (B, n, d). The number of heads is read off the weights, for d / d_h is no longer it."""
        q, k, v = (f(x).unflatten(-1, (-1, self.d_h)).transpose(1, 2) for f in (self.q, self.k, self.v))  # (B, heads, n, d_h)
        mixed = F.scaled_dot_product_attention(rotate(q, rotation), rotate(k, rotation), v, is_causal=True)
        return self.o(mixed.transpose(1, 2).flatten(-2))


class FeedForward(nn.Module):
    """SwiGLU with `neurons` hidden units; with `bias`, `down` has one."""

    def __init__(self, d: int, neurons: int, bias: bool = False):
        super().__init__()
        self.gate, self.up = (nn.Linear(d, neurons, bias=False) for _ in range(2))
        self.down = nn.Linear(neurons, d, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """Map each token: (..., d) -> (..., d)."""
        return self.down(F.silu(self.gate(x)) * self.up(x))


class Block(nn.Module):
    """Attention and feed-forward network, each behind a norm and beside a residual connection."""

    def __init__(self, shape: Shape, heads: int, neurons: int, bias: bool = False):
        super().__init__()
        self.norm1, self.norm2 = (nn.RMSNorm(shape.d, eps=EPS) for _ in range(2))
        self.attention = Attention(shape.d, shape.d_h, heads, bias)
        self.feed_forward = FeedForward(shape.d, neurons, bias)

    def forward(self, x: Tensor, rotation: Tensor) -> Tensor:
        """Map (B, n, d) -> (B, n, d)."""
        x = x + self.attention(self.norm1(x), rotation)
        return x + self.feed_forward(self.norm2(x))


class Decoder(nn.Module):
    """A causal language model.

    Args:
        shape: Dimensions before pruning.
        units: Heads and neurons of each block; those of `shape` where it is None.
        bias: Whether `o` and `down` have a bias.

    Attributes:
        origin: The trained model that this one was cut from, alone in a tuple so that its weights are not among this one's; empty otherwise.
    """

    def __init__(self, shape: Shape, units: Sequence[tuple[int, int]] | None = None, bias: bool = False):
        super().__init__()
        self.shape = shape
        self.origin: tuple[Decoder, ...] = ()
        self.embed = nn.Embedding(shape.vocabulary, shape.d)
        self.blocks = nn.ModuleList(Block(shape, *kept, bias) for kept in units or [(shape.h, shape.f)] * shape.L)
        self.norm = nn.RMSNorm(shape.d, eps=EPS)
        self.head = nn.Linear(shape.d, shape.vocabulary, bias=False)
        self.register_buffer("rotation", rotations(shape.length, shape.d_h), persistent=False)

    @torch.no_grad()
    def reset(self) -> Decoder:
        """Draw weights: small, and smaller still where blocks add to the residual stream."""
        for name, parameter in self.named_parameters():
            if parameter.dim() > 1:
                adds = name.endswith(("o.weight", "down.weight"))
                nn.init.normal_(parameter, std=STD / math.sqrt(2 * self.shape.L) if adds else STD)
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)
        return self

    def forward(self, tokens: Tensor) -> Tensor:
        """Predict each next token: (B, n) -> (B, n, vocabulary)."""
        x = self.embed(tokens)
        for block in self.blocks:
            x = block(x, self.rotation[:, : tokens.shape[1]])
        return self.head(self.norm(x))


class Linears(nn.Module):
    """The linear layers of attentions and feed-forward networks and nothing else: what a token costs in the part that can be pruned."""

    def __init__(self, attentions: Sequence[Attention], feed_forwards: Sequence[FeedForward]):
        super().__init__()
        self.attentions, self.feed_forwards = nn.ModuleList(attentions), nn.ModuleList(feed_forwards)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, d) -> (n, d), each token alone."""
        for a in self.attentions:
            x = a.o(a.q(x) + a.k(x) + a.v(x))
        for f in self.feed_forwards:
            x = f(x)
        return x


def linears(decoder: Decoder) -> Linears:
    """Return the layers of a decoder that can be pruned."""
    return Linears([b.attention for b in decoder.blocks], [b.feed_forward for b in decoder.blocks])
