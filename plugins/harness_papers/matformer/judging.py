"""How good the sub-models are, alone and together."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from harness import Artifact, Chart, Data, Quality, Text

from .model import GRANULARITIES, MatFormer, Shape, Twins, extract, least_slope
from .speculation import greedy, speculate
from .tasks import Setting
from .training import BACKWARD, loss

BATCH = 32
MIXES = 10
PROMPTS, PROMPT, CONTINUED = 8, 0.5, 0.375
"""Texts that are continued; a half of the context is given, three eighths are decoded."""


def judge(variant: str, model: nn.Module, data: Data, chosen: Setting) -> dict[str, Quality]:
    """Return a variant's qualities on the test split."""
    (x,), y = data.inputs, data.targets
    found = {"training_macs": family_macs(variant, model, chosen)}
    answering = model.large if isinstance(model, Twins) else model
    if chosen.shape.patch:
        found["top1"] = float((outputs(answering, x).argmax(1) == y).float().mean())
    else:
        found["bits_per_byte"] = bits(answering, x, y)
    if variant == "mat_xl" or isinstance(model, Twins):
        small, large = (model.small, model.large) if isinstance(model, Twins) else (extract(model, chosen.shape.widths("s")), model)
        found |= retrieval(small, large, *data.extra["train"], x, y) if chosen.shape.patch else together(small, large, x)
    if variant == "mat_xl" and not chosen.shape.patch:
        found["mix_gap"] = max(gap for *_, gap in mixes(model, x, y))
    return {name: Quality(value, *UNITS[name]) for name, value in found.items()}


UNITS = {
    "bits_per_byte": ("bits", "lower"),
    "top1": ("1", "higher"),
    "agreement": ("1", "higher"),
    "kl": ("nats", "lower"),
    "acceptance": ("1", "higher"),
    "verifier_calls": ("per token", "lower"),
    "knn_cross": ("1", "higher"),
    "knn_loss": ("1", "lower"),
    "mix_gap": ("1", "lower"),
    "training_macs": ("1", "lower"),
}
"""Unit and direction of every quality."""


def outputs(model: nn.Module, x: Tensor) -> Tensor:
    """Return logits of a whole split."""
    return torch.cat([model(part) for part in x.split(BATCH)])


def bits(model: nn.Module, x: Tensor, y: Tensor) -> float:
    """Return bits per byte."""
    return float(loss(outputs(model, x), y)) / math.log(2)


def family_macs(variant: str, model: nn.Module, chosen: Setting) -> float:
    """Return the multiply-accumulates of all the training that it takes to have the four sizes, in the blocks, sequence products aside."""
    if not variant.startswith("twin"):  # one training, of which the others are cut out
        return float(model.spent)
    shape, steps = chosen.shape, chosen.nested_steps if variant == "twins" or variant.endswith("_long") else chosen.steps
    whole = model.large if isinstance(model, Twins) else model
    token = sum(whole.macs(shape.widths(name)) for name in GRANULARITIES)
    return float(BACKWARD * steps * chosen.batch * shape.n * token)


def together(small: nn.Module, large: nn.Module, x: Tensor) -> dict[str, float]:
    """Compare the predictions of two sizes, and let one draft for the other."""
    p, q = outputs(large, x).log_softmax(-1), outputs(small, x).log_softmax(-1)  # (N, n, V)
    agreement = (p.argmax(-1) == q.argmax(-1)).float().mean()
    kl = F.kl_div(q, p, reduction="none", log_target=True).sum(-1).mean()
    n = x.shape[1]
    decoded = [speculate(small, large, prompt[: int(PROMPT * n)], int(CONTINUED * n)) for prompt in x[:PROMPTS]]
    drafted, accepted, calls = (sum(getattr(d, name) for d in decoded) for name in ("drafted", "accepted", "calls"))
    return {
        "agreement": float(agreement),
        "kl": float(kl),
        "acceptance": accepted / drafted,
        "verifier_calls": calls / (len(decoded) * int(CONTINUED * n)),
    }


def retrieval(small: MatFormer, large: MatFormer, index: Tensor, labels: Tensor, x: Tensor, y: Tensor) -> dict[str, float]:
    """Look up the label of the nearest training image in the large model's index, with queries of either size."""

    def accuracy(encoder: MatFormer) -> float:
        queries = F.normalize(encoder.features(x), dim=1)  # (N, d)
        return float((labels[(queries @ keys.T).argmax(1)] == y).float().mean())

    keys = F.normalize(large.features(index), dim=1)
    cross = accuracy(small)
    return {"knn_cross": cross, "knn_loss": accuracy(large) - cross}


def random_mixes(shape: Shape, count: int = MIXES) -> list[tuple[int, ...]]:
    """Return Mix'n'Match widths that never fall with depth and are not uniform, the same ones in every run."""
    sizes, source = sorted(shape.f // k for k in GRANULARITIES.values()), random.Random(0)
    found: dict[tuple[int, ...], None] = {}
    possible = math.comb(shape.L + len(sizes) - 1, shape.L) - len(sizes)
    while len(found) < min(count, possible):
        widths = tuple(sorted(source.choices(sizes, k=shape.L)))
        if len(set(widths)) > 1:
            found[widths] = None
    return list(found)


def mixes(model: MatFormer, x: Tensor, y: Tensor) -> list[tuple[int, float, float]]:
    """Return macs, bits per byte and relative distance above the line between the trained neighbours, for each random mix."""
    curve = [(model.macs(w), bits(extract(model, w), x, y)) for w in (model.shape.widths(name) for name in GRANULARITIES)]
    found = []
    for widths in random_mixes(model.shape):
        macs, value = model.macs(widths), bits(extract(model, widths), x, y)
        found.append((macs, value, value / on_line(curve, macs) - 1))
    return found


def on_line(curve: Sequence[tuple[int, float]], at: float) -> float:
    """Interpolate linearly between points in rising order."""
    for (x0, y0), (x1, y1) in pairwise(curve):
        if x0 <= at <= x1:
            return y0 + (y1 - y0) * (at - x0) / (x1 - x0)
    raise ValueError(f"{at} lies outside the curve")


def pictures(model: MatFormer, x: Tensor, y: Tensor) -> Mapping[str, Artifact]:
    """Show all sub-models in one plane, and one continuation that S drafted and XL verified."""
    shape = model.shape
    named = {
        **{name: shape.widths(name) for name in GRANULARITIES},
        "s+xl": least_slope(shape, "s", "xl"),
        "m+l": least_slope(shape, "m", "l"),
    }
    values = [{"model": n, "kind": "named", "macs": model.macs(w), "bits": bits(extract(model, w), x, y)} for n, w in named.items()]
    values += [{"model": "mix", "kind": "random mix", "macs": macs, "bits": value} for macs, value, _ in mixes(model, x, y)]
    spec = {
        "data": {"values": values},
        "mark": {"type": "point", "filled": True, "tooltip": True},
        "encoding": {
            "x": {"field": "macs", "type": "quantitative", "title": "multiply-accumulates a token in the blocks"},
            "y": {"field": "bits", "type": "quantitative", "title": "bits per byte", "scale": {"zero": False}},
            "color": {"field": "kind", "type": "nominal"},
            "shape": {"field": "model", "type": "nominal"},
        },
    }
    prompt, count = x[0, : int(PROMPT * shape.n)], int(CONTINUED * shape.n)
    drafted = speculate(extract(model, shape.widths("s")), model, prompt, count)
    text = bytes(drafted.tokens.tolist()).decode("ascii", "replace")
    same = torch.equal(drafted.tokens, greedy(model, prompt, count).tokens)
    caption = f"{count} bytes in {drafted.calls} passes of XL; {'the same' if same else 'not the same'} as XL alone would have written."
    return {"submodels": Chart(spec, "One training, many models."), "continuation": Text(text, caption)}
