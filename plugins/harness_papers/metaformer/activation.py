"""StarReLU and the activations it replaces, element by element, and what each costs by the paper's way of counting."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

S, B = 0.8944, -0.4472
"""sqrt(4 / 5) and -sqrt(1 / 5): ReLU(u)^2 of a standard normal u has mean 1/2 and variance 5/4."""

TANH_FLOPS = 6
"""Operations of a tanh, as the paper counts; every sum, product and maximum is one."""


class StarReLU(nn.Module):
    """s ReLU(u)^2 + b with learned scalars s and b: mean 0 and variance 1 for a standard normal u."""

    def __init__(self) -> None:
        super().__init__()
        self.s = nn.Parameter(torch.full((1,), S))
        self.b = nn.Parameter(torch.full((1,), B))

    def forward(self, u: torch.Tensor) -> torch.Tensor:
        """Act on each element."""
        return self.s * F.relu(u).square() + self.b


class SquaredReLU(nn.Module):
    """ReLU(u)^2."""

    def forward(self, u: torch.Tensor) -> torch.Tensor:
        """Act on each element."""
        return F.relu(u).square()


def gelu(u: torch.Tensor) -> torch.Tensor:
    """Return GELU by its tanh formula, written out operation by operation; only for counting them."""
    return 0.5 * u * (1 + torch.tanh((2 / torch.pi) ** 0.5 * (u + 0.044715 * u * u * u)))


def flops_per_element(activation: Callable[[torch.Tensor], torch.Tensor]) -> int:
    """Count the operations that an activation takes for one element; a GELU is counted on its tanh formula."""
    written = gelu if isinstance(activation, nn.GELU) else activation
    with _Operations() as operations:
        written(torch.ones(1))
    return operations.total


class _Operations(TorchDispatchMode):
    """Adds up the operations that torch dispatches on one element."""

    total = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        if name not in {"ones", "detach"}:
            self.total += TANH_FLOPS if name == "tanh" else 1
        return func(*args, **(kwargs or {}))
