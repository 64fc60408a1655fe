"""What the authors claim of iterations and time, and how it is checked in two dimensions."""

from __future__ import annotations

from harness import Claim, PublishedSize, Scaled

_PAPER = {"scale": "paper"}
_SMALL = {"scale": "small"}
_MEASURED = "Poisson's equation in three dimensions with 64^3 to 256^3 cells, right-hand sides of smoke simulations"
_SCRIPT = "counted from the layers of the authors' training scripts"

SIZES = [
    PublishedSize("dcdm", quantity, printed, source, params, "infer", given)
    for source, params, given, parameters, macs in (
        (_SCRIPT, {"N": 64}, "64^3", "97,457", "15,971,909,632"),
        (_SCRIPT, {"N": 128}, "128^3", "152,881", "193.0 G"),
        ("the same layers in two dimensions", {"N": 64, "dims": 2}, "64^2", "32,657", "90,308,608"),
    )
    for quantity, printed in (("parameters", parameters), ("macs", macs))
]

CLAIMS = [
    Claim(
        "iterations",
        quantity="iterations_1e4",
        subject="dcdm",
        baseline="cg",
        order=True,
        when=_PAPER,
        source="abstract",
        says="It brings the residual down in a small number of iterations.",
        measured_on=_MEASURED,
        scaled=Scaled(
            ratio=0.2,
            when={**_SMALL, "N": 64},
            why="a fifth of what conjugate gradients take is the least to call small, in two dimensions",
        ),
    ),
    Claim(
        "any_size",
        quantity="iterations_1e4",
        subject="dcdm",
        exponent=0.0,
        axis="N",
        when=_PAPER,
        source="abstract",
        says="The number of iterations does not depend on the size of the problem.",
        measured_on=_MEASURED,
        scaled=Scaled(
            exponent=0.77,
            axis="N",
            when=_SMALL,
            why="conjugate gradients double their iterations from 32 to 64 cells a side; at most 1.7 times as many is told apart from that",
        ),
    ),
    Claim(
        "any_tolerance",
        quantity="residual_20",
        subject="dcdm",
        baseline="single_pass",
        order=True,
        when=_PAPER,
        source="abstract",
        says="Unlike a network's single pass, it reaches any given tolerance.",
        measured_on=_MEASURED,
        scaled=Scaled(value=1e-6, when={**_SMALL, "N": 32}, why="a relative residual of 1e-6 within 20 iterations, in two dimensions"),
    ),
    Claim(
        "other_systems",
        quantity="obstacle_ratio",
        subject="dcdm",
        value=2.0,
        when=_SMALL,
        source="abstract, without a figure",
        says="Trained on the empty box, it still works with a solid inside: at most twice the iterations.",
        measured_on="a disc of 0.3 of the side, plumes",
        ours=True,
    ),
    Claim(
        "other_sources",
        quantity="others_ratio",
        subject="dcdm",
        value=2.0,
        when=_SMALL,
        source="abstract, without a figure",
        says="It takes at most twice the iterations on right-hand sides unlike those of its training.",
        measured_on="noise, point sources and plumes",
        ours=True,
    ),
    Claim(
        "memory_needed",
        quantity="iterations_1e6",
        subject="dcdm",
        baseline="refine",
        order=True,
        when=_SMALL,
        source="the method",
        says="Making directions conjugate to the last two saves iterations.",
        measured_on="any machine",
        ours=True,
    ),
    Claim(
        "time",
        quantity="latency",
        subject="dcdm",
        baseline="icpcg",
        order=True,
        when={**_PAPER, "device": "cuda"},
        workload="solve",
        source="abstract: millions of degrees of freedom",
        says="On large grids it is faster than conjugate gradients with incomplete Cholesky.",
        measured_on=_MEASURED,
    ),
]
