"""FLAP: heads and feed-forward neurons of a language model are cut out by how much their outputs fluctuate, without training.

A dense decoder is trained, and cut copies of it are made in nine ways; the number in a variant's name is the percentage of the weights that is
to go.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness import Artifact, Data, Paper, Quality, Recipe, Variant, Workload, hookimpl

from .claims import CLAIMS, FINDINGS, SIZES
from .setting import CALIBRATION, COUNTED, METHODS, PROFILE_BATCH, SHAPES, TEST_WINDOWS, TRAINING_BATCH, TRAINING_WINDOWS


def _cut(name: str, about: str, subject: bool = False) -> Variant:
    return Variant(name, about, subject=subject, shares_fit="dense")


@hookimpl
def paper() -> Paper:
    return Paper(
        slug="flap",
        title="Fluctuation-based Adaptive Structured Pruning for Large Language Models",
        arxiv="2312.11983",
        year=2023,
        family="compression-llm",
        task="predict each next byte, (B, n) -> (B, n, 256), after heads and neurons have been cut out of a trained model, without training",
        method="A head or neuron is worth the variance of its output times the squared norm of its weights: what is lost when its mean replaces it. Scores "
        "are standardized layer by layer, the lowest in the whole model go, and a bias makes up for their means.",
        variants=[
            _cut("flap_20", "FLAP, 20% of the weights pruned", subject=True),
            _cut("wanda_sp_20", "Wanda's score for whole units: mean |weight| times norm of the input; 20% in every layer, no bias"),
            _cut("wanda_sp_30", "the same, 30%"),
            _cut("wanda_sp_50", "the same, 50%"),
            Variant("dense", "the whole model, which all others are cut from"),
            _cut("taylor_50", "LLM-Pruner's score: |weight * gradient|; 50% in every layer, no bias"),
            _cut("flap_30", "FLAP, 30% pruned"),
            _cut("flap_50", "FLAP, 50% pruned"),
            _cut("flap_30_no_bias", "FLAP without the bias"),
            _cut("flap_30_uniform", "FLAP with the same share in every layer and module"),
        ],
        workloads=[Workload("infer", "tokens")],
        qualities={"perplexity": "lower", "excess": "lower", "kept": "lower", "passes": "lower"},
        sizes=SIZES,
        claims=CLAIMS,
        deviations=[
            (
                "The model has 4 layers of width 128 and 0.92 million parameters, reads bytes and is trained here for 600 steps; the paper prunes LLaMA "
                "models of 7 to 65 billion parameters. Its heads have 16 channels, so that one weighs 21.3 neurons in the search, where one of "
                "LLaMA's weighs 170.7."
            ),
            "Statistics are taken on 64 sequences of 128 bytes, the paper's on 1,024 of WikiText-2. Wanda-sp takes its own on the same text, where the authors used C4.",
            (
                "LLM-Pruner is here by its score alone, first order in the weights, on all layers alike and on the same text. The authors of LLM-Pruner spare the "
                "first and last layers, and may fine-tune afterwards."
            ),
            (
                "Sizes, times and counts are of models that are cut without training: every layer is given the same evenly spaced scores, so that all "
                "are cut alike, to the size that the search asks for. Actual widths are on the chart `structure`."
            ),
            "The authors' three to five minutes are not measured: the work of pruning is counted, in forward passes over the calibration text (`passes`).",
            "Zero-shot tasks are not measured. In the README's table Wanda-sp is ahead of FLAP there at 20%, 63.35 against 62.08, and behind at 50%.",
        ],
        readings=[
            (
                "The authors' running mean and variance are right for batches of one sequence and leave the first sequence out of the variance; here they are exact, "
                "whatever the batches."
            ),
            (
                "The authors' code stores the weights of units as integers, so that a head counts 170 neurons instead of 170.67, and drops the unit at the cut. "
                "Here a head counts 4 d_h / 3, and the unit at the cut, where the weight passed is closest to 1 - p, is kept."
            ),
            "As in the authors' code, scores of attention's channels are squared before they are standardized; those of neurons are not.",
            "As in the authors' code, FLAP observes every layer of the original model; Wanda-sp observes each layer behind those that are pruned already.",
            (
                "As in the authors' code, a uniform structure drops whole units, rounded down: with 8 heads, 1, 2 and 4 of them at 20, 30 and 50%. Baselines so keep "
                "82.5, 71.6 and 50% of the weights; `kept` says how much it is."
            ),
            (
                "Every layer keeps at least one head and one neuron, which the authors' code does not see to. Structures with a split by hand remove 0.75 p of "
                "the heads, as the authors' script does at 50%."
            ),
            "Pruning by the norm of a unit's output weights, and at random, are on the chart `curves` of the dense model, not among the variants.",
            "`excess` is the rise of the perplexity over that of the model that was cut.",
            "The paper's text could not be read; perplexities are those of the table in the authors' README. Its speeds and its ablations are not known to us.",
            "Keys and values of LLaMA-7B are not shared among heads; models that share them would need whole groups to be cut.",
        ],
        findings=FINDINGS,
        data="the source of Python's standard library, every tenth file for testing",
        code="https://github.com/CASIA-IVA-Lab/FLAP",
    )


@hookimpl
def model(variant: str, scale: str, params: Mapping[str, Any], seed: int, fitted: Any) -> Any:
    from .decoder import Decoder, linears
    from .pruning import assumed_units, compress

    shape, method = SHAPES[scale], METHODS.get(variant)
    if params.get("part") in ("head", "neuron"):
        return _unit(params["part"], scale)
    if fitted is not None and method is not None:
        pruned, _ = compress(fitted, method, _calibration(CALIBRATION[scale], scale, seed))
        pruned.origin = (fitted,)
        return pruned
    units = assumed_units(method, shape) if method else None
    built = Decoder(shape, units, bias=bool(method and method.bias)).reset()
    return linears(built) if params.get("part") == "linears" else built


def _unit(part: str, scale: str) -> Any:
    """Return a head or a neuron alone."""
    from .decoder import Attention, FeedForward, Linears

    shape = SHAPES[scale]
    return Linears([Attention(shape.d, shape.d_h, 1)], []) if part == "head" else Linears([], [FeedForward(shape.d, 1)])


def _calibration(count: int, scale: str, seed: int) -> Any:
    """Return calibration tokens (count, n)."""
    import torch

    from harness_papers._kit.text import windows

    shape = SHAPES[scale]
    if scale == "paper":
        return torch.randint(shape.vocabulary, (count, shape.length), device="cpu")
    return windows("train", count, shape.length, seed + 1)[0]


@hookimpl
def data(scale: str, split: str, params: Mapping[str, Any], seed: int) -> Data:
    import torch

    from harness_papers._kit.text import windows

    from .judging import loss

    shape = SHAPES[scale]
    if "part" in params:
        return Data((torch.randn(1, shape.d),))
    if split == "profile":
        tokens = _calibration(PROFILE_BATCH[scale], scale, seed)
        return Data((tokens,), items=tokens.numel())
    if split == "test":
        tokens, following = windows("test", TEST_WINDOWS[scale], shape.length)
        return Data((tokens,), targets=following)
    tokens, following = windows("train", TRAINING_WINDOWS[scale], shape.length, seed)
    return Data((tokens,), targets=following, recipe=Recipe(loss, 1, TRAINING_BATCH, lr=2e-3, weight_decay=0.1, clip=1.0))


@hookimpl
def metric(variant: str, model: Any, data: Data, scale: str, seed: int) -> Mapping[str, Quality]:
    from .judging import judge

    return judge(model, METHODS.get(variant), *data.inputs, data.targets, _calibration(COUNTED[scale], scale, seed))


@hookimpl
def artifacts(variant: str, model: Any, data: Data, scale: str, seed: int) -> Mapping[str, Artifact]:
    from .judging import charts, structure_chart

    if variant == "dense":
        return charts(model, _calibration(CALIBRATION[scale], scale, seed), *data.inputs, data.targets)
    return {"structure": structure_chart(model)} if variant in ("flap_20", "flap_30", "flap_50") else {}
