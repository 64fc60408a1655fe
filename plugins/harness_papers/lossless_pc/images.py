"""The images that are coded: scikit-learn's handwritten digits as integers."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from torch import Tensor

TRAIN = 1400
"""Of the 1,797 digits; 397 are left for `test`."""


@cache
def digits(side: int = 8) -> dict[str, Tensor]:
    """Return the middle side x side pixels of both splits of the digits: (N, side^2) int64, 17 grey levels."""
    from sklearn.datasets import load_digits

    edge = (8 - side) // 2
    pixels = torch.from_numpy(load_digits().images).long()[:, edge : 8 - edge, edge : 8 - edge].flatten(1)
    order = torch.from_numpy(np.random.default_rng(0).permutation(len(pixels)))
    return {"train": pixels[order[:TRAIN]], "test": pixels[order[TRAIN:]]}


@cache
def enlarged(side: int, levels: int) -> dict[str, Tensor]:
    """Return the digits enlarged to side x side pixels with more levels: shapes of MNIST, (N, side^2) int64."""
    small = {name: x.view(-1, 1, 8, 8).float() / 16 for name, x in digits().items()}
    large = {name: torch.nn.functional.interpolate(x, (side, side), mode="bilinear") for name, x in small.items()}
    return {name: (x * (levels - 1)).round().long().flatten(1) for name, x in large.items()}
