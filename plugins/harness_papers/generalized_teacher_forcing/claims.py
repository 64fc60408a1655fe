"""Sizes and claims, each with where it stands."""

from __future__ import annotations

from harness import Claim, PublishedSize, Scaled

_SCRIPT = "counted with the dimensions of the authors' script"
_DIAGONAL = "the product with the diagonal A is counted too"

SIZES = (
    PublishedSize("gtf", "parameters", "356", f"2 M L + 2 M + L, {_SCRIPT} for Lorenz-63", {"system": "lorenz63"}, input="M = 3, L = 50"),
    PublishedSize(
        "gtf",
        "parameters",
        "365",
        "table of results on Lorenz-63, from memory",
        {"system": "lorenz63", "affine": True},
        input="M = 3, L = 50, with a matrix of observation of 3 x 3",
    ),
    PublishedSize(
        "gtf",
        "macs",
        "303",
        "2 M L + M, one step of one orbit",
        {"system": "lorenz63"},
        workload="infer",
        input="M = 3, L = 50",
        convention=_DIAGONAL,
        adjust=3,
    ),
    PublishedSize("gtf", "parameters", "4,140", "2 M L + 2 M + L", {"system": "lorenz96"}, input="M = 20, L = 100"),
    PublishedSize(
        "gtf",
        "macs",
        "4,020",
        "2 M L + M, one step of one orbit",
        {"system": "lorenz96"},
        workload="infer",
        input="M = 20, L = 100",
        convention=_DIAGONAL,
        adjust=20,
    ),
    PublishedSize(
        "gtf",
        "parameters",
        "2,785",
        f"{_SCRIPT} for the electrocardiogram",
        {"system": "ecg"},
        input="M = 5, L = 250, with a matrix of observation of 5 x 5",
    ),
)

_LORENZ = {"scale": "small", "system": "lorenz63"}
_SUNSPOTS = {"scale": "small", "system": "sunspots"}
_PUBLISHED = "Lorenz-63 and other systems, 5,000 epochs of 50 batches"
_HEART = "electrocardiogram and EEG, 5,000 epochs of 50 batches"


def _better(baseline: str, quantity: str, what: str, whom: str) -> Claim:
    return Claim(
        f"{'reconstruct' if quantity == 'd_stsp' else 'spectrum'}_{baseline}",
        quantity=quantity,
        subject="gtf",
        baseline=baseline,
        order=True,
        when={"scale": "paper", "system": "lorenz63"},
        source="abstract",
        says=f"{what} of the free run is closer to the truth than {whom}.",
        measured_on=_PUBLISHED,
        scaled=Scaled(
            order=True, when=_LORENZ, why="the same network and system, with a sixtieth of the steps and half the length of sequences"
        ),
    )


def _real(baseline: str, whom: str) -> Claim:
    return Claim(
        f"real_data_{baseline}",
        quantity="d_h",
        subject="gtf",
        baseline=baseline,
        order=True,
        when={"scale": "paper", "system": "ecg"},
        source="abstract",
        says=f"On data from nature the power spectrum of the free run is closer to the truth than {whom}.",
        measured_on=_HEART,
        scaled=Scaled(
            order=True,
            when=_SUNSPOTS,
            why="real, noisy and oscillating too, but 309 numbers only: yearly sunspots, embedded in five delays",
        ),
    )


CLAIMS = (
    Claim(
        "bounded",
        quantity="gradient_norm",
        subject="gtf",
        baseline="bptt",
        ratio=0.01,
        when=_LORENZ,
        source="abstract: strictly bounded for all times, against exploding; the hundredth is ours",
        says="With alpha large enough gradients stay bounded, while they explode without forcing.",
        measured_on="theory",
        ours=True,
    ),
    _better("bptt", "d_stsp", "The attractor", "that of the same network without forcing"),
    _better("one_step", "d_stsp", "The attractor", "that of the same network trained for single steps"),
    _better("sparse", "d_stsp", "The attractor", "that of the same network, forced fully every few steps"),
    _better("lstm", "d_stsp", "The attractor", "that of an LSTM"),
    _better("reservoir", "d_stsp", "The attractor", "that of a reservoir"),
    _better("sindy", "d_stsp", "The attractor", "that of a sparse polynomial field"),
    _better("one_step", "d_h", "The power spectrum", "that of the same network trained for single steps"),
    _better("bptt", "d_h", "The power spectrum", "that of the same network without forcing"),
    Claim(
        "low_dim",
        quantity="d_stsp",
        subject="gtf",
        value=1.5,
        when=_LORENZ,
        source="abstract; the bound is ours",
        says="A latent state of three dimensions, as many as are observed, is enough to reconstruct the attractor.",
        measured_on="not printed",
        ours=True,
    ),
    _real("one_step", "that of the same network trained for single steps"),
    _real("lstm", "that of an LSTM"),
    Claim(
        "cost",
        quantity="latency",
        subject="gtf",
        baseline="one_step",
        ratio=(0.95, 1.05),
        when=_LORENZ,
        workload="train_step",
        source="the method; the range is ours",
        says="A step of training costs what it costs with full teacher forcing: all that is added is one mixture of two states.",
        measured_on="any machine",
        ours=True,
    ),
)
