"""How much of a codebook is used, and what comes back."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from harness import Quality

from .patches import Autoencoder

PART = 256
"""Signals judged at a time."""
RANGE = 2.0
"""Between the least and the greatest value that a signal can have."""


@torch.no_grad()
def judge(model: Autoencoder, x: Tensor) -> dict[str, Quality]:
    """Return the qualities of a fitted autoencoder on signals x (n, C, *extent)."""
    usage, error = torch.zeros(model.shape.K, dtype=torch.long), 0.0
    for part in x.split(PART):
        codes = model.encode(part)
        usage += codes.idx.bincount(minlength=model.shape.K)
        error += float((model.decode(codes.z_q) - part).square().sum(dtype=torch.float64))
    mse = error / x.numel()
    return {
        "utilisation": Quality(utilisation(usage)),
        "perplexity": Quality(perplexity(usage), "codes"),
        "mse": Quality(mse, better="lower"),
        "psnr": Quality(10 * math.log10(RANGE**2 / mse), "dB"),
    }


def utilisation(usage: Tensor) -> float:
    """Return the share of codes that are used at least once, given how often each is (K,)."""
    return float((usage > 0).double().mean())


def perplexity(usage: Tensor) -> float:
    """Return exp of the entropy of the codes' shares: K where all are used alike, 1 where it is always the same."""
    shares = usage[usage > 0].double() / usage.sum()
    return float((-(shares * shares.log()).sum()).exp())
