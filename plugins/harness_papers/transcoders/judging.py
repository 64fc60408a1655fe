"""How faithful, sparse and readable a replacement is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from operator import itemgetter
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from harness import Quality

from .circuits import ablated, attribute
from .dictionaries import Dictionary
from .language import LanguageModel, Sublayer
from .planted import World
from .published import QUALITIES
from .setting import LAMBDAS
from .study import KIND, Replacement, Study
from .training import activations, pair

MATCHED_L0 = 20.0
"""Active features a token at which kinds are compared: set beforehand."""
PART = 64
"""Texts judged at a time."""
TEXTS, FEWEST = 16, 5
"""Texts on which contributions are compared with ablations, and the fewest active features that can be ranked."""
READABLE_F1 = 0.8
SAME_DIRECTION = 0.9
"""Cosine above which a feature counts as having found a gate's direction."""

_UNITS = {"ce": "nats", "ce_added": "nats", "ce_added_matched": "nats", "l0": "features"}


def judge(variant: str, model: Study | Replacement, data: tuple[Tensor, Tensor], extra: Mapping[str, Any]) -> dict[str, Quality]:
    """Return a variant's qualities.

    Args:
        variant: Its name.
        model: Fitted, or made of a fitted study.
        data: Texts and next bytes (N, n), or planted inputs and outputs (N, d).
        extra: Of planted data, the `world` and the active `concepts`.
    """
    study = model if isinstance(model, Study) else model.study[0]
    x, y = data if study.language is None else activations(study.language, data[0])[-1]
    if variant == "transcoder_sparse":
        found = {"sparse_error": sparse_error(model, study.chosen("transcoder"), x)}
    elif study.language is not None:
        found = on_text(variant, study, x, y, study.language, *data)
    else:
        found = on_planted(variant, study, x, y, extra["world"], extra["concepts"])
    return {name: Quality(value, _UNITS.get(name, "1"), QUALITIES[name]) for name, value in found.items()}


def on_text(variant: str, study: Study, x: Tensor, y: Tensor, model: LanguageModel, tokens: Tensor, following: Tensor) -> dict[str, float]:
    """Judge a variant inside the language model."""
    whole = cross_entropy(model, tokens, following)
    if variant == "study":
        return {"ce": whole}
    if variant == "mlp":
        return {"l0": l0(study.mlp.neurons(x)), "ce_added": 0.0}
    kind = KIND[variant]
    curve = [
        {**sparsity(d, kind, x, y, study), "ce_added": cross_entropy(model, tokens, following, placed(kind, d, study)) - whole}
        for d in study.members(kind)
    ]
    found = dict(curve[LAMBDAS[kind].index(1.0)])
    nothing = cross_entropy(model, tokens, following, torch.zeros_like) - whole
    found["ce_recovered"] = 1 - found["ce_added"] / nothing
    found |= matched(curve, ("fvu", "ce_added"))
    if variant == "transcoder":
        found["attribution_rank"], found["attribution_error"] = circuits(study, model, tokens)
    return found


def on_planted(variant: str, study: Study, x: Tensor, y: Tensor, planted: World, concepts: Tensor) -> dict[str, float]:
    """Judge a variant by what was planted."""
    if variant == "study":
        return {"fvu": fvu(study.mlp(x), y)}
    if variant == "mlp":
        z = study.mlp.neurons(x)
        return {"l0": l0(z), "readable": readable(z, concepts)}
    kind = KIND[variant]
    curve = [sparsity(d, kind, x, y, study) for d in study.members(kind)]
    found = dict(curve[LAMBDAS[kind].index(1.0)]) | matched(curve, ("fvu",))
    dictionary = study.chosen(kind)
    z = dictionary.features(pair(kind, x, y)[0])
    found["readable"] = readable(z, concepts)
    if kind != "sae_in":
        matches = F.normalize(dictionary.W_dec, dim=1) @ planted.writes.T  # (m, G)
        found["gates_found"] = float((matches.amax(0) >= SAME_DIRECTION).float().mean())
        if kind != "sae":
            found["gates_wired"] = wired(dictionary, planted, matches)
    return found


def placed(kind: str, dictionary: Dictionary, study: Study) -> Sublayer:
    """Return what stands in the place of the MLP for a kind of dictionary."""
    if kind == "sae":
        return lambda x: dictionary(study.mlp(x))
    if kind == "sae_in":
        return lambda x: study.mlp(dictionary(x))
    return dictionary


def cross_entropy(model: LanguageModel, tokens: Tensor, following: Tensor, sublayer: Sublayer | None = None) -> float:
    """Return the mean cross-entropy of next bytes in nats, with `sublayer` in the place of the last MLP."""
    instead = {} if sublayer is None else {len(model.layers) - 1: sublayer}
    total = 0.0
    for part, target in zip(tokens.split(PART), following.split(PART), strict=True):
        total += float(F.cross_entropy(model(part, instead).flatten(0, 1), target.flatten(), reduction="sum"))
    return total / following.numel()


def sparsity(dictionary: Dictionary, kind: str, x: Tensor, y: Tensor, study: Study) -> dict[str, float]:
    """Return active features a token, the share that never fires, and the share of the MLP's output that is missed."""
    source, _ = pair(kind, x, y)
    z = dictionary.features(source)
    out = dictionary.decode(z)
    answered = study.mlp(out) if kind == "sae_in" else out
    return {"l0": l0(z), "dead": float((z <= 0).all(0).float().mean()), "fvu": fvu(answered, y)}


def l0(z: Tensor) -> float:
    """Return how many of (N, m) are above 0 for each token in the mean."""
    return float((z > 0).sum(1).float().mean())


def fvu(answered: Tensor, y: Tensor) -> float:
    """Return the fraction of the variance of y (N, d) that is not explained."""
    return float((answered - y).square().sum() / (y - y.mean(0)).square().sum())


def matched(curve: Sequence[Mapping[str, float]], names: Sequence[str]) -> dict[str, float]:
    """Return figures at the matched number of active features, between neighbours by a straight line over its logarithm; none outside the curve."""
    points = sorted(((math.log(max(p["l0"], 1e-9)), p) for p in curve), key=itemgetter(0))
    at = math.log(MATCHED_L0)
    for (low, p), (high, q) in pairwise(points):
        if low <= at <= high:
            share = (at - low) / (high - low) if high > low else 0.0
            return {f"{name}_matched": p[name] + share * (q[name] - p[name]) for name in names}
    return {}


def readable(z: Tensor, concepts: Tensor) -> float:
    """Return the share of living features whose firing tells one planted concept, with an F1 of at least 0.8.

    Args:
        z: Activations (N, m).
        concepts: (N, c) which concepts hold.
    """
    fires, holds = (z > 0).float(), concepts.float()
    both = fires.T @ holds  # (m, c)
    f1 = 2 * both / (fires.sum(0)[:, None] + holds.sum(0)).clamp(min=1)
    living = fires.sum(0) > 0
    return float((f1.amax(1)[living] >= READABLE_F1).float().mean()) if living.any() else 0.0


def wired(dictionary: Dictionary, planted: World, matches: Tensor) -> float:
    """Return the share of joining gates that a feature writes and whose own two inputs excite that feature the most, by weights alone."""
    excites = planted.directions @ dictionary.W_enc  # (F, m)
    best, feature = matches.max(0)  # (G,)
    right = 0
    for gate, features in enumerate(planted.pairs):
        strongest = excites[:, feature[gate]].topk(2).indices
        right += bool(best[gate] >= SAME_DIRECTION) and set(strongest.tolist()) == set(features.tolist())
    return right / len(planted.pairs)


def sparse_error(model: Study | Replacement, dictionary: Dictionary, x: Tensor) -> float:
    """Return how far the sparse decoder is from the dense one, in the length of the answer, as a share of the dense one's."""
    dense = dictionary(x)
    return float((model(x) - dense).norm() / dense.norm())


def circuits(study: Study, model: LanguageModel, tokens: Tensor) -> tuple[float, float]:
    """Return how contributions read off weights rank features, against ablating them, and how far contributions are from adding up.

    On each text, the feature that is strongest at its last token is taken apart. The rank correlation is over the features of the layer before that
    are active at that token; the second figure is the largest error of a sum over the size of the pre-activation.
    """
    from scipy.stats import spearmanr

    upstream, downstream = study.chosen("upstream"), study.chosen("transcoder")
    ranks, errors = [], []
    for text in tokens[:TEXTS]:
        x, _ = model.seen(text[None], {0: upstream})[1]
        feature = int(downstream.features(x[-1:]).argmax())
        found = attribute(model, upstream, downstream, text, feature)
        errors.append(float((found.total - found.value).abs() / found.value.abs().clamp(min=1)))
        removed = found.activations[-1].nonzero()[:, 0]
        if len(removed) < FEWEST:
            continue
        effect = found.value - ablated(model, upstream, downstream, text, feature, removed)
        ranks.append(float(spearmanr(found.features[-1, removed].numpy(), effect.numpy()).statistic))
    return (sum(ranks) / len(ranks) if ranks else 0.0), max(errors)
