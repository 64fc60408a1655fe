"""Qualities of a quantized model, and what its page shows."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from contextlib import ExitStack

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from harness import Artifact, Chart, Quality

from .decoder import Decoder, layer_input, plant, planted_features, quantize
from .model import ALPHA, SCHEMES, Int8Linear

BATCH = 32
"""Sequences that are judged at once; it also decides how many tokens share one set of outlier features."""
GAINS = (1, 2, 5, 10, 20, 50, 100)
MODEL_GAINS = (1, 20, 60, 200, 1000)
COMPARED = ("llm_int8", "vectorwise", "absmax")
SHOWN = 64
"""Sequences behind a chart."""


def perplexity(model: nn.Module, tokens: Tensor, following: Tensor) -> Quality:
    """Return exp of the mean cross-entropy of the next byte."""
    pairs = zip(tokens.split(BATCH), following.split(BATCH), strict=True)
    total = sum(F.cross_entropy(model(x).flatten(0, 1), y.flatten(), reduction="sum") for x, y in pairs)
    return Quality(math.exp(float(total) / following.numel()), "per byte", better="lower")


def share_8bit(model: nn.Module, tokens: Tensor) -> Quality:
    """Return the share of a pass's products that are of 8-bit integers: 1 - n_O / h, weighted by each layer's weights."""
    products: list[tuple[float, int]] = []

    def watch(layer: Int8Linear, inputs: tuple[Tensor]) -> None:
        outliers = len(layer.outliers(inputs[0].flatten(0, -2)))
        products.append((outliers / layer.Wq.shape[1], layer.Wq.numel()))

    with ExitStack() as hooks:
        for layer in model.modules():
            if isinstance(layer, Int8Linear):
                hooks.enter_context(layer.register_forward_pre_hook(watch))
        for x in tokens.split(BATCH):
            model(x)
    return Quality(1 - sum(share * weights for share, weights in products) / sum(weights for _, weights in products))


def relative_error(Y: Tensor, exact: Tensor) -> float:
    """Return ||Y - exact|| / ||exact||, Frobenius."""
    return float((Y - exact).norm() / exact.norm())


def features_chart(model: Decoder, tokens: Tensor) -> Chart:
    """Show the largest magnitude in each feature behind the first norm, and the threshold."""
    x = model.embed(tokens[:BATCH]) + model.position.weight[: tokens.shape[1]]
    largest = model.blocks[0].norm1(x).abs().amax((0, 1)).tolist()
    planted = planted_features(len(largest))
    values = [{"feature": i, "largest": v, "planted": i in planted} for i, v in enumerate(largest)]
    bars = {
        "mark": "bar",
        "encoding": {
            "x": {"field": "feature", "type": "quantitative", "title": "hidden feature"},
            "y": {"field": "largest", "type": "quantitative", "title": "largest magnitude"},
            "color": {"field": "planted", "type": "nominal"},
        },
    }
    rule = {"mark": {"type": "rule", "strokeDash": [4, 4]}, "encoding": {"y": {"datum": ALPHA}}}
    return Chart(
        {"data": {"values": values}, "layer": [bars, rule]}, "Inputs of the first attention layer; the line is the threshold of 6."
    )


def gains_chart(d: int = 512) -> Chart:
    """Show the output error of one layer against the size of six planted features, for every scheme."""
    linear = nn.Linear(d, d, bias=False)
    calm = layer_input(d, calm=True)
    planted = layer_input(d, calm=False) != 0
    planted &= torch.arange(d) % (d // 6) == d // 6 // 2
    values = []
    for gain in GAINS:
        X = torch.where(planted, gain * calm, calm)
        exact = linear(X)
        for name, scheme in SCHEMES.items():
            values.append({"gain": gain, "scheme": name, "error": relative_error(Int8Linear(linear, scheme)(X), exact)})
    caption = "Without outliers all schemes are alike; with them only those that take them out stay exact."
    return Chart(_lines(values, "error", "relative output error"), caption)


def perplexity_chart(decoder: Decoder, tokens: Tensor, following: Tensor) -> Chart:
    """Show the perplexity of quantized copies of a float model against the size of the features that are planted in it."""
    values = []
    for gain in MODEL_GAINS:
        for name in COMPARED:
            quantized = quantize(plant(copy.deepcopy(decoder), gain), name)
            found = perplexity(quantized, tokens[:SHOWN], following[:SHOWN]).value
            values.append({"gain": gain, "scheme": name, "perplexity": found})
    return Chart(
        _lines(values, "perplexity", "perplexity"), "The same model with ever larger features planted; the claims are judged at 20."
    )


def _lines(values: list[dict[str, object]], field: str, title: str) -> dict[str, object]:
    encoding = {
        "x": {"field": "gain", "type": "quantitative", "scale": {"type": "log"}, "title": "size of the planted features"},
        "y": {"field": field, "type": "quantitative", "scale": {"type": "log"}, "title": title},
        "color": {"field": "scheme", "type": "nominal"},
    }
    return {"data": {"values": values}, "mark": {"type": "line", "point": True}, "encoding": encoding}


def charts(variant: str, model: nn.Module, tokens: Tensor, following: Tensor) -> Mapping[str, Artifact]:
    """Return what a variant's page shows: of the subject its outliers and what they do to a layer, of the float model what they do to its copies."""
    if variant == "llm_int8":
        return {"features": features_chart(model, tokens), "gains": gains_chart()}
    return {"perplexity": perplexity_chart(model, tokens, following)} if variant == "float" else {}
