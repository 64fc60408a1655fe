"""Search by cosine: the nearest item, and how good a ranking is."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F


def nearest(queries: Tensor, gallery: Tensor) -> Tensor:
    """Return the index (B,) of each query's item: queries (B, d), gallery (N, d) of equal norms. A query's own norm does not change its ranking."""
    return (queries @ gallery.T).argmax(1)


def ranking(queries: Tensor, gallery: Tensor, y: Tensor) -> tuple[float, float]:
    """Return top-1 and mean average precision, where query and item of the same index are one image, which is not among its own answers.

    Args:
        queries: (N, d).
        gallery: (N, d).
        y: Their classes (N,).
    """
    scores = F.normalize(queries) @ F.normalize(gallery).T
    scores.fill_diagonal_(-math.inf)
    order = scores.sort(stable=True, dim=1, descending=True).indices[:, :-1]  # (N, N - 1), best first
    hit = (y[order] == y[:, None]).double()
    precision = hit.cumsum(1) / torch.arange(1, hit.shape[1] + 1)
    found = hit.sum(1)
    return float(hit[:, 0].mean()), float(((precision * hit).sum(1) / found.clamp_min(1))[found > 0].mean())
