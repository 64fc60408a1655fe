"""Inputs of one operation: Gaussian features and directions drawn evenly from the sphere."""

from __future__ import annotations

import torch

from harness import Data

from .sphere import harmonics

SEED = 0


def features(op: str, batch: int, channels: int, degree: int) -> Data:
    """Return the arguments of one call: (x, y), (x, Y(r), r) or (x,)."""
    generator = torch.Generator().manual_seed(SEED)

    def gaussian(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator)

    x = gaussian(batch, channels, (degree + 1) ** 2)
    if op == "feature":
        return Data((x, gaussian(*x.shape)), items=batch)
    if op == "many_body":
        return Data((x,), items=batch)
    r = torch.nn.functional.normalize(gaussian(batch, 3).double(), dim=-1)
    y = torch.stack(harmonics(degree, r), -1)[:, None]  # (B, 1, (L + 1)^2)
    return Data((x, y.float(), r.float()), items=batch)
