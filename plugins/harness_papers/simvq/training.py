"""Training: squared error and the quantiser's own loss, the same recipe for every variant."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .patches import Autoencoder, to_patches
from .quantizers import k_means

LR, BETAS = 1e-3, (0.5, 0.9)
"""Constant, and no weight decay, which would draw the whole codebook together. The authors' rate is 1e-4, for runs some five hundred times as long."""

FOUND_IN, ROUNDS = 8192, 3
"""Patches in which k-means finds a codebook, and its rounds."""


def losses(model: Autoencoder, x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the squared error of signals x (B, C, *extent) as they are given back, and the quantiser's loss."""
    codes = model.encode(x)
    return F.mse_loss(model.decode(codes.z_q), x), codes.loss


def train(model: Autoencoder, x: Tensor, steps: int, batch: int, seed: int) -> Autoencoder:
    """Train in place on signals x (n, C, *extent), `batch` of them in each of `steps` steps."""
    generator = torch.Generator().manual_seed(seed)
    start(model, x, generator)
    optimizer = torch.optim.Adam((p for p in model.parameters() if p.requires_grad), LR, BETAS)
    model.train()
    for _ in range(steps):
        chosen = torch.randint(len(x), (batch,), generator=generator)
        optimizer.zero_grad(set_to_none=True)
        torch.stack(losses(model, x[chosen])).sum().backward()
        optimizer.step()
    return model.eval()


@torch.no_grad()
def start(model: Autoencoder, x: Tensor, generator: torch.Generator) -> None:
    """Give a codebook that is made from data its first values."""
    quantizer, shape = model.quantizer, model.shape
    if not quantizer.starts_from:
        return
    signals = x[torch.randperm(len(x), generator=generator)[: -(-FOUND_IN // shape.tokens)]]
    encoded = quantizer.starts_from == "encodings"
    points = model.encodings(signals) if encoded else to_patches(signals, shape.patch).flatten(0, 1)
    quantizer.start(k_means(points, shape.K, ROUNDS, generator))
