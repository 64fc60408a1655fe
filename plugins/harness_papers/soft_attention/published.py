"""What the authors print: sizes and claims, each with where it stands."""

from __future__ import annotations

from harness import Claim, PublishedSize, Scaled

from .plans import PLANS, authors_macs, macs

README = "README of fudan-zvg/SOFT"
AUTHORS_CODE = "counted on the authors' code"

COUNTED_AS = "three products for squared distances where one is enough, the inverse multiplied by P before by P^T V, and Newton's iteration not counted"
"""Of the authors' kernel in PyTorch, to a counter of modules and products."""

PRINTED = {
    "soft_tiny": ("13 M", "1.9 G"),
    "soft_small": ("24 M", "3.3 G"),
    "soft_medium": ("45 M", "7.2 G"),
    "soft_large": ("64 M", "11.0 G"),
    "soft_huge": ("87 M", "16.3 G"),
}
COUNTED = {
    "soft_tiny": ("13,069,056", "2.03 G"),
    "soft_small": ("38,858,462", "6.71 G"),
    "soft_medium": ("45,812,707", "7.78 G"),
    "soft_large": ("64,700,646", "11.78 G"),
    "soft_huge": ("87,108,273", "16.76 G"),
}
CUT_OFF = "whole millions, cut off and not rounded"
HALF = -500_000
"""Rounding what is half a million less cuts off."""
OTHER_SMALL = (
    "the depths that the authors' code gives to SOFT-Small, 1, 3, 20 and 4, make a network of 38.9 M parameters; the printed one is another"
)
DISPUTED = {
    ("soft_small", "parameters"): OTHER_SMALL,
    ("soft_small", "macs"): OTHER_SMALL,
    ("soft_huge", "macs"): "counted as Tiny, Medium and Large are, it would be 15.6 G; the printed parameters fit",
}


def _printed(config: str, quantity: str, printed: str, variant: str = "soft") -> PublishedSize:
    """Return a size of the README; its FLOPs are the authors' multiply-accumulates in units of 2^30."""
    plan = PLANS[config]
    convention, adjust = "", 0
    if quantity == "macs":
        convention = f"MACs printed as FLOPs, in units of 2^30; {COUNTED_AS}"
        adjust = round(authors_macs(plan) * 1e9 / 2**30) - macs(plan)
    elif config in ("soft_medium", "soft_large"):
        convention, adjust = CUT_OFF, HALF
    return PublishedSize(
        variant,
        quantity,
        printed,
        README,
        params={"config": config, "batch": 1},
        input=f"224x224, {config}",
        convention=convention,
        adjust=adjust,
        disputed=DISPUTED.get((config, quantity), ""),
    )


def _counted(config: str, quantity: str, printed: str) -> PublishedSize:
    plan = PLANS[config]
    theirs = quantity == "macs"
    return PublishedSize(
        "soft",
        quantity,
        printed,
        AUTHORS_CODE,
        params={"config": config, "batch": 1},
        input=f"224x224, {config}",
        convention=COUNTED_AS if theirs else "",
        adjust=authors_macs(plan) - macs(plan) if theirs else 0,
    )


SIZES = (
    *(
        make(config, quantity, printed)
        for make, table in ((_printed, PRINTED), (_counted, COUNTED))
        for config, row in table.items()
        for quantity, printed in zip(("parameters", "macs"), row, strict=True)
    ),
    _printed("soft_tiny", "parameters", "13 M", "soft_norm"),
)

LAYER = {"scale": "small", "config": "layer", "kernel": "plain"}

CLAIMS = (
    Claim(
        "linear_macs",
        "macs",
        "soft",
        exponent=2.0,
        axis="resolution",
        when=LAYER,
        source="abstract; analysis of complexity",
        says="With 49 landmarks the multiply-accumulates of a layer grow at most as the number of tokens, the square of the map's side.",
        measured_on="analysis",
    ),
    Claim(
        "linear_memory",
        "peak_activation",
        "soft",
        exponent=2.0,
        axis="resolution",
        when={**LAYER, "device": "cpu"},
        source="abstract; figure of memory over the number of tokens",
        says="With 49 landmarks the memory of a layer grows at most as the number of tokens, the square of the map's side.",
        measured_on="a GPU that is not named",
    ),
    Claim(
        "dense_macs",
        "macs",
        "mha",
        exponent=(2.23, 3.34),
        axis="resolution",
        when=LAYER,
        source="the local slope of 4 N C^2 + 2 N^2 C over the map's side, 2.23 at 196 tokens and 3.34 at 3,136; 4 in the limit, and in the products alone",
        says="The multiply-accumulates of a layer of dense attention grow faster than the number of tokens: its products grow with their square.",
        measured_on="derived",
        ours=True,
    ),
    Claim(
        "dense_memory",
        "peak_activation",
        "mha",
        exponent=(3.0, 4.0),
        axis="resolution",
        when={**LAYER, "device": "cpu"},
        source="the method: a score for each pair of tokens, 4; 3 where these weigh as much as all that grows with the tokens",
        says="The memory of a layer of dense attention grows nearly with the square of the number of tokens, for it holds a score of each pair.",
        measured_on="derived; the authors show it in a figure",
        ours=True,
    ),
    Claim(
        "longer_sequences",
        "peak_activation",
        "soft",
        "mha",
        order=True,
        when={**LAYER, "device": "cpu", "resolution": 56},
        source="abstract",
        says="Much longer sequences fit in the same memory: on 3,136 tokens a layer takes less than one of dense attention.",
        measured_on="a GPU that is not named",
        ours=True,
    ),
    Claim(
        "acc_tiny",
        "top1",
        "soft",
        "sra",
        difference=round(79.3 - 75.1, 1),
        when={"scale": "paper", "config": "soft_tiny"},
        source=f"{README}; PVT's own paper",
        says="SOFT-Tiny classifies 79.3% of ImageNet correctly, PVT-Tiny, of equal size, 75.1%.",
        measured_on="ImageNet-1K",
        scaled=Scaled(
            difference=0.0,
            when={"scale": "small", "config": "digits"},
            why="the same two mixers in one small network, of equal depth and width: SOFT should lose nothing",
        ),
    ),
    Claim(
        "norm_gain",
        "top1",
        "soft_norm",
        "soft",
        difference=0.1,
        when={"scale": "paper", "config": "soft_tiny"},
        source=README,
        says="Symmetric normalization gains 0.1 points of top-1 in SOFT-Tiny, and up to 0.2 in larger networks.",
        measured_on="ImageNet-1K",
        scaled=Scaled(
            order=True,
            quantity="resized_top1",
            when={"scale": "small", "config": "freq_pairs"},
            why="what normalization is for is another number of tokens than in training: images half as large again, which it should read better",
        ),
    ),
    Claim(
        "backward_memory",
        "backward_mb",
        "soft",
        "unrolled",
        order=True,
        when={"scale": "small", "config": "freq_pairs"},
        source="abstract",
        says="With the gradient of the inverse in closed form, a step keeps less for its backward pass than with Newton's 20 steps in the graph.",
        measured_on="not stated",
        ours=True,
    ),
    Claim(
        "backward_time",
        "latency",
        "soft",
        "unrolled",
        order=True,
        when={**LAYER, "device": "cuda", "resolution": 14},
        workload="train_step",
        source="abstract",
        says="With the gradient of the inverse in closed form, a training step is faster than with Newton's 20 steps in the graph.",
        measured_on="not stated",
        ours=True,
    ),
)
