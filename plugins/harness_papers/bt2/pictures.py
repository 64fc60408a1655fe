"""What is worth looking at: queries with what the old gallery answers, and for which classes an upgrade helps."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional as F

from harness import Artifact, Chart, Image

from .experiment import by_novelty
from .network import Deployed
from .setting import Labelled, Task
from .training import embed

QUERIES, ANSWERS, MAGNIFIED = 6, 5, 2
GAP = 2
"""Pixels between pictures, before they are magnified."""


def pictures(model: Deployed, shown: Labelled, task: Task) -> Mapping[str, Artifact]:
    """Return the contact sheet and the chart."""
    sheet = "Queries of the new model (left) and the first five answers out of the old model's gallery."
    return {"answers": Image(contact_sheet(model, shown).numpy(), sheet), "novelty": novelty_chart(model, shown, task)}


def contact_sheet(model: Deployed, shown: Labelled) -> Tensor:
    """Return queries of different classes, one a row, with their answers beside them: (H, W) in [0, 1]."""
    scores = F.normalize(embed(model.encoder, shown.x)[:, : model.gallery.shape[1]]) @ F.normalize(model.gallery).T
    best = scores.fill_diagonal_(-2.0).topk(ANSWERS).indices  # a cosine is never below -1
    chosen = [int((shown.y == label).nonzero()[0, 0]) for label in range(int(shown.y.max()), -1, -1)][:QUERIES]
    rows = [torch.cat([F.pad(shown.x[i, 0], (0, GAP, 0, GAP), value=1.0) for i in (query, *best[query].tolist())], 1) for query in chosen]
    sheet = torch.cat(rows).clamp(0, 1)
    return sheet.repeat_interleave(MAGNIFIED, 0).repeat_interleave(MAGNIFIED, 1)


def novelty_chart(model: Deployed, shown: Labelled, task: Task) -> Chart:
    """Top-1 against either gallery, for classes that the oldest model knew and for new ones."""
    values = [{"gallery": g, "classes": c, "top-1": v} for g, c, v in by_novelty(model, shown, task.classes[0])]
    spec = {
        "data": {"values": values},
        "mark": {"type": "bar", "tooltip": True},
        "encoding": {
            "x": {"field": "gallery", "type": "nominal", "title": None, "sort": None},
            "xOffset": {"field": "classes", "sort": None},
            "y": {"field": "top-1", "type": "quantitative", "scale": {"domain": [0, 1]}},
            "color": {"field": "classes", "type": "nominal", "title": None, "sort": None},
        },
    }
    return Chart(spec, "How often the first answer is of the query's class.")
