"""Published sizes and claims."""

from __future__ import annotations

from harness import Claim, PublishedSize, Scaled

README = "README of rampasek/GraphGPS"
CONFIG = "the authors' configuration file"

SIZES = (
    PublishedSize("gps", "parameters", "423,717", "table of results on ZINC", {"config": "zinc"}, input="28 atom and 4 bond types"),
    *(
        PublishedSize("gps", "parameters", printed, README, {"config": config}, input="9 atom and 3 bond features of OGB")
        for config, printed in {"pcqm_small": "6,152,001", "pcqm_medium": "19,414,641", "pcqm_deep": "13,807,345"}.items()
    ),
)

ON_MOLECULES = {"scale": "small", "config": "molecules"}
ONE_LAYER = {"scale": "small", "config": "layer"}


def _pcqm(config: str, mae: float) -> Claim:
    return Claim(
        config,
        quantity="mae",
        subject="gps",
        value=mae,
        when={"scale": "paper", "config": config},
        source=README,
        says=f"On PCQM4Mv2 the validation error is {mae}.",
        measured_on="PCQM4Mv2, 150 epochs",
    )


CLAIMS = (
    Claim(
        "zinc",
        quantity="mae",
        subject="gps",
        value=0.070,
        when={"scale": "paper", "config": "zinc"},
        source="table of results on ZINC, from memory",
        says="On ZINC the error of GPS is 0.070, against 0.139 of SAN and 0.122 of Graphormer.",
        measured_on="ZINC-12k, 2,000 epochs",
    ),
    Claim(
        "zinc_messages",
        quantity="mae",
        subject="gps",
        baseline="mpnn",
        difference=-0.212,
        when={"scale": "paper", "config": "zinc"},
        source="table of results on ZINC, from memory",
        says="On ZINC the error of GPS is 0.070, where a network of messages alone (GatedGCN) has 0.282.",
        measured_on="ZINC-12k, 2,000 epochs",
        scaled=Scaled(
            order=True,
            when=ON_MOLECULES,
            why="a score of ZINC's kind on generated molecules, against messages by GINE: GPS should have the smaller error",
        ),
    ),
    _pcqm("pcqm_small", 0.0937),
    _pcqm("pcqm_medium", 0.0858),
    _pcqm("pcqm_deep", 0.0852),
    Claim(
        "linear",
        quantity="macs",
        subject="gps_linear",
        exponent=1.0,
        axis="nodes",
        when=ONE_LAYER,
        source="abstract",
        says="With linear attention a layer's cost grows with nodes and edges, O(N + E).",
        measured_on="derived",
    ),
    Claim(
        "linear_time",
        quantity="latency",
        subject="gps_linear",
        exponent=(0.8, 1.2),
        axis="nodes",
        when={**ONE_LAYER, "device": "cpu"},
        source="abstract; the range about 1 is ours",
        says="The time of such a layer grows in proportion to the nodes.",
        measured_on="not printed",
        ours=True,
    ),
    Claim(
        "softmax_time",
        quantity="latency",
        subject="gps",
        exponent=(1.2, 2.2),
        axis="nodes",
        when={**ONE_LAYER, "device": "cpu"},
        source="abstract; the range up to 2 is ours, as small graphs are still ruled by what is linear",
        says="With softmax attention it grows faster than that, towards the square.",
        measured_on="not printed",
        ours=True,
    ),
    Claim(
        "linear_faster",
        quantity="latency",
        subject="gps_linear",
        baseline="gps",
        order=True,
        when={**ONE_LAYER, "device": "cpu", "nodes": 4096},
        source="abstract",
        says="On a large graph linear attention is the faster.",
        measured_on="not printed",
    ),
    Claim(
        "express",
        quantity="accuracy",
        subject="gps",
        baseline="mpnn",
        difference=0.9,
        when={"scale": "small", "config": "csl"},
        source="discussion of universality",
        says="With a random-walk encoding all circular skip links are told apart; message passing alone can only guess, one in ten.",
        measured_on="CSL, 150 graphs",
    ),
    Claim(
        "parameters",
        quantity="parameters",
        subject="gps",
        value=423_717,
        when={"scale": "paper", "config": "zinc"},
        source="table of results on ZINC",
        says="The network for ZINC has 423,717 parameters.",
        measured_on="counted",
    ),
    Claim(
        "encoding",
        quantity="mae",
        subject="gps",
        baseline="gps_no_encoding",
        order=True,
        when={"scale": "paper", "config": "zinc"},
        source="ablation of encodings, from memory",
        says="The random-walk encoding lowers the error on molecules.",
        measured_on="ZINC-12k",
        scaled=Scaled(order=True, when=ON_MOLECULES, why="the same ablation on generated molecules"),
    ),
    Claim(
        "attention",
        quantity="mae",
        subject="gps",
        baseline="mpnn_rwse",
        order=True,
        when=ON_MOLECULES,
        source="ablation of the global attention, from memory; on generated molecules the order is our expectation",
        says="Attention lowers the error where far parts of a molecule count.",
        measured_on="ZINC-12k",
        ours=True,
    ),
)
