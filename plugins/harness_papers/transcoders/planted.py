"""Data whose features are known: sparse sums of directions, and gates on them that write directions of their own."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

ALONE = 3
"""Features of a token beside the pair of one gate: five in all."""
LEAST = 0.5
"""An active feature is between this and 1, so that two of them pass 1 together and none does alone."""
THRESHOLD = 0.75
"""Of gates on one feature: half of its activations pass."""


@dataclass(frozen=True)
class World:
    """What is planted.

    Attributes:
        directions: (F, d) of unit length, in which features are read.
        pairs: (G / 2, 2) features that the first half of the gates join.
        singles: (G / 2,) features that the others test.
        writes: (G, d) of unit length: what a gate writes.
    """

    directions: Tensor
    pairs: Tensor
    singles: Tensor
    writes: Tensor


@dataclass(frozen=True)
class Sample:
    """Tokens of a world.

    Attributes:
        x: (N, d) inputs.
        y: (N, d) outputs.
        concepts: (N, F + G) which features and gates are active.
    """

    x: Tensor
    y: Tensor
    concepts: Tensor


def world(features: int, gates: int, d: int, seed: int) -> World:
    """Draw a world. No feature belongs to two gates that join pairs, as long as there are enough."""
    generator = torch.Generator().manual_seed(seed)
    half = gates // 2
    order = torch.randperm(features, generator=generator)
    return World(
        F.normalize(torch.randn(features, d, generator=generator), dim=1),
        order[: 2 * half].view(half, 2),
        order[torch.randperm(features, generator=generator)[:half]],
        F.normalize(torch.randn(gates, d, generator=generator), dim=1),
    )


def sample(planted: World, count: int, seed: int) -> Sample:
    """Draw tokens: the two features of one gate and three others, each from 0.5 to 1."""
    generator = torch.Generator().manual_seed(seed)
    features = len(planted.directions)
    gate = torch.randint(len(planted.pairs), (count,), generator=generator)
    others = torch.randint(features, (count, ALONE), generator=generator)
    active = torch.cat([planted.pairs[gate], others], dim=1)  # (N, 5)
    strength = LEAST + (1 - LEAST) * torch.rand(count, active.shape[1], generator=generator)
    a = torch.zeros(count, features).scatter_(1, active, strength)  # (N, F)
    g = gates_of(planted, a)
    return Sample(a @ planted.directions, g @ planted.writes, torch.cat([a, g], dim=1) > 0)


def gates_of(planted: World, a: Tensor) -> Tensor:
    """Return what gates are at, given features a (N, F): (N, G)."""
    joined = F.relu(a[:, planted.pairs].sum(2) - 1)
    tested = F.relu(a[:, planted.singles] - THRESHOLD)
    return torch.cat([joined, tested], dim=1)
