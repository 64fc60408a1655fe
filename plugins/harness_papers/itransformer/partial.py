"""Training on a part of the variates: what a model whose weights do not depend on N makes possible."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SHARE = 0.2


class Part(NamedTuple):
    """A forecast of some variates.

    Attributes:
        forecast: (B, S, n).
        variates: (n,) which of the N they are.
    """

    forecast: Tensor
    variates: Tensor


class TrainedOnPart(nn.Module):
    """A model that meets a fifth of the variates at each training step, and all of them afterwards.

    Args:
        model: Takes any number of variates.
        resample: True draws the fifth anew at each step, so that all have their turn; False keeps to the first fifth, and the others stay unseen.
    """

    def __init__(self, model: nn.Module, resample: bool):
        super().__init__()
        self.model, self.resample = model, resample

    def forward(self, x: Tensor, marks: Tensor) -> Tensor | Part:
        """Forecast: (B, T, N), (B, T + S, 4) -> (B, S, N); in training a `Part` of it."""
        if not self.training:
            return self.model(x, marks)
        N = x.shape[-1]
        order = torch.randperm(N, device=x.device) if self.resample else torch.arange(N, device=x.device)
        chosen = order[: seen(N)]
        return Part(self.model(x[..., chosen], marks), chosen)


def seen(N: int) -> int:
    """Return how many of N variates a training step meets."""
    return max(1, int(SHARE * N))


def mse(output: Tensor | Part, future: Tensor) -> Tensor:
    """Return the mean squared error of a forecast, over the variates that were forecast."""
    if isinstance(output, Part):
        return F.mse_loss(output.forecast, future[..., output.variates])
    return F.mse_loss(output, future)
