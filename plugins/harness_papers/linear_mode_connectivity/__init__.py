"""Linear mode connectivity: how high is the barrier on the straight line between two trained networks, and can its ends foretell it?

Two copies of one network go on training with different batches from a spawn point k on. Parted high on the mountainside, they end in valleys with a
ridge between them; parted later, they end in one. The height of the ridge is estimated from the gradient and the curvature at both ends.

A model here is a pair of networks with one way of judging the line between them; calling it on labelled images gives the barrier, or what stands for
it. `spawn_late`, `spawn_early`, `different_init` and `aligned` differ in the pair, `scan`, `midpoint`, `distance` and `sharpness` in the judgement.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness import Artifact, Budget, Claim, Data, Paper, PublishedSize, Quality, Scaled, Variant, Workload, hookimpl

MLP = 64 * 128 + 128 + 128 * 128 + 128 + 128 * 10 + 10
"""Parameters of the MLP 64-128-128-10."""
MLP_MACS = 64 * 128 + 128 * 128 + 128 * 10
"""Multiply-accumulates of its forward pass over one image."""
CNN = (9 * 1 + 1) * 16 + 2 * (9 * 16 + 1) * 16 + (16 + 1) * 10
"""Parameters of the CNN of 16 channels."""
DIGITS = 1200
"""Training digits: what a path is scanned over."""
TOY_ZERO = 1e-9
"""A barrier of the toy landscape that counts as none, against ridges of nearly 1: what double precision leaves of zero."""
SMOKE_IMAGES = 64
"""Images of one call at `smoke` scale."""

UNITS = {
    "barrier": "nats",
    "barrier_test": "nats",
    "barrier_error": "share",
    "barrier_hat": "nats",
    "ridge": "nats",
    "toy_barrier": "loss",
    "sharpness": "nats per squared unit",
}
"""Units of the qualities that have one; the others are shares, correlations and lengths in parameter space."""

QUALITIES = {
    "barrier": "lower",
    "barrier_test": "lower",
    "barrier_error": "lower",
    "barrier_hat": "lower",
    "connected": "higher",
    "accuracy": "higher",
    "distance": "lower",
    "cosine": "higher",
    "sharpness": "lower",
    "ridge": "lower",
    "rank_agreement": "higher",
    "layer_agreement": "higher",
    "trend": "lower",
    "toy_barrier": "lower",
}

READINGS = (
    "The body of the paper could not be read. The estimate is derived here from the abstract: both ends' second-order expansions, averaged.",
    "The thresholds of the claims are ours: the abstract states directions and prints no number.",
    "The learning rate falls to zero along a cosine, so that both ends are near minima, as the theory supposes; `schedule=constant` is the other way.",
    (
        "The barrier of one layer follows code that one of the authors published for earlier work on layer-wise connectivity: one layer is averaged, "
        "the others stay those of one network, and the loss is compared with the mean of the two full networks. Both choices are averaged, which is what "
        "the estimate restricted to a layer stands for."
    ),
    "A barrier is never negative, since the ends are points of the path; the estimate may be, and is not clipped.",
    (
        "Late means a spawn point at 30% of the training. The study takes k of 0, 1, 3, 10, 30 and 100%, two learning rates and two widths: 24 pairs, of "
        "which the 20 that part at all are ranked. At 100% both copies are one network, which counts for the trend alone."
    ),
    "Sharpness is the mean over both ends of the Hessian's largest eigenvalue, by 15 power iterations.",
    "The toy landscape is ours: f(x, y) = (x^2 - tanh y)^2 + 0.05 (y - 3)^2, with 64 pairs of noisy descents from (0, -2).",
    "Two initialisations see the same batches in the same order as two copies of one, so that only the start differs.",
    "The `paper` scale is the larger MLP, 64-128-128-10, since the paper's own networks are not known.",
)
DEVIATIONS = (
    "The networks are an MLP with two hidden layers and a CNN with three convolutions, on 8x8 digits or 16x16 crops of photographs.",
    "At `small` scale the pair's MLP has 32 hidden units a layer rather than 128, so that a barrier between copies is plain to see.",
    "The networks have no normalisation layers, so that no statistics have to be estimated anew on the path.",
    "The learning rates are 0.05 and 0.1 for the MLP on digits and lower elsewhere, where 0.1 leaves networks untrained.",
)
FINDINGS = (
    (
        "The estimate is no cheap substitute for the scan. A Hessian-vector product by double back-propagation takes 6 to 7.4 forward passes of these "
        "MLPs, so that two of them come to half of 25; in time we found 0.45 of the scan for the MLP and 1.2 for the CNN, against the 0.3 asked for."
    ),
    (
        "Three losses, at both ends and half way, take 0.12 of the scan's time and rank the barriers better than the estimate does: 0.99 against 0.97 "
        "over five seeds. The estimate explains a barrier; where both networks are at hand it does not save measuring it."
    ),
    (
        "The estimate ranks barriers but misses the height of tall ones: between two initialisations it says 0.04 to 0.08 nats where 1.0 to 1.6 are "
        "measured, since the cross-entropy is nearly flat at both ends. From 0.0001 to 0.01 nats it is right within a factor of three in 48 of 50 pairs."
    ),
    (
        "The distance alone ranks nearly as well for the MLP on digits: 0.95 against 0.97 over five seeds, and better in two of them. The estimate is "
        "well ahead for the CNN, 0.99 against 0.80, and on photographs, 0.98 against 0.91, one seed each."
    ),
    (
        "It takes ends that are near minima. With a constant learning rate the estimate's rank correlation is 0.96, 0.96, 0.76, 0.67 and 0.51 over five "
        "seeds, the distance's 0.97, 0.94, 0.81, 0.69 and 0.64. Wrong labels do no harm: 0.96 to 0.99 with a tenth of them drawn anew, three seeds."
    ),
    (
        "The ridge stands between the copies: from a copy back to the spawn point the straight path has no barrier at any moment of the training, even "
        "while the loss half way between the copies is 0.2 nats higher than at either."
    ),
    (
        "Moving one layer to its value in the other network, the rest unchanged, gives a path that hardly ever rises over its own chord: judged so, "
        "layers have no barriers, and there is nothing to rank."
    ),
    "Permuting hidden units takes the barrier between two initialisations from 1.4 to 0.05 nats, less than between two copies that part at the start.",
    (
        "In the toy landscape it is not the height that decides but the side: copies that part at y = 0.13, before they have come down on either "
        "side, still end apart in one pair of ten."
    ),
)


@hookimpl
def paper() -> Paper:
    return Paper(
        slug="linear_mode_connectivity",
        title="Landscaping Linear Mode Connectivity",
        arxiv="2406.16300",
        year=2024,
        family="theory",
        task="say how high the barrier is between two networks on labelled images: (N, C, H, W) and (N,) -> a scalar",
        method=(
            "Copies of a network that part only after they have come down on one side of the ridge stay linearly connected. The height of the "
            "barrier between two networks is estimated to second order from gradient and curvature along the line at both ends."
        ),
        variants=[
            Variant("spawn_late", "copies that part after 30% of the training; the barrier estimated from both ends", subject=True),
            Variant("spawn_early", "copies that part at the initialisation; estimated"),
            Variant("different_init", "two initialisations, nothing in common; estimated"),
            Variant("aligned", "two initialisations, hidden units permuted to match; estimated", shares_fit="different_init"),
            Variant("scan", "the late pair, judged by the loss at 25 points of the path", shares_fit="spawn_late"),
            Variant("midpoint", "the late pair, judged by the loss at both ends and half way", shares_fit="spawn_late"),
            Variant("distance", "the late pair, judged by its distance alone", shares_fit="spawn_late"),
            Variant("sharpness", "the late pair, judged by its top Hessian eigenvalues alone", shares_fit="spawn_late"),
        ],
        workloads=[
            Workload("infer", "images", "one measurement: the barrier of the pair, or what stands for it, over all images", gradients=True)
        ],
        sweep={"network": ("mlp", "cnn"), "images": ("digits", "photos")},
        qualities=QUALITIES,
        cost_axes=("network",),
        quality_points=({"images": "photos"},),
        sizes=_sizes(),
        claims=_claims(),
        readings=READINGS,
        deviations=DEVIATIONS,
        findings=FINDINGS,
        data="scikit-learn's handwritten digits; non-overlapping 16x16 crops of eight photographs carried by scikit-learn and scikit-image",
    )


def _sizes() -> list[PublishedSize]:
    one = "one network of the pair is counted"
    counted, derived = "our own count; the paper's networks could not be read", "derived from the method; not printed"
    return [
        PublishedSize("spawn_late", "parameters", f"{MLP:,}", counted, input="8x8", convention=one, adjust=-MLP),
        PublishedSize("spawn_late", "parameters", f"{CNN:,}", counted, {"network": "cnn"}, input="8x8", convention=one, adjust=-CNN),
        PublishedSize("scan", "macs", f"{25 * DIGITS * MLP_MACS:,}", derived, input="25 forward passes over 1,200 images of 8x8"),
        PublishedSize("midpoint", "macs", f"{3 * DIGITS * MLP_MACS:,}", derived, input="3 forward passes over 1,200 images of 8x8"),
    ]


def _claims() -> list[Claim]:
    return [
        _stated(
            "late-connected",
            "Copies that part late on share a mountainside, and the barrier between them all but vanishes.",
            ("barrier", "spawn_late", "spawn_early"),
            ratio=0.3,
        ),
        _stated("trend", "The barrier falls steadily with the spawn point: rank correlation with k.", ("trend", "spawn_late"), value=-0.7),
        _stated(
            "predictor",
            "The theory foretells the height of the barrier: rank correlation of estimate and measurement over many pairs.",
            ("rank_agreement", "spawn_late"),
            value=0.8,
        ),
        _stated(
            "beats-distance",
            "The estimate ranks barriers better than the distance between the networks does.",
            ("rank_agreement", "spawn_late", "distance"),
            order=True,
        ),
        _stated(
            "beats-sharpness",
            "The estimate ranks barriers better than the sharpness of the minima does.",
            ("rank_agreement", "spawn_late", "sharpness"),
            order=True,
        ),
        _stated(
            "layerwise",
            "Taken one layer at a time, the estimate is a faithful predictor of layer-wise connectivity.",
            ("layer_agreement", "spawn_late"),
            value=0.7,
        ),
        _stated(
            "init",
            "Two initialisations are farther from connected than two copies of one.",
            ("barrier", "spawn_early", "different_init"),
            source="earlier work on spawning, from memory",
            order=True,
        ),
        Claim(
            "toy-connected",
            "toy_barrier",
            "spawn_late",
            value=TOY_ZERO,
            source="abstract",
            says="In two dimensions: no barrier between copies that part on one side of the ridge.",
            ours=True,
            when={"scale": "small"},
        ),
        Claim(
            "toy-parted",
            "toy_barrier",
            "spawn_late",
            "spawn_early",
            order=True,
            source="abstract",
            says="In two dimensions: a barrier between copies that part on the mountainside, before the ridge.",
            ours=True,
            when={"scale": "small"},
        ),
        Claim(
            "cost",
            "latency",
            "spawn_late",
            "scan",
            ratio=0.3,
            source="derived from the method; not printed",
            says="The estimate takes two Hessian-vector products where the scan takes 25 forward passes over the same images.",
            ours=True,
            when={"scale": "small"},
        ),
    ]


def _stated(name: str, says: str, about: tuple[str, ...], source: str = "abstract", **form: Any) -> Claim:
    """Make a claim about image classifiers, which states a direction and leaves the number to us, with its check on small networks.

    Args:
        name: Its id.
        says: What it says.
        about: Quantity, subject and, where it compares, baseline.
        source: Where it is said.
        form: `ratio`, `value` or `order`.
    """
    reduced = Scaled(
        **form, when={"scale": "small"}, why="the same protocol on small networks and images: nothing in the statement depends on size"
    )
    stated = {"source": source, "measured_on": "image classifiers; the abstract names none", "when": {"scale": "paper"}}
    return Claim(name, *about, **form, **stated, says=says, ours=True, scaled=reduced)


@hookimpl
def model(variant: str, scale: str, params: Mapping[str, Any], fitted: Any) -> Any:
    from harness_papers.linear_mode_connectivity.experiment import build

    return build(variant, scale, params, fitted)


@hookimpl
def data(scale: str, split: str, params: Mapping[str, Any]) -> Data:
    from harness_papers.linear_mode_connectivity.images import labelled

    noise = params.get("label_noise", 0.0)
    x, y = labelled(params["images"], "train", scale, noise)
    if split == "profile":
        count = SMOKE_IMAGES if scale == "smoke" else len(x)
        return Data((x[:count], y[:count]))
    if split == "train":
        return Data((x, y))
    return Data(labelled(params["images"], "test", scale), extra={"train": (x, y)})


@hookimpl
def fit(variant: str, model: Any, data: Data, scale: str, params: Mapping[str, Any], budget: Budget, seed: int) -> Any:
    from harness_papers.linear_mode_connectivity.experiment import train

    return train(variant, model, data.inputs, scale, params, budget, seed)


@hookimpl
def metric(variant: str, model: Any, data: Data, seed: int) -> Mapping[str, Quality]:
    from harness_papers.linear_mode_connectivity.experiment import judge

    found = judge(variant, model, data.extra["train"], data.inputs, seed)
    return {name: Quality(value, UNITS.get(name, ""), QUALITIES[name]) for name, value in found.items()}


@hookimpl
def artifacts(variant: str, model: Any, data: Data, seed: int) -> Mapping[str, Artifact]:
    from harness_papers.linear_mode_connectivity.figures import draw

    return draw(variant, model, data.extra["train"], data.inputs, seed)
