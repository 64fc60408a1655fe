"""How layers begin where the authors, of PEM and of Mask2Former, do not leave it to PyTorch."""

from __future__ import annotations

from typing import TypeVar

from torch import nn

Layer = TypeVar("Layer", nn.Linear, nn.Conv2d)

STACKED = 0.5**0.5
"""Gain of C x C projections that the authors draw three at a time, as one 3C x C matrix: Xavier's bound is then sqrt(6 / 4C), not sqrt(6 / 2C)."""


def xavier(layer: Layer, gain: float = 1.0) -> Layer:
    """Draw weights uniformly within gain sqrt(6 / (fan in + fan out)), and let biases begin at zero."""
    nn.init.xavier_uniform_(layer.weight, gain)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def by_inputs(conv: nn.Conv2d) -> nn.Conv2d:
    """Draw weights uniformly within sqrt(3 / fan in), and let biases begin at zero: what fvcore calls `c2_xavier_fill`."""
    nn.init.kaiming_uniform_(conv.weight, a=1)
    if conv.bias is not None:
        nn.init.zeros_(conv.bias)
    return conv


def feed_forward(C: int, hidden: int) -> nn.Sequential:
    """Return two linear layers with a ReLU between; the matrices begin as Xavier's, the biases as PyTorch has them."""
    enter, leave = nn.Linear(C, hidden), nn.Linear(hidden, C)
    for linear in (enter, leave):
        nn.init.xavier_uniform_(linear.weight)
    return nn.Sequential(enter, nn.ReLU(), leave)
