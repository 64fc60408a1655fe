"""How good a trained network is, and what its matrices look like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from harness import Artifact, Chart, Data, Image, Quality

from .tasks import IGNORED, masked_loss

BATCH = 250
"""Test sequences at a time."""

BIN = 4
"""Tokens between a query and its pair that share a bar of the chart."""


def qualities(model: nn.Module, data: Data, task: str) -> dict[str, Quality]:
    """Return top-1 of digits; recall and its two halves; or accuracy and loss of masked bytes. Shares are in percent, the loss in nats."""
    logits, targets = predict(model, data), data.targets
    if task == "digits":
        return {"top1": _percent(logits.argmax(-1) == targets)}
    asked = targets != IGNORED
    hits = logits.argmax(-1)[asked] == targets[asked]
    if task == "text":
        return {"masked_accuracy": _percent(hits), "masked_loss": Quality(masked_loss(logits, targets).item(), "nat", "lower")}
    distance = data.extra["distance"][asked]
    return {"recall": _percent(hits), "recall_back": _percent(hits[distance > 0]), "recall_ahead": _percent(hits[distance < 0])}


def pictures(variant: str, model: nn.Module, data: Data, task: str) -> dict[str, Artifact]:
    """Return, for recall, hits by distance, and the matrices of a Hydra network."""
    if task != "recall":
        return {}
    shown: dict[str, Artifact] = {"recall_by_distance": _by_distance(predict(model, data), data)}
    if variant == "hydra":
        shown["matrices"] = _matrices(model, data.inputs[0][:1])
    return shown


def predict(model: nn.Module, data: Data) -> torch.Tensor:
    """Return the logits of a whole split."""
    return torch.cat([model(part) for part in data.inputs[0].split(BATCH)])


def _percent(hits: torch.Tensor) -> Quality:
    return Quality(100 * hits.double().mean().item(), "%")


def _by_distance(logits: torch.Tensor, data: Data) -> Chart:
    asked = data.targets != IGNORED
    hits = (logits.argmax(-1) == data.targets)[asked].double()
    place = data.extra["distance"][asked].div(BIN, rounding_mode="floor")
    rows = [{"distance": int(p) * BIN, "hit": round(100 * hits[place == p].mean().item(), 2)} for p in place.unique()]
    spec: Mapping[str, Any] = {
        "mark": "bar",
        "data": {"values": rows},
        "encoding": {
            "x": {"field": "distance", "type": "quantitative", "title": "query's place minus its pair's"},
            "y": {"field": "hit", "type": "quantitative", "scale": {"domain": [0, 100]}, "title": "answers that are right, %"},
        },
    }
    return Chart(spec, "Recall by distance. To the left of zero the pair is still to come.")


def _matrices(model: nn.Module, tokens: torch.Tensor) -> Image:
    """|M| of every head for one sequence, layers downwards, each brought to a maximum of 1 and shown as its square root."""
    x = model.embeddings(tokens)
    rows = []
    for layer in model.layers:
        heads = layer.mixer.matrix(x)[0].abs()  # (H, L, L)
        heads = (heads / heads.amax((1, 2), keepdim=True)).sqrt()
        rows.append(torch.cat([nn.functional.pad(head, (1, 1, 1, 1), value=1.0) for head in heads], dim=1))
        x = layer(x)
    grid = torch.cat(rows).repeat_interleave(3, 0).repeat_interleave(3, 1)
    return Image(1 - grid.numpy(), "Size of each entry of each head's matrix for one test sequence, layers downwards; darker is larger.")
