"""The GPS layer and the networks around it.

A batch of graphs is flat: N nodes of all graphs one after another, E directed edges between them. `slot` says where each node stands in a padded
array of (B, M) nodes, which attention needs; a single graph, or graphs of one size, have no padding.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Graphs = tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]
"""atoms (N, Fa), edges (2, E) from and to, bonds (E, Fb), walks (N, K), graph (N,), slot (N,), valid (B, M)."""

FAVOR_EPS = 1e-4
EPS = 1e-6


@dataclass(frozen=True)
class Plan:
    """The dimensions of a network."""

    d: int
    layers: int
    heads: int
    K: int  # steps of the random walk
    d_pe: int
    atom_types: tuple[int, ...]  # how many values each feature of an atom takes
    bond_types: tuple[int, ...]
    outputs: int = 1
    local: str = "gine"
    attention: str = "softmax"
    pooling: str = "sum"
    dropout: float = 0.0
    attention_dropout: float = 0.0


ZINC = Plan(64, 10, 4, 20, 28, (28,), (4,), attention_dropout=0.5)
OGB_ATOMS, OGB_BONDS = (119, 4, 12, 12, 10, 6, 6, 2, 2), (5, 6, 2)
PCQM = Plan(304, 5, 4, 16, 20, OGB_ATOMS, OGB_BONDS, local="gatedgcn", pooling="mean", attention_dropout=0.5)
PLANS = {
    "zinc": ZINC,
    "pcqm_small": PCQM,
    "pcqm_medium": replace(PCQM, d=384, layers=10, heads=16, dropout=0.1, attention_dropout=0.1),
    "pcqm_deep": replace(PCQM, d=256, layers=16, heads=8, dropout=0.1, attention_dropout=0.1),
}
CHANGES: dict[str, dict[str, Any]] = {
    "gps": {},
    "gps_linear": {"attention": "linear"},
    "gps_no_encoding": {"K": 0},
    "mpnn": {"attention": "", "K": 0},
    "mpnn_rwse": {"attention": ""},
    "transformer": {"local": ""},
}
"""What each variant leaves out or changes."""


class Features(nn.Module):
    """The sum of one embedding for each categorical feature, all in one table."""

    def __init__(self, types: tuple[int, ...], d: int) -> None:
        super().__init__()
        self.table = nn.Embedding(sum(types), d)
        self.register_buffer("start", torch.tensor([sum(types[:i]) for i in range(len(types))]), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, d) of features x (N, F)."""
        return self.table(x + self.start).sum(1)


class GINE(nn.Module):
    """MLP((1 + eps) x_i + sum over neighbours of ReLU(x_j + e_ij)), with eps = 0; then dropout and the residual."""

    def __init__(self, d: int, dropout: float) -> None:
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(d, d), nn.ReLU(), nn.Linear(d, d))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, e: Tensor, edges: Tensor) -> tuple[Tensor, Tensor]:
        """Return new nodes (N, d), and edges (E, d) as they were."""
        source, target = edges
        messages = F.relu(x.index_select(0, source) + e)  # (E, d)
        return x + self.dropout(self.mlp(x.index_add(0, target, messages))), e


class GatedGCN(nn.Module):
    """Messages under gates that edges carry and update; normalisation, ReLU, dropout and residual inside."""

    def __init__(self, d: int, dropout: float) -> None:
        super().__init__()
        self.A, self.B, self.C, self.D, self.E = (nn.Linear(d, d) for _ in range(5))
        self.norm_x, self.norm_e = nn.BatchNorm1d(d), nn.BatchNorm1d(d)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, e: Tensor, edges: Tensor) -> tuple[Tensor, Tensor]:
        """Return new nodes (N, d) and edges (E, d)."""
        source, target = edges
        new = self.D(x).index_select(0, target) + self.E(x).index_select(0, source) + self.C(e)  # (E, d)
        gate = torch.sigmoid(new)
        nothing = torch.zeros_like(x)
        total = nothing.index_add(0, target, gate * self.B(x).index_select(0, source))
        mixed = self.A(x) + total / (nothing.index_add(0, target, gate) + EPS)
        return x + self.dropout(F.relu(self.norm_x(mixed))), e + self.dropout(F.relu(self.norm_e(new)))


class Attention(nn.Module):
    """Attention among the nodes of a graph, which sees no edges: softmax, O(N^2), or FAVOR+ of the Performer, O(N)."""

    def __init__(self, d: int, heads: int, kind: str, dropout: float) -> None:
        super().__init__()
        self.heads, self.linear, self.dropout = heads, kind == "linear", dropout
        self.qkv, self.out = nn.Linear(d, 3 * d), nn.Linear(d, d)
        if self.linear:
            self.register_buffer("features", orthogonal_features(d // heads))  # (m, d / h)

    def forward(self, x: Tensor, slot: Tensor, valid: Tensor) -> Tensor:
        """Return (N, d): nodes go to their places among (B, M), and come back."""
        (N, d), (B, M) = x.shape, valid.shape
        padded = B * M != N
        dense = x.new_zeros(B * M, d).index_copy(0, slot, x) if padded else x
        q, k, v = self.qkv(dense).view(B, M, 3, self.heads, -1).permute(2, 0, 3, 1, 4)  # (B, h, M, d / h) each
        mask = valid[:, None, None] if padded else None  # (B, 1, 1, M): which keys there are
        dropout = self.dropout if self.training else 0.0
        z = favor(q, k, v, self.features, mask) if self.linear else F.scaled_dot_product_attention(q, k, v, mask, dropout)
        z = self.out(z.transpose(1, 2).reshape(B * M, d))
        return z.index_select(0, slot) if padded else z


def orthogonal_features(width: int) -> Tensor:
    """Return m = width ln(width) random directions, orthogonal in blocks of `width`, with the lengths of Gaussian vectors: (m, width)."""
    m = int(width * math.log(width))
    blocks = [torch.linalg.qr(torch.randn(width, width)).Q.T for _ in range(-(-m // width))]
    return torch.cat(blocks)[:m] * torch.randn(m, width).norm(dim=1, keepdim=True)


def favor(q: Tensor, k: Tensor, v: Tensor, features: Tensor, mask: Tensor | None) -> Tensor:
    """Return softmax attention as positive random features estimate it; q, k, v (B, h, M, d_h) and result alike."""
    scale = q.shape[-1] ** -0.25
    q, k = q * scale, k * scale
    m = features.shape[0]

    def phi(x: Tensor, exponent: Tensor, dims: tuple[int, ...]) -> Tensor:  # (B, h, M, m)
        lengths = (x * x).sum(-1, keepdim=True) / 2
        return (torch.exp(exponent - lengths - exponent.amax(dims, keepdim=True).detach()) + FAVOR_EPS) / math.sqrt(m)

    of_keys = k @ features.T
    if mask is not None:  # padding must not be the largest
        of_keys = of_keys.masked_fill(~mask.mT, -math.inf)
    q, k = phi(q, q @ features.T, (-1,)), phi(k, of_keys, (-1, -2))
    if mask is not None:
        k = k * mask.mT
    norm = q @ k.sum(-2)[..., None]  # (B, h, M, 1)
    return (q @ (k.mT @ v)) / norm


class GPSLayer(nn.Module):
    """X <- BN(Y + MLP(Y)), Y = BN(local(X, E)) + BN(X + attention(X)): both branches see the same X."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        d = plan.d
        kinds = {"gine": GINE, "gatedgcn": GatedGCN}
        self.local = kinds[plan.local](d, plan.dropout) if plan.local else None
        self.attention = Attention(d, plan.heads, plan.attention, plan.attention_dropout) if plan.attention else None
        self.norm_local = nn.BatchNorm1d(d) if plan.local else None
        self.norm_attention = nn.BatchNorm1d(d) if plan.attention else None
        self.dropout = nn.Dropout(plan.dropout)
        self.mlp = nn.Sequential(nn.Linear(d, 2 * d), nn.ReLU(), nn.Dropout(plan.dropout), nn.Linear(2 * d, d), nn.Dropout(plan.dropout))
        self.norm = nn.BatchNorm1d(d)

    def forward(self, x: Tensor, e: Tensor, edges: Tensor, slot: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        """Return new nodes (N, d) and edges (E, d)."""
        y = []
        if self.local is not None and self.norm_local is not None:
            local, e = self.local(x, e, edges)
            y.append(self.norm_local(local))
        if self.attention is not None and self.norm_attention is not None:
            y.append(self.norm_attention(x + self.dropout(self.attention(x, slot, valid))))
        z = sum(y[1:], y[0])
        return self.norm(z + self.mlp(z)), e


class GPS(nn.Module):
    """Encodings, layers, pooling and a head that halves its width twice: a batch of graphs to (B, outputs)."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        d, self.mean = plan.d, plan.pooling == "mean"
        d_pe = plan.d_pe if plan.K else 0
        self.atoms, self.bonds = Features(plan.atom_types, d - d_pe), Features(plan.bond_types, d)
        self.norm_walks = nn.BatchNorm1d(plan.K) if plan.K else None
        self.walks = nn.Linear(plan.K, d_pe) if plan.K else None
        self.layers = nn.ModuleList(GPSLayer(plan) for _ in range(plan.layers))
        self.head = nn.Sequential(nn.Linear(d, d // 2), nn.ReLU(), nn.Linear(d // 2, d // 4), nn.ReLU(), nn.Linear(d // 4, plan.outputs))

    def nodes(self, atoms: Tensor, edges: Tensor, bonds: Tensor, walks: Tensor, slot: Tensor, valid: Tensor) -> Tensor:
        """Return the nodes after the last layer, (N, d)."""
        x, e = self.atoms(atoms), self.bonds(bonds)
        if self.walks is not None and self.norm_walks is not None:
            x = torch.cat([x, self.walks(self.norm_walks(walks))], -1)
        for layer in self.layers:
            x, e = layer(x, e, edges, slot, valid)
        return x

    def forward(self, atoms: Tensor, edges: Tensor, bonds: Tensor, walks: Tensor, graph: Tensor, slot: Tensor, valid: Tensor) -> Tensor:
        """Return (B, outputs)."""
        x = self.nodes(atoms, edges, bonds, walks, slot, valid)
        pooled = x.new_zeros(len(valid), x.shape[1]).index_add(0, graph, x)
        return self.head(pooled / valid.sum(1, keepdim=True) if self.mean else pooled)


class Layer(nn.Module):
    """One layer alone, for its cost on a large graph."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.layer = GPSLayer(plan)

    def forward(self, x: Tensor, e: Tensor, edges: Tensor, slot: Tensor, valid: Tensor) -> Tensor:
        """Return new nodes (N, d)."""
        return self.layer(x, e, edges, slot, valid)[0]
