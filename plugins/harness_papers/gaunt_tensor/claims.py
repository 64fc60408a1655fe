"""Published claims and sizes."""

from __future__ import annotations

from harness import Claim, PublishedSize, Scaled

FEATURE = "efficiency-comparison/test_equi_feat.ipynb"
CONVOLUTION = "efficiency-comparison/test_equi_conv.ipynb"
MANY_BODY = "efficiency-comparison/test_equi_many-body.ipynb"
MEASURED_ON = {
    "feature": "GPU, 128 channels; the mean of ten calls, in the first of which e3nn compiles",
    "convolution": "GPU, one edge of one channel; the mean of ten calls, the first included",
    "many_body": "GPU, 32 atoms of 128 channels; the mean of ten calls",
}

FORMULA = "multiplications of the dense product, counted by hand"
DENSE = {2: "259,200", 4: "6,480,000", 7: "117,964,800"}
"""128 (L + 1)^4 (2 L + 1)^2."""


def _sizes() -> list[PublishedSize]:
    sizes = []
    for degree, macs in DENSE.items():
        bare = {"op": "feature", "degree": degree, "learnable": False}
        given = f"128 channels of degree {degree}, twice"
        sizes.append(PublishedSize("cg_dense", "macs", macs, FORMULA, bare, input=given))
        sizes += [
            PublishedSize(variant, "parameters", "0", "abstract: the product has fixed coefficients", bare, input=given)
            for variant in ("cg_dense", "gaunt")
        ]
        weights = 128 * (2 * (degree + 1) + 2 * degree + 1)
        with_weights = {**bare, "learnable": True}
        sizes.append(
            PublishedSize(
                "gaunt",
                "parameters",
                f"{weights:,}",
                "the reparametrisation: a weight for each input and output degree",
                with_weights,
                input=given,
            )
        )
    return sizes


def _speed(
    name: str, op: str, degree: int, faster: float, baseline: str, source: str, says: str, scaled: Scaled | None, **more: int
) -> Claim:
    return Claim(
        name,
        quantity="latency",
        subject="gaunt",
        baseline=baseline,
        ratio=1 / faster,
        when={"device": "cuda", "scale": "paper", "op": op, "degree": degree, **more},
        source=source,
        says=says.format(faster=faster, degree=degree),
        measured_on=MEASURED_ON[op],
        scaled=scaled,
    )


def _order(op: str, degree: int, of: str, **more: int) -> Scaled:
    when = {"device": "cpu", "scale": "small", "op": op, "degree": degree, **more}
    return Scaled(order=True, when=when, why=f"the same operation on a CPU, for {of}: it should still be the faster")


def _feature(degree: int, faster: float) -> Claim:
    check = Scaled(
        ratio=1 / 1.5,
        when={"device": "cpu", "scale": "small", "op": "feature", "degree": degree},
        why="warm calls of the same 128 channels on a CPU, where there is no compilation to wait for: half as fast again is asked for",
    )
    says = "At degree {degree} the Gaunt product is {faster:g} times as fast as the product path by path."
    return _speed(f"feature_{degree}", "feature", degree, faster, "cg_paths", FEATURE, says, check if degree in (3, 6) else None)


def _convolution(degree: int, faster: float) -> Claim:
    check = _order("convolution", degree, "one edge of one channel, as the authors measured")
    says = "At degree {degree} the Gaunt convolution is {faster:g} times as fast as eSCN's."
    return _speed(
        f"convolution_{degree}", "convolution", degree, faster, "specialised", CONVOLUTION, says, check if degree in (1, 2, 3, 6) else None
    )


def _batched_convolution(degree: int) -> Claim:
    return Claim(
        f"batched_convolution_{degree}",
        quantity="latency",
        subject="gaunt",
        baseline="specialised",
        order=True,
        when={"device": "cpu", "scale": "small", "op": "batched_convolution", "degree": degree},
        source="abstract, which says that convolutions are accelerated; the batch is ours",
        says=f"At degree {degree} the Gaunt convolution is faster than eSCN's for 32 edges of 16 channels at once, too.",
        measured_on="not printed",
        ours=True,
    )


def _many_body(degree: int, correlation: int, faster: float) -> Claim:
    small = degree <= 3 and correlation <= 5
    check = _order("many_body", degree, "8 atoms instead of 32", correlation=correlation) if small else None
    says = f"At degree {{degree}} and correlation {correlation} the Gaunt product is {{faster:g}} times as fast as MACE's contraction."
    name = f"many_body_{degree}" if correlation == 3 else f"many_body_{degree}_of_{correlation}"
    return _speed(name, "many_body", degree, faster, "specialised", MANY_BODY, says, check, correlation=correlation)


SIZES = _sizes()

CLAIMS = [
    Claim(
        "complexity",
        quantity="macs",
        subject="gaunt",
        exponent=3.0,
        axis="degree",
        when={"scale": "paper", "op": "feature"},
        source="abstract",
        says="Multiplications of the full product grow with the cube of the degree, and not with its sixth power.",
        measured_on="derived",
    ),
    Claim(
        "complexity_fourier",
        quantity="flops",
        subject="gaunt",
        exponent=3.0,
        axis="degree",
        when={"scale": "paper", "op": "feature"},
        source="abstract",
        says="The same with the Fourier transforms counted, which by themselves grow as L^2 log L.",
        measured_on="derived",
        ours=True,
    ),
    Claim(
        "complexity_dense",
        quantity="macs",
        subject="cg_dense",
        exponent=(3.33, 5.64),
        axis="degree",
        when={"scale": "paper", "op": "feature"},
        source="the local slope of (L + 1)^4 (2 L + 1)^2, 3.33 at degree 1 and 5.64 at degree 13; 6 in the limit",
        says="The dense product grows with nearly the sixth power.",
        measured_on="derived",
        ours=True,
    ),
    Claim(
        "equivariant",
        quantity="equivariance_error",
        subject="gaunt",
        value=1e-5,
        when={"scale": "small", "op": "feature"},
        source="section on Gaunt coefficients: by the Wigner-Eckart theorem they are a multiple of Clebsch-Gordan's",
        says="Turning both inputs turns the product.",
        measured_on="an identity",
        ours=True,
    ),
    Claim(
        "exact",
        quantity="product_error",
        subject="gaunt",
        value=1e-6,
        when={"scale": "small", "op": "feature"},
        source="the authors' notebooks hold both forms against each other, within 1e-6 at degree 1 and 1e-3 at degree 13",
        says="The way through Fourier series gives the product itself, up to rounding.",
        measured_on="an identity",
        ours=True,
    ),
    *(
        _feature(degree, faster)
        for degree, faster in {1: 8.78, 2: 13.95, 3: 59.88, 4: 69.08, 5: 124.16, 6: 176.76, 11: 480.06, 13: 739.37}.items()
    ),
    *(_convolution(degree, faster) for degree, faster in {1: 6.09, 2: 6.80, 3: 4.89, 4: 4.96, 5: 7.09, 6: 18.19, 11: 124.95}.items()),
    *(_batched_convolution(degree) for degree in (2, 6)),
    *(_many_body(degree, 3, faster) for degree, faster in {1: 2.32, 2: 2.84, 3: 3.11, 4: 3.57, 5: 5.12}.items()),
    *(_many_body(1, correlation, faster) for correlation, faster in {5: 2.21, 7: 3.29}.items()),
    Claim(
        "quality",
        quantity="force_mae",
        subject="gaunt",
        baseline="specialised",
        order=True,
        when={"scale": "paper"},
        source="abstract",
        says="MACE and EquiformerV2 with Gaunt products have smaller errors of energies and forces.",
        measured_on="3BPA and OC20, on GPUs; the figures are in images and were not read",
        scaled=Scaled(
            ratio=1.05,
            when={"scale": "small", "op": "force_field"},
            why="one layer on a molecule of twelve atoms, where the least that is asked for is a tie within 5%",
        ),
    ),
    Claim(
        "directions",
        quantity="force_mae",
        subject="gaunt",
        baseline="scalar",
        order=True,
        when={"scale": "small", "op": "force_field"},
        source="the introduction's reason for degrees above 0",
        says="A network without directions has larger errors of forces.",
        measured_on="derived",
        ours=True,
    ),
]
