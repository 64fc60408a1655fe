"""What a restored picture looks like, by how much each became better, and what the branches of the attention weigh."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from harness import Artifact, Chart, Image

from .blocks import TopKAttention
from .judging import psnr, restore
from .network import Restorer

SHOWN = 2
"""Crops of either rain."""
ZOOM = 2


def show(model: Restorer, rainy: Tensor, clean: Tensor) -> dict[str, Artifact]:
    """Return the artifacts of a network, given test crops (2N, 3, H, W), first in heavy rain, then in light."""
    restored = restore(model, rainy)
    shown: dict[str, Artifact] = {"crops": _crops(rainy, restored, clean), "psnr": _gains(rainy, restored, clean)}
    layers = [(name, module) for name, module in model.named_modules() if isinstance(module, TopKAttention)]
    return shown | {"branches": _branches(layers)} if layers else shown


def _crops(rainy: Tensor, restored: Tensor, clean: Tensor) -> Image:
    """Rows: rainy, restored, clean. Columns: heavy rain, then light."""
    half = len(rainy) // 2
    chosen = [*range(SHOWN), *range(half, half + SHOWN)]
    rows = torch.stack([rainy[chosen], restored[chosen], clean[chosen]])  # (3, 4, 3, H, W)
    sheet = rows.permute(2, 0, 3, 1, 4).flatten(3).flatten(1, 2)  # (3, 3H, 4W)
    pixels = F.interpolate(sheet[None], scale_factor=ZOOM)[0].permute(1, 2, 0)
    levels = ", ".join(f"{a:.1f} to {b:.1f}" for a, b in zip(psnr(rainy, clean)[chosen], psnr(restored, clean)[chosen], strict=True))
    caption = f"Held-out crops in rain, restored, and clean: {SHOWN} in heavy rain and {SHOWN} in light; PSNR from {levels} dB."
    return Image(pixels.numpy(), caption)


def _gains(rainy: Tensor, restored: Tensor, clean: Tensor) -> Chart:
    half = len(rainy) // 2
    levels = zip(psnr(rainy, clean).tolist(), psnr(restored, clean).tolist(), strict=True)
    values = [
        {"rain": "heavy" if i < half else "light", "rainy": round(before, 3), "restored": round(after, 3)}
        for i, (before, after) in enumerate(levels)
    ]
    return _chart(
        values,
        "point",
        "PSNR (dB) of each test crop before and after.",
        x={"field": "rainy", "type": "quantitative", "scale": {"zero": False}, "title": "rainy (dB)"},
        y={"field": "restored", "type": "quantitative", "scale": {"zero": False}, "title": "restored (dB)"},
        color={"field": "rain", "type": "nominal"},
    )


def _branches(layers: list[tuple[str, TopKAttention]]) -> Chart:
    values = [
        {"layer": name.removesuffix(".attention"), "branch": f"{i}: {k}", "weight": round(w, 4)}
        for name, layer in layers
        for i, (k, w) in enumerate(zip(layer.k, layer.w.tolist(), strict=True), 1)
    ]
    return _chart(
        values,
        "bar",
        "Learned weights of the branches of each layer, with the scores of a row that each keeps; all branches of a network begin alike.",
        x={"field": "weight", "type": "quantitative", "stack": False},
        y={"field": "branch", "type": "nominal"},
        row={"field": "layer", "type": "nominal", "sort": None, "title": None},
    )


def _chart(values: list[dict[str, Any]], mark: str, caption: str, **encoding: Any) -> Chart:
    schema = "https://vega.github.io/schema/vega-lite/v6.json"
    return Chart({"$schema": schema, "data": {"values": values}, "mark": mark, "encoding": encoding}, caption)
