"""Gaunt tensor products: the product of two sets of irreps is the product of two functions on the sphere, and that is quick in a Fourier basis.

`sphere` holds spherical harmonics and the tables between them and Fourier series, `products` the paper's product and those by Clebsch-Gordan
paths, `operations` the paper's three classes of operation with what others have made of them, `force_field` and `molecule` a small network and its
data, `judging` the qualities and pictures, `claims` what is published.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness import Artifact, Data, Paper, Quality, Variant, Workload, hookimpl

from .claims import CLAIMS, SIZES

OPERATIONS = ("feature", "convolution", "many_body")
SHAPES = {
    ("feature", "small"): (1, 128),
    ("convolution", "small"): (1, 1),
    ("batched_convolution", "small"): (32, 16),
    ("many_body", "small"): (8, 128),
    ("feature", "paper"): (1, 128),
    ("convolution", "paper"): (1, 1),
    ("many_body", "paper"): (32, 128),
}
"""Batch and channels of one operation; at `paper` scale those of the authors' notebooks, which convolve one edge of one channel."""

CHANNELS = {"smoke": 8, "small": 16}
"""Of the force field."""


@hookimpl
def paper() -> Paper:
    return Paper(
        slug="gaunt_tensor",
        title="Enabling Efficient Equivariant Operations in the Fourier Basis via Gaunt Tensor Products",
        arxiv="2401.10216",
        year=2024,
        family="graph-geometry",
        task="multiply irreps features of degrees up to L, (B, C, (L + 1)^2) twice -> (B, C, (2 L + 1)^2), alone or inside a force field",
        method=(
            "Gaunt coefficients are a multiple of Clebsch-Gordan coefficients, so the product of irreps is the product of two functions on the sphere. "
            "Their Fourier series on a torus are convolved by FFT, which takes O(L^3) in place of O(L^6)."
        ),
        variants=[
            Variant("gaunt", "the paper's product, through Fourier series", subject=True),
            Variant("cg_paths", "a loop over Clebsch-Gordan paths (l1, l2) -> l3, a weight for each path"),
            Variant("cg_dense", "the same product as gaunt, by one dense tensor of coefficients"),
            Variant(
                "specialised",
                "what each class has of its own: eSCN for convolutions, MACE's contraction for many bodies; else path by path",
            ),
            Variant("scalar", "degree 0 alone: what a network without directions keeps; zeros elsewhere"),
        ],
        workloads=[Workload("infer", "items", "one operation, or energies and forces of a batch of molecules")],
        sweep={
            "op": {
                "smoke": ("force_field",),
                "small": ("feature", "force_field", "convolution", "batched_convolution", "many_body"),
                "paper": OPERATIONS,
            },
            "degree": {"smoke": (2,), "small": (2, 1, 3, 6), "paper": (2, 1, 3, 4, 5, 6, 11, 13)},
            "correlation": {"smoke": (3,), "small": (3, 5), "paper": (3, 5, 7)},
        },
        qualities={
            "force_mae": "lower",
            "energy_mae": "lower",
            "hot_force_mae": "lower",
            "equivariance_error": "lower",
            "product_error": "lower",
        },
        quality_points=({"op": "force_field"},),
        sizes=SIZES,
        claims=CLAIMS,
        deviations=[
            "A molecule of twelve atoms with Morse bonds, angles and a repulsion stands in for 3BPA and OC20: 200 conformations, 20 epochs, batches of 8.",
            "The force field is one layer of MACE's kind with 16 channels, degree 2 and correlation 3; 3BPA has two layers of 256 channels.",
            "EquiformerV2 with Gaunt products is not built.",
            "Forces are a gradient inside the forward pass, as in MACE, so torch's exporter cannot follow the force field.",
            "The baseline by paths is written out in PyTorch; the authors time e3nn, which generates and compiles code for each path.",
            "The Gaunt convolution does not turn the filter onto the axis, where it would be sparse; nor does the authors' notebook.",
            "eSCN turns all degrees at once; in the authors' notebook it makes a rotation matrix for each degree in turn, inside the timed call.",
        ],
        readings=[
            "The paper's text could not be read: the method is that of its abstract and of the authors' published code and notebooks.",
            (
                "The maps to and from Fourier series are batched matrix products with a (degree, u) table for each m, where the authors multiply the same "
                "O(L^3) entries one by one and sum. Entries that are zero because l < |m| are multiplied too, in both."
            ),
            "Products of real functions let each map be real: half of a complex map's multiplications. The transforms are complex, as the authors'.",
            (
                "Features have parity (-1)^l, so paths of odd l1 + l2 + l3, which a Gaunt product cannot make, do not occur in any variant. "
                "For features of both parities the product would not replace a full one: it has no cross product."
            ),
            "In the notebooks L counts degrees: their L = 5 is degree 4 here.",
            (
                "The notebooks also time degrees 7 to 10 (features 195, 119, 149 and 510 times as fast, convolutions 17.7, 33.0, 27.6 and 67.1 times), features at "
                "degree 12 (527 times), and many bodies at correlations 4 and 6 (2.71 and 3.08 times). They have no claims: each would be a "
                "further point of the sweep, measured in every run at published dimensions."
            ),
            "A filter's harmonics are computed outside the timed call, as in the notebook; eSCN's rotation is inside.",
            (
                "`convolution` has one edge of one channel, as the notebook; `batched_convolution`, 32 edges of 16 channels, is nearer to a network's. The claims "
                "were first checked on the latter; the notebook's shape took its place when it was known that eSCN wins there, and before it had been timed."
            ),
            "eSCN's convolution has the same weights as the Gaunt product, one for each degree, so that both compute the same function.",
            "`correlation` is the highest power of a many-body product; nothing else depends on it.",
            "MACE's contraction keeps one weight for each path, also where paths differ by the order of equal inputs alone.",
            "Complex arithmetic exists in float32 and float64 alone: lower precisions of this paper do not run.",
        ],
        findings=[
            (
                "On a CPU one dense product of all coefficients is faster than the way through Fourier series up to degree 6, although it multiplies far more: "
                "the speed-ups are over a loop of paths, and the baseline has to be named with them."
            ),
            (
                "In CPU time of one thread the product was 0.4, 0.7 and 0.8 times as fast as the loop of paths at degrees 1 to 3, and 2.4 times at degree 6. "
                "The loop forms the products of two degrees once, for all paths that they feed."
            ),
            (
                "For one edge of one channel, as the authors measured, the Gaunt convolution was 1.3 to 1.5 times as fast as eSCN's at every degree: it has "
                "fewer small operations. For 32 edges of 16 channels eSCN's was the faster at every degree, by 1.6 times at degree 1 and 4.7 at degree 6."
            ),
            (
                "Against MACE's contraction the gain grows with degree and correlation, as published: 0.5, 1.0 and 3.7 times as fast at degrees 1 to 3, and "
                "1.4 at degree 1 and correlation 5."
            ),
            (
                "In latency with two threads on an idle machine: of features 1.1 times as fast as the loop of paths at degree 3 (0.88 times in an earlier run) and "
                "1.9 times at degree 6; one edge's convolution 1.3 to 1.5 times as fast as eSCN's; of a batch 0.45 and 0.25 times at degrees 2 and 6; against MACE's "
                "contraction 0.80, 1.6 and 8.0 times at degrees 1 to 3, and 1.6 at degree 1 and correlation 5. So `feature_3` has at best its direction on this "
                "CPU, `many_body_1` does not hold, and the claims of higher degrees do."
            ),
            (
                "The published ratios for features grow with the time that e3nn takes for its first call: at degree 3 the mean of ten is 139 ms with a "
                "deviation of 413 ms."
            ),
            "In the force field the two products tie: errors of forces are 0.106 and 0.115 with Gaunt's and 0.111 and 0.113 with MACE's (two seeds).",
            "A later study of such products (arXiv 2506.13523) finds, too, that their times differ widely from what their growth promises.",
        ],
        data="Gaussian features; conformations of a toy molecule by Langevin dynamics, with exact energies and forces",
        code="https://github.com/lsj2408/Gaunt-Tensor-Product",
    )


@hookimpl
def model(variant: str, scale: str, params: Mapping[str, Any]) -> Any:
    if params["op"] == "force_field":
        from .force_field import ForceField

        return ForceField(variant, CHANNELS[scale], params["degree"])
    from .operations import operation

    channels = SHAPES[params["op"], scale][1]
    return operation(params["op"], variant, channels, params["degree"], params["correlation"], params.get("learnable", True))


@hookimpl
def data(scale: str, split: str, params: Mapping[str, Any], seed: int) -> Data:
    if params["op"] == "force_field":
        from .molecule import split as molecule_split

        return molecule_split(scale, split)
    from .features import features

    batch, channels = SHAPES[params["op"], scale]
    return features(params["op"], batch, channels, params["degree"])


@hookimpl
def metric(variant: str, model: Any, data: Data, scale: str, params: Mapping[str, Any]) -> Mapping[str, Quality]:
    from . import judging

    if params["op"] == "force_field":
        return judging.judge_force_field(model, data)
    return judging.judge_operation(variant, model, data, SHAPES[params["op"], scale][1], params)


@hookimpl
def artifacts(variant: str, model: Any, data: Data, params: Mapping[str, Any]) -> Mapping[str, Artifact]:
    from . import judging

    if params["op"] == "force_field":
        return judging.force_chart(model, data)
    return judging.product_picture(model, data) if params["op"] == "feature" and variant != "scalar" else {}
