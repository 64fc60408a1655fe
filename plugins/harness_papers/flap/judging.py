"""How good a pruned model is, and what its page shows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from torch import Tensor
from torch.nn import functional as F

from harness import Artifact, Chart, Quality
from harness.meters.flops.counter import count

from .decoder import Decoder, linears
from .pruning import compress, observe
from .setting import Method, by_weights, flap, wanda_sp

BATCH = 20
"""Sequences that are judged at once."""
SHOWN = 32
"""Sequences behind a chart."""
SHARES = (0.1, 0.2, 0.3, 0.4, 0.5)
ABLATED = 0.5
"""Share at which the authors' script compares scores and structures."""


def loss(output: Tensor, targets: Tensor) -> Tensor:
    """Return the mean cross-entropy of the next byte, in nats."""
    return F.cross_entropy(output.flatten(0, 1), targets.flatten())


def perplexity(model: Decoder, tokens: Tensor, following: Tensor) -> float:
    """Return exp of the mean cross-entropy of the next byte: the effective number of bytes to choose from."""
    pairs = zip(tokens.split(BATCH), following.split(BATCH), strict=True)
    return math.exp(sum(loss(model(x), y).item() * len(x) for x, y in pairs) / len(tokens))


def prunable(model: Decoder) -> int:
    """Return how many weights heads and neurons have, biases aside."""
    return sum(parameter.numel() for parameter in linears(model).parameters() if parameter.dim() > 1)


def passes(dense: Decoder, method: Method, calibration: Tensor) -> float:
    """Return the multiply-accumulates of pruning, calibration included, over those of one forward pass of the dense model on the same tokens."""
    return count(lambda: compress(dense, method, calibration)).macs / count(lambda: dense(calibration)).macs


def judge(model: Decoder, method: Method | None, tokens: Tensor, following: Tensor, calibration: Tensor) -> Mapping[str, Quality]:
    """Return a model's qualities; of a pruned one also what it loses against the model it was cut from, its size, and what pruning takes."""
    found = perplexity(model, tokens, following)
    qualities = {"perplexity": Quality(found, "per byte", better="lower")}
    for dense in model.origin:
        qualities["excess"] = Quality(found - perplexity(dense, tokens, following), "per byte", better="lower")
        qualities["kept"] = Quality(prunable(model) / prunable(dense), better="lower")
        if method is not None:
            qualities["passes"] = Quality(passes(dense, method, calibration), better="lower")
    return qualities


def structure_chart(model: Decoder) -> Chart:
    """Show which share of its heads and of its neurons each layer keeps."""
    shape = model.shape
    values: list[dict[str, Any]] = []
    for layer, block in enumerate(model.blocks):
        heads, neurons = block.attention.q.out_features / shape.d_h, block.feed_forward.up.out_features
        values += [
            {"layer": layer, "units": "heads", "kept": heads / shape.h, "count": round(heads)},
            {"layer": layer, "units": "neurons", "kept": neurons / shape.f, "count": neurons},
        ]
    spec = {
        "data": {"values": values},
        "mark": {"type": "bar", "tooltip": True},
        "encoding": {
            "x": {"field": "layer", "type": "ordinal"},
            "xOffset": {"field": "units"},
            "y": {"field": "kept", "type": "quantitative", "title": "share kept", "scale": {"domain": [0, 1]}},
            "color": {"field": "units", "type": "nominal"},
        },
    }
    return Chart(spec, "What the search leaves of each layer; `count` is the actual width.")


def curves_chart(dense: Decoder, calibration: Tensor, tokens: Tensor, following: Tensor) -> Chart:
    """Show perplexity against the share that is pruned, for FLAP and three baselines."""
    values = [{"share": 0.0, "method": name, "perplexity": perplexity(dense, tokens, following)} for name in _compared(0.0)]
    values += [
        {"share": p, "method": name, "perplexity": perplexity(compress(dense, method, calibration)[0], tokens, following)}
        for p in SHARES
        for name, method in _compared(p).items()
    ]
    spec = {
        "data": {"values": values},
        "mark": {"type": "line", "point": True},
        "encoding": {
            "x": {"field": "share", "type": "quantitative", "title": "share of weights pruned", "axis": {"format": "%"}},
            "y": {"field": "perplexity", "type": "quantitative", "scale": {"type": "log"}, "title": "perplexity per byte"},
            "color": {"field": "method", "type": "nominal"},
        },
    }
    return Chart(spec, f"One trained model, pruned in four ways; judged on {len(tokens)} sequences.")


def _compared(p: float) -> dict[str, Method]:
    return {"FLAP": flap(p), "Wanda-sp": wanda_sp(p), "magnitude-sp": by_weights("magnitude", p), "random": by_weights("random", p)}


def ablation_chart(dense: Decoder, calibration: Tensor, tokens: Tensor, following: Tensor) -> Chart:
    """Show perplexity for each pair of a score and a structure of FLAP, with its bias."""
    seen = observe(dense, calibration)
    values = []
    for score in ("WIFV", "IFV", "WIFN"):
        for structure in ("AL-AM", "AL-MM", "UL-MM", "UL-UM"):
            pruned, _ = compress(dense, flap(ABLATED, score, structure), calibration, seen)
            values.append({"score": score, "structure": structure, "perplexity": perplexity(pruned, tokens, following)})
    spec = {
        "data": {"values": values},
        "mark": {"type": "bar", "tooltip": True},
        "encoding": {
            "x": {"field": "structure", "type": "nominal"},
            "xOffset": {"field": "score"},
            "y": {"field": "perplexity", "type": "quantitative", "title": "perplexity per byte"},
            "color": {"field": "score", "type": "nominal"},
        },
    }
    return Chart(spec, "Half of the weights pruned, by three scores and four ways of dividing the loss among layers.")


def charts(model: Decoder, calibration: Tensor, tokens: Tensor, following: Tensor) -> Mapping[str, Artifact]:
    """Return what the page of the dense model shows."""
    few = tokens[:SHOWN], following[:SHOWN]
    return {"curves": curves_chart(model, calibration, *few), "ablation": ablation_chart(model, calibration, *few)}
