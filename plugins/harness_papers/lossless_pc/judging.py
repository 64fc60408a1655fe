"""How short the streams are, whether they come back as they were, and what the paper's page shows."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from harness import Artifact, Chart, Image, Quality

from .coding import CircuitCodec, work
from .tree import Tree, random_grid

GRIDS = (4, 8, 16, 28)
"""Sides of the grids on which the schemes' work is counted; 28 is MNIST's."""
ZOOM = 32
"""Screen pixels a side for each pixel of a picture."""


def judge(model: Any, x: Tensor) -> dict[str, Quality]:
    """Code images (N, D) and return bits per dimension, by the model's own probabilities and as coded, and pixels that came back wrong."""
    stream = model.encode(x)
    coded = 8 * len(stream) / x.numel()
    found = {
        "coded_bpd": Quality(coded, "bit/dim", "lower"),
        "wrong_pixels": Quality((model.decode(stream, len(x)) != x).sum().item(), "1", "lower"),
    }
    if hasattr(model, "log_likelihood"):
        bpd = -model.log_likelihood(x).sum().item() / math.log(2) / x.numel()
        found["bpd"] = Quality(bpd, "bit/dim", "lower")
        found["overhead_bpd"] = Quality(coded - bpd, "bit/dim", "lower")
    if isinstance(model, CircuitCodec):
        found["passes"] = Quality(model.passes, "1", "lower")
    return found


def show(model: CircuitCodec, x: Tensor, side: int) -> dict[str, Artifact]:
    """Return the tree, what each pixel costs, and how the three schemes' work grows with the image."""
    return {"tree": _tree(model.circuit.tree, side), "bits": _bits(model, x, side), "growth": _growth()}


def _tree(tree: Tree, side: int) -> Chart:
    """Edges of the tree, drawn where their pixels are."""
    rows = [
        {"x": a % side, "y": a // side, "x2": b % side, "y2": b // side, "depth": depth}
        for a, parent, depth in zip(tree.pixel, tree.parent, tree.depth, strict=True)
        if parent >= 0
        for b in (tree.pixel[parent],)
    ]
    scale = {"domain": [-0.5, side - 0.5]}
    spec = {
        "mark": {"type": "rule", "strokeWidth": 3},
        "data": {"values": rows},
        "encoding": {
            "x": {"field": "x", "type": "quantitative", "scale": scale, "title": "column"},
            "y": {"field": "y", "type": "quantitative", "scale": {**scale, "reverse": True}, "title": "row"},
            "x2": {"field": "x2"},
            "y2": {"field": "y2"},
            "color": {"field": "depth", "type": "quantitative", "title": "edges to root"},
        },
    }
    return Chart(spec, "The learned tree: which pixels' latent variables are joined, and how far from the root.")


def _bits(model: CircuitCodec, x: Tensor, side: int) -> Image:
    """Mean cost of each pixel, white for the dearest."""
    p = model.conditionals(x)  # (D, N, V)
    symbols = x[:, list(model.order)].T
    cost = -p.gather(2, symbols[..., None]).log2().mean((1, 2))
    bits = torch.empty_like(cost)
    bits[list(model.order)] = cost
    picture = (bits / bits.max()).view(side, side).float().repeat_interleave(ZOOM, 0).repeat_interleave(ZOOM, 1)
    return Image(picture.cpu().numpy(), f"What each pixel costs on average: black nothing, white {bits.max().item():.1f} bits.")


def _growth() -> Chart:
    """Passes through the circuit over the number of pixels, both on log scales."""
    rows = [
        {"scheme": scheme, "pixels": side**2, "passes": passes}
        for side in GRIDS
        for scheme, passes in zip(
            ("paper's", "naive", "once", "log2 D"), (*work(random_grid(side)).values(), 2 * math.log2(side)), strict=True
        )
    ]
    spec = {
        "mark": {"type": "line", "point": True},
        "data": {"values": rows},
        "encoding": {
            "x": {"field": "pixels", "type": "quantitative", "scale": {"type": "log"}},
            "y": {"field": "passes", "type": "quantitative", "scale": {"type": "log"}, "title": "passes through the circuit, each image"},
            "color": {"field": "scheme", "type": "nominal"},
        },
    }
    return Chart(
        spec, "Work for one image by order of work, on spanning trees of grids with random weights, against the logarithm of the pixels."
    )
