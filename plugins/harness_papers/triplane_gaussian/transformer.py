"""The transformer decoder that points and planes share: self-attention, cross-attention to image tokens, gated MLP."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

NORM_GROUPS = 32
MLP_RATIO = 4


class Attention(nn.Module):
    """Attention of tokens (B, T, d) to a context (B, S, context); only the output has a bias."""

    def __init__(self, d: int, heads: int, context: int) -> None:
        super().__init__()
        self.heads = heads
        self.q = nn.Linear(d, d, bias=False)
        self.k, self.v = nn.Linear(context, d, bias=False), nn.Linear(context, d, bias=False)
        self.out = nn.Linear(d, d)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        """(B, T, d), (B, S, context) -> (B, T, d)."""
        q, k, v = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in (self.q(x), self.k(context), self.v(context)))
        return self.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(-2))


class GatedMLP(nn.Module):
    """GEGLU: one half of the hidden units gates the other through a GELU."""

    def __init__(self, d: int) -> None:
        super().__init__()
        self.up, self.down = nn.Linear(d, 2 * MLP_RATIO * d), nn.Linear(MLP_RATIO * d, d)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, d) -> (B, T, d)."""
        value, gate = self.up(x).chunk(2, -1)
        return self.down(value * F.gelu(gate))


class Block(nn.Module):
    """Three sublayers behind layer norms."""

    def __init__(self, d: int, heads: int, context: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList([nn.LayerNorm(d) for _ in range(3)])
        self.among, self.cross, self.mlp = Attention(d, heads, d), Attention(d, heads, context), GatedMLP(d)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        """(B, T, d), (B, S, context) -> (B, T, d)."""
        normed = self.norms[0](x)
        x = x + self.among(normed, normed)
        x = x + self.cross(self.norms[1](x), context)
        return x + self.mlp(self.norms[2](x))


class Stack(nn.Module):
    """A group norm, a projection, the blocks, another projection; what went in is added."""

    def __init__(self, d: int, heads: int, layers: int, context: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(NORM_GROUPS, d, eps=1e-6)
        self.enter, self.leave = nn.Linear(d, d), nn.Linear(d, d)
        self.blocks = nn.ModuleList([Block(d, heads, context) for _ in range(layers)])

    def forward(self, tokens: Tensor, context: Tensor) -> Tensor:
        """(B, T, d), (B, S, context) -> (B, T, d)."""
        x = self.enter(self.norm(tokens.mT).mT)
        for block in self.blocks:
            x = block(x, context)
        return tokens + self.leave(x)
