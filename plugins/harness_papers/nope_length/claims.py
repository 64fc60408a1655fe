"""What the authors print or their repository holds: sizes, ranks, and what positions cost."""

from __future__ import annotations

from harness import Claim, PublishedSize, Scaled

_CONFIG = "counted from the authors' configuration, T5-base without its encoder"
_VARIANTS = ("nope", "ape", "t5", "alibi", "rotary")

SIZES = (
    PublishedSize(
        "nope",
        "parameters",
        "7,079,424",
        _CONFIG,
        {"part": "layer"},
        input="one layer",
        convention="without the frozen cross-attention of the code",
    ),
    *(
        PublishedSize(
            variant,
            "parameters",
            "84,954,240" if variant == "t5" else "84,953,856",  # a number for each of 12 heads and 32 buckets, where the others have none
            _CONFIG,
            {"part": "stack"},
            input="12 layers and the last norm, without embeddings",
        )
        for variant in _VARIANTS
    ),
    PublishedSize("nope", "parameters", "109,606,656", _CONFIG, input="with the embedding of 32,100 words"),
    PublishedSize(
        "nope",
        "parameters",
        "1.3 B",
        "README of the authors' repository; 24 layers and 49,152 words are SantaCoder's, to which it refers",
        {"part": "code"},
        input="the model of code",
    ),
)

_PAPER, _SMALL = {"scale": "paper"}, {"scale": "small"}
_TASKS = "17 forms of 10 tasks, three seeds, 40,000 steps"
_TIMED = "repository, results/efficiency"
_GPU = "a GPU that is not named, batch 1"


def _rank(baseline: str, name: str, ranks: str) -> Claim:
    return Claim(
        f"rank_{baseline}",
        quantity="extrapolation",
        subject="nope",
        baseline=baseline,
        order=True,
        when=_PAPER,
        source="abstract; ranks from the notebook plot_aggregate_final of the authors' repository",
        says=f"Without positions a decoder generalises to longer inputs better than with {name}: its mean reciprocal rank over tasks is 0.69, against {ranks}.",
        measured_on=_TASKS,
        scaled=Scaled(
            order=True, when=_SMALL, why="three tasks with twice the letters of training; accuracy beyond that length in place of ranks"
        ),
    )


def _in_length(variant: str) -> Claim:
    return Claim(
        f"in_length_{variant}",
        quantity="in_length",
        subject=variant,
        value=0.98,
        when=_SMALL,
        source="figures by length, from memory: near 100%; the 98% are ours",
        says="At the lengths of training every scheme answers nearly all questions, so that what comes beyond them can be compared.",
        measured_on=_TASKS,
        ours=True,
    )


def _time(baseline: str, name: str, length: int, ours: float, theirs: float) -> Claim:
    scaled = Scaled(
        ratio=1.0 if baseline == "rotary" else (0.95, 1.05),
        when={**_SMALL, "length": 512},
        why="512 tokens of a small decoder on any machine",
    )
    return Claim(
        f"cost_{baseline}_{length}",
        quantity="latency",
        subject="nope",
        baseline=baseline,
        ratio=ours / theirs,
        when={**_PAPER, "length": length, "device": "cuda"},
        workload="train_step",
        source=_TIMED,
        says=f"A step of training on {length} tokens takes {ours} ms without positions and {theirs} ms with {name}.",
        measured_on=_GPU,
        scaled=scaled if length == 501 else None,
    )


def _no_more_operations(baseline: str, what: str) -> Claim:
    return Claim(
        f"operations_{baseline}",
        quantity="flops",
        subject="nope",
        baseline=baseline,
        order=True,
        when={**_PAPER, "length": 1001},
        source="abstract",
        says=f"It needs no additional operations, where {what}.",
        measured_on="derived",
        scaled=Scaled(order=True, when={**_SMALL, "length": 512}, why="counted, at smaller dimensions"),
    )


CLAIMS = (
    _rank("ape", "sinusoids", "0.22"),
    _rank("rotary", "rotations", "0.33"),
    _rank("alibi", "ALiBi", "0.50"),
    _rank("t5", "T5's relative bias", "0.55"),
    *(_in_length(variant) for variant in _VARIANTS),
    _time("rotary", "rotations", 501, 72.0, 89.5),
    _time("rotary", "rotations", 1001, 134.7, 153.8),
    _time("rotary", "rotations", 2001, 291.4, 323.0),
    _time("ape", "sinusoids", 501, 72.0, 74.9),
    _time("ape", "sinusoids", 1001, 134.7, 139.8),
    _time("ape", "sinusoids", 2001, 291.4, 300.9),
    Claim(
        "memory_rotary",
        quantity="peak_activation",
        subject="nope",
        baseline="rotary",
        ratio=7353 / 7516,
        when={**_PAPER, "length": 2001, "device": "cuda"},
        workload="train_step",
        source=_TIMED,
        says="A step of training on 2001 tokens has a peak of 7,353 MiB beyond what it keeps without positions, and of 7,516 MiB with rotations.",
        measured_on=_GPU,
        scaled=Scaled(ratio=1.0, when={**_SMALL, "length": 512}, why="what a step allocates beyond what it keeps, at smaller dimensions"),
    ),
    _no_more_operations("ape", "sinusoids are added to embeddings"),
    _no_more_operations("t5", "a table is looked up for every pair of tokens"),
    _no_more_operations("alibi", "a slope is multiplied for every pair of tokens"),
    _no_more_operations("rotary", "queries and keys are rotated"),
)
