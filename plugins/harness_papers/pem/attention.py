"""How queries look at a map: through one prototype each, or through a softmax over every position inside their masks.

Both are called as `attend(Q, F, M, Q_pos, F_pos)`: queries Q (B, N_q, C), a map F (B, C, H, W), the mask logits M (B, N_q, H, W) that the layer before
gave the queries, and positions of both; both add to Q and return (B, N_q, C).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .start import STACKED, xavier


def outside(M: Tensor) -> Tensor:
    """Return which positions each query may not look at, (B, N_q, H W): those outside its mask, unless it has no position inside."""
    negative = M.flatten(2) < 0
    return negative & ~negative.all(-1, keepdim=True)


def split_heads(x: Tensor, h: int) -> Tensor:
    """(B, n, C) -> (B, h, n, C / h)."""
    return x.unflatten(-1, (h, -1)).transpose(1, 2)


def merge_heads(x: Tensor) -> Tensor:
    """(B, h, n, C / h) -> (B, n, C)."""
    return x.transpose(1, 2).flatten(-2)


class PrototypeCrossAttention(nn.Module):
    """PEM-CA: each head of each query picks the one position whose key is most like it; the keys picked are the query's prototype."""

    def __init__(self, C: int, h: int) -> None:
        super().__init__()
        self.h = h
        self.memory_norm = nn.BatchNorm2d(C)
        self.local = nn.Conv2d(C, C, 3, padding=1, groups=C)
        self.key = nn.Linear(C, C)
        self.query = nn.Sequential(nn.LayerNorm(C), nn.Linear(C, C))
        self.mix, self.out = nn.Linear(C, C), nn.Linear(C, C)
        self.alpha = nn.Parameter(torch.ones(C))

    def keys(self, memory: Tensor, memory_pos: Tensor) -> Tensor:
        """K of length 1: (B, C, H, W) -> (B, H W, C)."""
        local = self.local(self.memory_norm(memory + memory_pos))
        return F.normalize(self.key(local.flatten(2).mT), dim=-1)

    def queries(self, Q: Tensor, Q_pos: Tensor) -> Tensor:
        """Q' of length 1: (B, N_q, C) -> (B, N_q, C)."""
        return F.normalize(self.query(Q + Q_pos), dim=-1)

    def prototypes(self, K: Tensor, q: Tensor, blocked: Tensor) -> Tensor:
        """Return P (B, N_q, C): for each head and query the key with the greatest product, of those not blocked (B, N_q, H W)."""
        K, q = split_heads(K, self.h), split_heads(q, self.h)  # (B, h, H W, d), (B, h, N_q, d)
        S = (q @ K.mT).masked_fill(blocked[:, None], -torch.inf)  # (B, h, N_q, H W): the positions last, side by side in memory
        best = S.argmax(-1, keepdim=True)  # (B, h, N_q, 1)
        return merge_heads(K.gather(2, best.expand(-1, -1, -1, K.shape[-1])))

    def forward(self, Q: Tensor, memory: Tensor, M: Tensor, Q_pos: Tensor, memory_pos: Tensor) -> Tensor:
        """Add to each query what its prototype says."""
        q = self.queries(Q, Q_pos)
        P = self.prototypes(self.keys(memory, memory_pos), q, outside(M))
        mixed = F.normalize(self.mix(P * q), dim=1)  # over the queries, as in the released code
        return Q + self.out(mixed * self.alpha + P)


class MultiHeadAttention(nn.Module):
    """Softmax attention with projections of its own for queries, keys and values, which begin as the slices of one matrix."""

    def __init__(self, C: int, h: int) -> None:
        super().__init__()
        self.h = h
        self.q, self.k, self.v = (xavier(nn.Linear(C, C), STACKED) for _ in range(3))
        self.out = xavier(nn.Linear(C, C))

    def forward(self, query: Tensor, key: Tensor, value: Tensor, blocked: Tensor | None = None) -> Tensor:
        """(B, N, C), (B, n, C), (B, n, C) -> (B, N, C); a place is blocked for a query where `blocked` (B, N, n) is true."""
        q, k, v = split_heads(self.q(query), self.h), split_heads(self.k(key), self.h), split_heads(self.v(value), self.h)
        allowed = None if blocked is None else ~blocked[:, None]
        return self.out(merge_heads(F.scaled_dot_product_attention(q, k, v, attn_mask=allowed)))


class MaskedCrossAttention(nn.Module):
    """Mask2Former's cross-attention: a softmax over the positions inside the query's mask.

    Args:
        C: Width.
        h: Heads.
        pre_norm: Whether the norm comes before, as in PEM's layers, or after, as in Mask2Former's.
    """

    def __init__(self, C: int, h: int, pre_norm: bool) -> None:
        super().__init__()
        self.attend, self.norm, self.pre_norm = MultiHeadAttention(C, h), nn.LayerNorm(C), pre_norm

    def forward(self, Q: Tensor, memory: Tensor, M: Tensor, Q_pos: Tensor, memory_pos: Tensor) -> Tensor:
        """Add to each query what it sees inside its mask."""
        tokens, placed = memory.flatten(2).mT, (memory + memory_pos).flatten(2).mT  # (B, H W, C)
        query = self.norm(Q) if self.pre_norm else Q
        Q = Q + self.attend(query + Q_pos, placed, tokens, outside(M))
        return Q if self.pre_norm else self.norm(Q)


class SelfAttention(nn.Module):
    """Attention among the queries; `pre_norm` as for `MaskedCrossAttention`."""

    def __init__(self, C: int, h: int, pre_norm: bool) -> None:
        super().__init__()
        self.attend, self.norm, self.pre_norm = MultiHeadAttention(C, h), nn.LayerNorm(C), pre_norm

    def forward(self, Q: Tensor, Q_pos: Tensor) -> Tensor:
        """(B, N_q, C) -> (B, N_q, C)."""
        value = self.norm(Q) if self.pre_norm else Q
        Q = Q + self.attend(value + Q_pos, value + Q_pos, value)
        return Q if self.pre_norm else self.norm(Q)
