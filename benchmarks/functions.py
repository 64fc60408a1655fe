"""The functions that every tool is asked about. Builders import torch; naming them does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

THREE = {"matmul": "matmul 128x128", "mlp": "MLP, 64 rows", "convnet": "convolutions, 32x32"}
"""What is timed by every tool, with the words for tables: about 0.05, 0.7 and 2.5 ms on one core."""
CHEAPEST = {"add": "add of one element"}
"""The worst case for anything that is paid for by the call."""
SEED = 0

Call = tuple[Callable[..., Any], tuple[Any, ...]]


def build(name: str) -> Call:
    """Return a function and its arguments, torch set to one thread, as every contender's process does first."""
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    return _BUILDERS[name]()


def _add() -> Call:
    import torch

    return torch.add, (torch.ones(1), torch.ones(1))


def _matmul() -> Call:
    import torch

    return torch.matmul, (torch.randn(128, 128), torch.randn(128, 128))


def _mlp() -> Call:
    import torch
    from torch import nn

    layers = nn.Sequential(nn.Linear(256, 512), nn.GELU(), nn.Linear(512, 512), nn.GELU(), nn.Linear(512, 10))
    return layers.eval(), (torch.randn(64, 256),)


def _convnet() -> Call:
    import torch
    from torch import nn

    layers = nn.Sequential(
        nn.Conv2d(3, 32, 3, padding=1),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.Conv2d(32, 64, 3, stride=2, padding=1),
        nn.BatchNorm2d(64),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(64, 10),
    )
    return layers.eval(), (torch.randn(8, 3, 32, 32),)


_BUILDERS: dict[str, Callable[[], Call]] = {"add": _add, "matmul": _matmul, "mlp": _mlp, "convnet": _convnet}
