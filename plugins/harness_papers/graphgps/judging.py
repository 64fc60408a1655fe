"""How good a fitted network is, and what there is to see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from harness import Artifact, Chart, Quality

from .graphs import CSL_SKIPS, Graph, circulant, collate, random_walks

BATCH = 100
SHOWN_STEPS = 20


def predict(model: nn.Module, graphs: Sequence[Graph]) -> tuple[Tensor, Tensor]:
    """Return outputs (G, outputs) and targets (G,)."""
    found = []
    for start in range(0, len(graphs), BATCH):
        inputs, target = collate(graphs[start : start + BATCH])
        found.append((model(*inputs), target))
    outputs, targets = zip(*found, strict=True)
    return torch.cat(outputs), torch.cat(targets)


def qualities(model: nn.Module, graphs: Sequence[Graph]) -> Mapping[str, Quality]:
    """Return the share of graphs whose class is right, or the mean absolute error of scores."""
    output, target = predict(model, graphs)
    if target.dtype == torch.long:
        return {"accuracy": Quality(int((output.argmax(1) == target).sum()) / len(target), "1", "higher")}
    return {"mae": Quality(float((output[:, 0] - target).abs().mean()), "1", "lower")}


def score_chart(model: nn.Module, graphs: Sequence[Graph]) -> Mapping[str, Artifact]:
    """Show predicted against true scores of test molecules."""
    output, target = predict(model, graphs)
    rows = [{"true": round(float(t), 3), "predicted": round(float(p), 3)} for t, p in zip(target, output[:, 0], strict=True)]
    axes = {axis: {"field": name, "type": "quantitative"} for axis, name in (("x", "true"), ("y", "predicted"))}
    spec = {"data": {"values": rows}, "mark": {"type": "point", "size": 8}, "encoding": axes}
    return {"scores": Chart(spec, "Scores of test molecules, in standard deviations.")}


def walk_chart() -> Mapping[str, Artifact]:
    """Show the random-walk encoding by which ten graphs differ that message passing cannot tell apart."""
    rows = []
    for skip in CSL_SKIPS:
        walk = random_walks(circulant(skip)[None], SHOWN_STEPS)[0, 0]
        rows += [{"step": k, "return": round(float(p), 5), "skip": str(skip)} for k, p in enumerate(walk, 1)]
    spec = {
        "data": {"values": rows},
        "mark": {"type": "line", "point": True},
        "encoding": {
            "x": {"field": "step", "type": "quantitative"},
            "y": {"field": "return", "type": "quantitative"},
            "color": {"field": "skip", "type": "nominal"},
        },
    }
    return {"walks": Chart(spec, "Probability that a random walk is back after so many steps, for each length of the skip links.")}
