"""What a network finds: slices with their organs in colour, Dice coefficients by organ, and what is taken for what."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness import Artifact, Chart, Image

from .judging import organ_dice, predict
from .setting import CLASSES, ORGANS

SHOWN = 4
ZOOM = 2
OPACITY = 0.6
COLOURS = (
    (0.0, 0.0, 0.0),
    (0.90, 0.10, 0.10),
    (0.20, 0.80, 0.20),
    (0.10, 0.40, 1.00),
    (1.00, 0.85, 0.00),
    (0.60, 0.35, 0.15),
    (1.00, 0.40, 0.90),
    (0.55, 0.20, 0.80),
    (0.10, 0.85, 0.85),
)
"""Of the classes 0 to 8."""


def show(model: nn.Module, images: Tensor, labels: Tensor) -> dict[str, Artifact]:
    """Return the artifacts of a network, given slices (N, 1, H, W) and their classes (N, H, W)."""
    found = predict(model, images)
    return {"slices": _slices(images, labels, found), "organs": _organs(found, labels), "mistakes": _mistakes(found, labels)}


def _slices(images: Tensor, labels: Tensor, found: Tensor) -> Image:
    """Rows: the slice, its organs, what was found."""
    grey = images[:SHOWN].clamp(0, 1).expand(-1, 3, -1, -1)
    rows = torch.stack([grey, _painted(grey, labels[:SHOWN]), _painted(grey, found[:SHOWN])])  # (3, SHOWN, 3, H, W)
    sheet = rows.permute(2, 0, 3, 1, 4).flatten(3).flatten(1, 2)  # (3, 3H, SHOWN W)
    pixels = F.interpolate(sheet[None], scale_factor=ZOOM)[0].permute(1, 2, 0)
    return Image(
        pixels.numpy(), "Test slices of the phantom, their organs, and the organs that were found. The kidneys are blue and yellow."
    )


def _painted(grey: Tensor, labels: Tensor) -> Tensor:
    colours = torch.tensor(COLOURS)[labels].movedim(-1, 1)  # (N, 3, H, W)
    return torch.where((labels > 0)[:, None], (1 - OPACITY) * grey + OPACITY * colours, grey)


def _organs(found: Tensor, labels: Tensor) -> Chart:
    values = [{"organ": name, "Dice": round(dice, 3)} for name, dice in zip(ORGANS, organ_dice(found, labels).tolist(), strict=True)]
    return _chart(
        values,
        "bar",
        "Dice coefficient of each organ in percent, the mean over test slices.",
        x={"field": "Dice", "type": "quantitative", "scale": {"domain": [0, 100]}},
        y={"field": "organ", "type": "nominal", "sort": None},
    )


def _mistakes(found: Tensor, labels: Tensor) -> Chart:
    names = ("none", *ORGANS)
    counts = torch.bincount((CLASSES * labels + found).flatten(), minlength=CLASSES**2).view(CLASSES, CLASSES)
    share = counts / counts.sum(1, keepdim=True).clamp(min=1)
    values = [{"is": a, "taken for": b, "share": round(float(share[i, j]), 4)} for i, a in enumerate(names) for j, b in enumerate(names)]
    return _chart(
        values,
        "rect",
        "What pixels of each organ are taken for, as a share of its pixels.",
        x={"field": "taken for", "type": "nominal", "sort": None},
        y={"field": "is", "type": "nominal", "sort": None},
        color={"field": "share", "type": "quantitative", "scale": {"domain": [0, 1]}},
    )


def _chart(values: list[dict[str, Any]], mark: str, caption: str, **encoding: Any) -> Chart:
    schema = "https://vega.github.io/schema/vega-lite/v6.json"
    return Chart({"$schema": schema, "data": {"values": values}, "mark": mark, "encoding": encoding}, caption)
