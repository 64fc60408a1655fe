"""What a fitted codebook shows: signals as they come back, how often each code is used, and where codes and encodings lie."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from harness import Artifact, Chart, Image

from .patches import Autoencoder

COUNTED = 512
"""Signals in which codes are counted."""
SHOWN = 8
"""Pictures side by side."""
HEARD = 640
"""Samples of sound that are drawn."""
RANKS, POINTS = 400, 300
"""Codes on the curve of use, and points of each kind in the plane."""


@torch.no_grad()
def show(model: Autoencoder, x: Tensor) -> dict[str, Artifact]:
    """Return the artifacts of a fitted autoencoder on signals x (n, C, *extent)."""
    x = x[:COUNTED]
    z = model.encodings(x)
    idx = model.quantizer.quantize(z).idx
    signals = {"sound": _sound(model, x)} if x.dim() == 3 else {"pictures": _pictures(model, x)}
    return {**signals, "usage": _usage(idx, model.shape.K), "plane": _plane(model, z, idx)}


def _pictures(model: Autoencoder, x: Tensor) -> Image:
    chosen = x[torch.linspace(0, len(x) - 1, SHOWN).long()]
    rows = torch.stack([chosen, model(chosen)])  # (2, SHOWN, C, H, W)
    pixels = rows.permute(0, 3, 1, 4, 2).flatten(0, 1).flatten(1, 2)
    return Image((pixels.squeeze(-1) / 2 + 0.5).clamp(0, 1).numpy(), "Held-out pictures; below as they come back from their codes.")


def _sound(model: Autoencoder, x: Tensor) -> Chart:
    waves = {"sound": x[0, 0, :HEARD], "from its codes": model(x[:1])[0, 0, :HEARD]}
    values = [{"sample": i, "value": round(float(v), 4), "wave": name} for name, wave in waves.items() for i, v in enumerate(wave)]
    return _chart(
        values,
        "line",
        x={"field": "sample", "type": "quantitative"},
        y={"field": "value", "type": "quantitative"},
        color={"field": "wave", "type": "nominal"},
        caption=f"{HEARD} samples of a held-out sound.",
    )


def _usage(idx: Tensor, K: int) -> Chart:
    shares = (idx.bincount(minlength=K) / len(idx)).sort(descending=True).values  # (K,)
    ranks = torch.linspace(0, K - 1, min(K, RANKS)).long()
    values = [{"rank": int(r) + 1, "share": float(shares[r])} for r in ranks]
    return _chart(
        values,
        "line",
        x={"field": "rank", "type": "quantitative", "title": "code, the most used first"},
        y={"field": "share", "type": "quantitative", "title": "share of patches"},
        caption=f"How often each code is used: {int((shares > 0).sum())} of {K} are, in {len(idx)} patches.",
    )


def _plane(model: Autoencoder, z: Tensor, idx: Tensor) -> Chart:
    """Encodings and codes in the two directions in which encodings vary most."""
    quantizer = model.quantizer
    z, E = quantizer.into(z), quantizer.stored
    middle = z.mean(0)
    plane = torch.linalg.svd(z - middle, full_matrices=False).Vh[:2]  # (2, d)
    used = idx.bincount(minlength=len(E)) > 0
    kinds = {"encoding": z, "code in use": E[used], "code never used": E[~used]}
    values = [
        {"x": round(float(x), 4), "y": round(float(y), 4), "kind": kind}
        for kind, points in kinds.items()
        for x, y in ((_some(points) - middle) @ plane.T).tolist()
    ]
    return _chart(
        values,
        {"type": "point", "filled": True, "opacity": 0.6},
        x={"field": "x", "type": "quantitative"},
        y={"field": "y", "type": "quantitative"},
        color={"field": "kind", "type": "nominal"},
        caption="Where codes lie among encodings, in the two directions in which encodings vary most.",
    )


def _some(points: Tensor) -> Tensor:
    return points[torch.linspace(0, len(points) - 1, min(len(points), POINTS)).long()]


def _chart(values: list[dict[str, Any]], mark: Any, caption: str, **encoding: Any) -> Chart:
    schema = "https://vega.github.io/schema/vega-lite/v6.json"
    return Chart({"$schema": schema, "data": {"values": values}, "mark": mark, "encoding": encoding}, caption)
