"""How well a fitted model forecasts the test part."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from harness import Quality

from .partial import seen

DAY = 24
BATCH = 64
"""Windows that are forecast at once: bounds the memory, changes no figure."""


def forecast(model: nn.Module, past: Tensor, marks: Tensor) -> Tensor:
    """Forecast every window: (W, T, N), (W, T + S, 4) -> (W, S, N)."""
    return torch.cat([model(x, m) for x, m in zip(past.split(BATCH), marks.split(BATCH), strict=True)])


def naive(past: Tensor, S: int) -> Tensor:
    """Repeat the last day: (W, T, N) -> (W, S, N)."""
    ahead = torch.arange(S, device=past.device) % DAY
    return past[:, -DAY:][:, ahead]


def judge(forecast: Tensor, past: Tensor, future: Tensor, daily: bool) -> dict[str, Quality]:
    """Compare a forecast (W, S, N) with the future; `daily` says whether repeating a day means anything."""
    error = forecast - future
    unseen = error[..., seen(future.shape[-1]) :]
    found = {"mse": error.square().mean(), "mae": error.abs().mean(), "mse_unseen": unseen.square().mean()}
    if daily:
        found["mse_over_naive"] = found["mse"] / (naive(past, future.shape[1]) - future).square().mean()
    return {name: Quality(value, better="lower") for name, value in found.items()}
