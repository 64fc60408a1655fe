"""The small language model whose last MLP is replaced."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .setting import LAYERS, Shape

VOCABULARY = 256
"""Bytes."""
STD = 0.02
"""Deviation of positions and embeddings before training."""

Sublayer = Callable[[Tensor], Tensor]
"""What stands in the place of an MLP: (N, d) -> (N, d)."""


class MLP(nn.Module):
    """Two linear layers with GELU, or ReLU, between."""

    def __init__(self, d: int, hidden: int, relu: bool = False) -> None:
        super().__init__()
        self.relu = relu
        self.up, self.down = nn.Linear(d, hidden), nn.Linear(hidden, d)

    def neurons(self, x: Tensor) -> Tensor:
        """Return the hidden layer: (N, d) -> (N, hidden)."""
        return F.relu(self.up(x)) if self.relu else F.gelu(self.up(x))

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, d) -> (N, d)."""
        return self.down(self.neurons(x))


class Attention(nn.Module):
    """Causal self-attention."""

    def __init__(self, d: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv, self.out = nn.Linear(d, 3 * d), nn.Linear(d, d)

    def split(self, x: Tensor) -> Tensor:
        """Return queries, keys and values: (B, n, d) -> (3, B, h, n, d / h)."""
        return self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)

    def forward(self, x: Tensor) -> Tensor:
        """Mix tokens: (B, n, d) -> (B, n, d)."""
        q, k, v = self.split(x)
        return self.out(F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(-2))

    def pattern(self, x: Tensor) -> Tensor:
        """Return how much each token attends to each: (B, n, d) -> (B, h, n, n)."""
        q, k, _ = self.split(x)
        n = x.shape[1]
        scores = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5
        later = torch.ones(n, n, dtype=torch.bool, device=x.device).triu(1)
        return scores.masked_fill(later, -torch.inf).softmax(-1)


class Layer(nn.Module):
    """Attention, then an MLP, each behind a norm."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.norm1, self.attention = nn.LayerNorm(shape.d), Attention(shape.d, shape.heads)
        self.norm2, self.mlp = nn.LayerNorm(shape.d), MLP(shape.d, shape.hidden)


class LanguageModel(nn.Module):
    """A decoder of two layers that predicts the next byte."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.embed = nn.Embedding(VOCABULARY, shape.d)
        self.position = nn.Parameter(torch.empty(shape.context, shape.d))
        self.layers = nn.ModuleList(Layer(shape) for _ in range(LAYERS))
        self.norm, self.head = nn.LayerNorm(shape.d), nn.Linear(shape.d, VOCABULARY, bias=False)
        for table in (self.embed.weight, self.position):
            nn.init.normal_(table, std=STD)

    @property
    def stack(self) -> list[Layer]:
        """Its layers, in order."""
        return [layer for layer in self.layers if isinstance(layer, Layer)]

    def embedded(self, tokens: Tensor) -> Tensor:
        """Return the residual stream (B, n, d) before the first layer."""
        return self.embed(tokens) + self.position[: tokens.shape[1]]

    def forward(self, tokens: Tensor, instead: Mapping[int, Sublayer] | None = None) -> Tensor:
        """Predict next bytes: (B, n) -> (B, n, 256).

        Args:
            tokens: Bytes.
            instead: What stands in the place of the MLP of a layer. It is given tokens (B n, d), the norm behind them.
        """
        r = self.embedded(tokens)
        for number, layer in enumerate(self.stack):
            r = r + layer.attention(layer.norm1(r))
            x = layer.norm2(r).flatten(0, 1)
            r = r + (instead or {}).get(number, layer.mlp)(x).view_as(r)
        return self.head(self.norm(r))

    def seen(self, tokens: Tensor, instead: Mapping[int, Sublayer] | None = None) -> list[tuple[Tensor, Tensor]]:
        """Return input and output of every MLP, or of what stands in its place: two (B n, d) for each layer."""
        found: list[tuple[Tensor, Tensor]] = []

        def watched(sublayer: Sublayer) -> Sublayer:
            def run(x: Tensor) -> Tensor:
                found.append((x, sublayer(x)))
                return found[-1][1]

            return run

        self(tokens, {n: watched((instead or {}).get(n, layer.mlp)) for n, layer in enumerate(self.stack)})
        return found
