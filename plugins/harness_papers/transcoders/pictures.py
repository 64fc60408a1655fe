"""What a study shows: sparsity against faithfulness, a circuit, and what features of the first layer read."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from harness import Artifact, Chart, Text

from .circuits import attribute, deembedding
from .judging import cross_entropy, placed, sparsity
from .language import LanguageModel
from .study import Study
from .training import activations

KINDS = {"transcoder": "transcoder", "sae": "SAE on the MLP's output", "sae_in": "SAE on the MLP's input"}
TEXTS = 64
"""On which the curves are drawn."""
CONTRIBUTIONS = 16
FEATURES, BYTES = 12, 8
"""Features of the first layer, and the bytes that excite each the most."""


@torch.no_grad()
def show(study: Study, data: tuple[Tensor, Tensor]) -> dict[str, Artifact]:
    """Return the artifacts of a fitted study, given texts and next bytes, or planted inputs and outputs."""
    if study.language is None:
        return {"curves": _curves(_points(study, *data), "fvu", "share of the output's variance that is missed")}
    tokens, following = (part[:TEXTS] for part in data)
    x, y = activations(study.language, tokens)[-1]
    whole = cross_entropy(study.language, tokens, following)
    points = _points(study, x, y)
    for point in points:
        dictionary = study.members(point["of"])[point["member"]]
        point["added"] = cross_entropy(study.language, tokens, following, placed(point["of"], dictionary, study)) - whole
    return {
        "curves": _curves(points, "added", "cross-entropy added (nats)"),
        "circuit": _circuit(study, study.language, tokens[0]),
        "reads": _reads(study, study.language, tokens),
    }


def _points(study: Study, x: Tensor, y: Tensor) -> list[dict[str, Any]]:
    return [
        {"kind": name, "of": kind, "member": i, **sparsity(dictionary, kind, x, y, study)}
        for kind, name in KINDS.items()
        for i, dictionary in enumerate(study.members(kind))
    ]


def _curves(points: list[dict[str, Any]], figure: str, title: str) -> Chart:
    return _chart(
        points,
        {"type": "line", "point": True},
        x={"field": "l0", "type": "quantitative", "title": "active features a token", "scale": {"type": "log"}},
        y={"field": figure, "type": "quantitative", "title": title},
        color={"field": "kind", "type": "nominal"},
        caption="Each point is a dictionary trained with another weight of sparsity.",
    )


def _circuit(study: Study, model: LanguageModel, text: Tensor) -> Chart:
    upstream, downstream = study.chosen("upstream"), study.chosen("transcoder")
    x, _ = model.seen(text[None], {0: upstream})[1]
    feature = int(downstream.features(x[-1:]).argmax())
    found = attribute(model, upstream, downstream, text, feature)
    letters = [repr(bytes([int(byte)]).decode("latin1")) for byte in text]
    parts = {f"feature {i} at {letters[s]} ({s})": float(found.features[s, i]) for s, i in found.activations.nonzero().tolist()}
    parts |= {f"embedding of {letters[s]} ({s})": float(v) for s, v in enumerate(found.embedding)}
    parts |= {f"first attention at {letters[s]} ({s})": float(v) for s, v in enumerate(found.attention)}
    parts |= {"output biases": float(found.bias.sum()), "other biases": float(found.constant)}
    shown = sorted(parts, key=lambda name: -abs(parts[name]))[:CONTRIBUTIONS]
    return _chart(
        [{"part": name, "contribution": parts[name]} for name in shown],
        "bar",
        x={"field": "contribution", "type": "quantitative"},
        y={"field": "part", "type": "nominal", "sort": None},
        caption=f"The largest contributions to feature {feature} at the last byte of a text; all of them add up to {float(found.value):.2f}.",
    )


def _reads(study: Study, model: LanguageModel, tokens: Tensor) -> Text:
    """The bytes whose embeddings excite features of the first layer, those that fire most often first."""
    upstream = study.chosen("upstream")
    x, _ = activations(model, tokens)[0]
    often = (upstream.features(x) > 0).float().mean(0)
    present = tokens.unique()
    lines = []
    for feature in often.argsort(descending=True)[:FEATURES].tolist():
        scores = deembedding(model, upstream, feature)[present]
        strongest = present[scores.argsort(descending=True)[:BYTES]]
        letters = " ".join(repr(bytes([int(byte)]).decode("latin1")) for byte in strongest)
        lines.append(f"feature {feature}, fires on {float(often[feature]):.1%}: {letters}")
    return Text("\n".join(lines), "Bytes whose embeddings excite features of the first layer the most, by weights alone.")


def _chart(values: list[dict[str, Any]], mark: Any, caption: str, **encoding: Any) -> Chart:
    schema = "https://vega.github.io/schema/vega-lite/v6.json"
    return Chart({"$schema": schema, "data": {"values": values}, "mark": mark, "encoding": encoding}, caption)
