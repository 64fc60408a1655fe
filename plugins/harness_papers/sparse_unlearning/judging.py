"""How well a network has forgotten: UA, MIA-efficacy, RA and TA, each beside that of the network retrained at the same density."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass

import torch
from scipy.stats import spearmanr
from sklearn.svm import SVC  # type: ignore[import-untyped]
from torch import Tensor, nn

from harness import Artifact, Chart, Data, Quality

from .bound import DENSITIES, density_errors
from .network import Unlearned, convolutions, unpack
from .pruning import sparsity
from .setting import PLANS, Labelled, Scenario, build_network
from .unlearning import method_of

ATTACK = "confidence"
"""Whose efficacy is MIA-efficacy; the other four features are on the chart."""
BOUND_VARIANT = "pruned_ga"
"""The variant with which the theory's case is measured: one step of ascent on a sparse network."""
UNITS = {"density_order": "rank correlation"}


@dataclass(frozen=True)
class Scores:
    """Shares between 0 and 1."""

    ua: float
    mia: float
    ra: float
    ta: float

    def gap(self, other: Scores) -> float:
        """Return the mean absolute difference of the four."""
        pairs = zip(astuple(self), astuple(other), strict=True)
        return float(sum(abs(mine - theirs) for mine, theirs in pairs) / len(astuple(self)))


def judge(variant: str, model: Unlearned, data: Data, scale: str, seed: int) -> dict[str, Quality]:
    """Return a variant's qualities."""
    case: Scenario = data.extra["scenario"]
    mine = scores(model.net, case)
    found = {"ua": mine.ua, "mia": mine.mia, "ra": mine.ra, "ta": mine.ta, "sparsity": sparsity(model.net)}
    if method_of(variant)[0] != "retrain":
        found["gap"] = mine.gap(scores(reference(model, scale), case))
    if variant == BOUND_VARIANT:
        found["density_order"] = float(spearmanr(DENSITIES, errors_by_density(case, scale, seed)).statistic)
    return {name: Quality(value, UNITS.get(name, "1"), "lower" if name == "gap" else "higher") for name, value in found.items()}


def reference(model: Unlearned, scale: str) -> nn.Module:
    """Return the network that was retrained at a model's density."""
    return unpack(build_network(scale), model.kept[0]).eval()


def scores(net: nn.Module, case: Scenario) -> Scores:
    """Return the four scores of a network."""
    return Scores(1 - accuracy(net, case.forget), efficacy(net, case)[ATTACK], accuracy(net, case.retain), accuracy(net, case.test))


def accuracy(net: nn.Module, images: Labelled) -> float:
    """Return the share of images whose class a network names."""
    return float((probabilities(net, images.x).argmax(1) == images.y).float().mean())


def probabilities(net: nn.Module, x: Tensor) -> Tensor:
    """Return class probabilities (N, 10)."""
    with torch.no_grad():
        return torch.cat([net(part).softmax(1) for part in x.split(256)])


# Membership inference


def features(p: Tensor, y: Tensor) -> dict[str, Tensor]:
    """Return what an attack may look at, each (N, k): probabilities p (N, 10), labels y (N,).

    The modified entropy is -(1 - p_y) log p_y - sum over other classes of p_i log(1 - p_i): small for a confident answer that is right.
    """
    tiny = torch.finfo(p.dtype).tiny
    log_p, log_rest = p.clamp_min(tiny).log(), (1 - p).clamp_min(tiny).log()
    own = torch.nn.functional.one_hot(y, p.shape[1]).bool()
    confidence = p[own][:, None]
    modified = -((1 - p) * log_p)[own] - (p * log_rest).masked_fill(own, 0.0).sum(1)
    return {
        "correctness": (p.argmax(1) == y).float()[:, None],
        "confidence": confidence,
        "entropy": -(p * log_p).sum(1, keepdim=True),
        "modified entropy": modified[:, None],
        "probabilities": p,
    }


def efficacy(net: nn.Module, case: Scenario, only: str = ATTACK) -> dict[str, float]:
    """Return the share of forgotten images that attacks take for images never seen; `only` one attack, or all where it is empty.

    An attack learns from as many retained images (members) as test images (not members).
    """
    count = min(len(case.retain.x), len(case.test.x))
    parts = (Labelled(case.retain.x[:count], case.retain.y[:count]), Labelled(case.test.x[:count], case.test.y[:count]), case.forget)
    seen = [features(probabilities(net, part.x), part.y) for part in parts]
    return {name: unseen(*(part[name] for part in seen)) for name in seen[0] if not only or name == only}


def unseen(members: Tensor, others: Tensor, targets: Tensor) -> float:
    """Return the share of targets (N, k) that a support vector machine, taught with members and others, takes for others."""
    machine = SVC(C=3, gamma="auto", kernel="rbf")
    machine.fit(torch.cat([members, others]).numpy(), [1] * len(members) + [0] * len(others))
    return 1 - float(machine.predict(targets.numpy()).mean())


# Theory


def errors_by_density(case: Scenario, scale: str, seed: int) -> list[float]:
    """Return the error of unlearning SGD by one step, from a fresh network, at each density."""
    with torch.enable_grad():
        return density_errors(build_network(scale), case, PLANS[scale].bound_steps, torch.Generator().manual_seed(seed))


# Pictures


def charts(variant: str, model: Unlearned, data: Data, scale: str, seed: int) -> Mapping[str, Artifact]:
    """Return what is worth looking at: scores and attacks beside retraining, the weights, the theory's error."""
    case: Scenario = data.extra["scenario"]
    shown: dict[str, Artifact] = {}
    if variant == "l1_sparse":
        retrained = reference(model, scale)
        shown["scores"] = _bars(
            {"this network": _named(model.net, case), "retrained": _named(retrained, case)}, "The four scores beside retraining."
        )
        attacks = {"this network": efficacy(model.net, case, ""), "retrained": efficacy(retrained, case, "")}
        shown["attacks"] = _bars(attacks, "Share of forgotten images that each attack takes for unseen ones.")
        shown["weights"] = _magnitudes({"this network": model.net, "retrained": retrained})
    if variant == BOUND_VARIANT:
        shown["error over density"] = _errors(errors_by_density(case, scale, seed))
    return shown


def _named(net: nn.Module, case: Scenario) -> dict[str, float]:
    found = scores(net, case)
    return {"UA": found.ua, "MIA-efficacy": found.mia, "RA": found.ra, "TA": found.ta}


def _bars(groups: Mapping[str, Mapping[str, float]], caption: str) -> Chart:
    values = [{"network": group, "score": name, "value": value} for group, named in groups.items() for name, value in named.items()]
    spec = {
        "data": {"values": values},
        "mark": {"type": "bar", "tooltip": True},
        "encoding": {
            "x": {"field": "score", "type": "nominal", "title": None, "sort": None},
            "xOffset": {"field": "network", "sort": None},
            "y": {"field": "value", "type": "quantitative", "title": "share", "scale": {"domain": [0, 1]}},
            "color": {"field": "network", "type": "nominal", "title": None, "sort": None},
        },
    }
    return Chart(spec, caption)


EDGES = (-6.0, 1.0, 28)
"""First and last power of ten of a weight's size on the chart, and its bins."""


def _magnitudes(networks: Mapping[str, nn.Module]) -> Chart:
    low, high, bins = EDGES
    values = []
    for name, net in networks.items():
        sizes = torch.cat([weight.detach().abs().flatten() for weight in convolutions(net)]).clamp_min(10**low).log10()
        counts = torch.histc(sizes, bins, low, high) / len(sizes)
        values += [{"network": name, "size": low + (high - low) * (i + 0.5) / bins, "share": float(c)} for i, c in enumerate(counts)]
    spec = {
        "data": {"values": values},
        "mark": {"type": "line", "interpolate": "step"},
        "encoding": {
            "x": {"field": "size", "type": "quantitative", "title": "log10 of a convolution weight's size"},
            "y": {"field": "share", "type": "quantitative", "title": "share of weights"},
            "color": {"field": "network", "type": "nominal", "title": None, "sort": None},
        },
    }
    return Chart(spec, "How large the weights of the convolutions are.")


def _errors(errors: list[float]) -> Chart:
    values = [{"density": density, "error": error} for density, error in zip(DENSITIES, errors, strict=True)]
    spec = {
        "data": {"values": values},
        "mark": {"type": "line", "point": True},
        "encoding": {
            "x": {
                "field": "density",
                "type": "quantitative",
                "scale": {"type": "log"},
                "title": "share of convolution weights that is left",
            },
            "y": {"field": "error", "type": "quantitative", "title": "distance from retraining"},
        },
    }
    return Chart(spec, "How far one step of unlearning ends from SGD without the forgotten images.")
