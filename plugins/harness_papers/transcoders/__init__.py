"""Transcoders: an MLP sublayer as a wide layer of few active features, from whose weights circuits can be read.

A model here is what stands in the place of the MLP: it is given the MLP's input and answers with its output. One training per seed, of variant
`study`, holds the language model and every dictionary; the others take their part of it. `source` is where activations come from: `text`, the last
MLP of a small language model; `planted`, gates whose features are known; or, at published size, `gpt2`, of which only sizes and costs are measured.

`setting` holds dimensions, `dictionaries` the method, `language` the model around it, `study` the variants, `planted` the known gates, `training` the
fit, `circuits` what is read off weights, `judging` the qualities, `published` sizes and claims, and `pictures` what the paper's page shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness import Artifact, Budget, Data, Paper, Quality, Variant, Workload, hookimpl

from .published import CLAIMS, DEVIATIONS, FINDINGS, QUALITIES, READINGS, SIZES
from .setting import setting_of


@hookimpl
def paper() -> Paper:
    return Paper(
        slug="transcoders",
        title="Transcoders Find Interpretable LLM Feature Circuits",
        arxiv="2406.11944",
        year=2024,
        family="interpretability",
        task="answer in the place of an MLP sublayer, from its input to its output: (N, d) -> (N, d)",
        method=(
            "A transcoder is a layer of many ReLU features, trained to give an MLP's output from its input with few of them active. What a feature of "
            "one layer adds to a feature of the next is its activation, which depends on the input, times a product of weights, which does not."
        ),
        variants=[
            Variant("transcoder", "a transcoder, trained with ghost gradients", subject=True, shares_fit="study"),
            Variant("sae", "the MLP, then a sparse autoencoder of its output", shares_fit="study"),
            Variant("sae_in", "a sparse autoencoder of its input, then the MLP", shares_fit="study"),
            Variant("mlp", "the MLP itself, its neurons as features", shares_fit="study"),
            Variant("transcoder_sparse", "the same, of which only the strongest 64 features are decoded", shares_fit="study"),
            Variant("transcoder_no_ghost", "a transcoder, trained without ghost gradients", shares_fit="study"),
            Variant("study", "the language model and all dictionaries, in one training; the MLP answers"),
        ],
        workloads=[Workload("infer", "tokens", "the sublayer's answer for each token")],
        sweep={"source": {"smoke": ("text",), "small": ("text", "planted"), "paper": ("gpt2",)}},
        qualities=QUALITIES,
        cost_axes=(),
        sizes=SIZES,
        claims=CLAIMS,
        deviations=DEVIATIONS,
        readings=READINGS,
        findings=FINDINGS,
        data="the source of Python's standard library, every tenth file for testing; generated tokens with planted features and gates",
        code="https://github.com/jacobdunefsky/transcoder_circuits",
    )


@hookimpl
def model(variant: str, scale: str, params: Mapping[str, Any], fitted: Any) -> Any:
    from .study import build

    return build(variant, setting_of(scale, params).shape, fitted, dictionaries=scale != "paper")


@hookimpl
def data(scale: str, split: str, params: Mapping[str, Any], seed: int) -> Data:
    import torch

    setting = setting_of(scale, params)
    shape = setting.shape
    if split == "profile":
        return Data((torch.randn(params.get("tokens", setting.tokens), shape.d),))
    if params["source"] == "planted":
        from .planted import sample, world

        planted = world(setting.features, setting.gates, shape.d, seed)
        count = setting.cached if split == "train" else setting.tested
        found = sample(planted, count, 2 * seed + (split == "test"))
        return Data((found.x,), targets=found.y, extra={"world": planted, "concepts": found.concepts})
    from harness_papers._kit.text import windows

    count = setting.model_steps * setting.model_batch if split == "train" else setting.tested // shape.context
    tokens, following = windows(split, count, shape.context, seed if split == "train" else 0)
    return Data((tokens,), targets=following)


@hookimpl
def fit(model: Any, data: Data, scale: str, params: Mapping[str, Any], budget: Budget, seed: int) -> Any:
    from .training import train

    return train(model, (data.inputs[0], data.targets), setting_of(scale, params), budget.cap, seed)


@hookimpl
def metric(variant: str, model: Any, data: Data) -> Mapping[str, Quality]:
    from .judging import judge

    return judge(variant, model, (data.inputs[0], data.targets), data.extra)


@hookimpl
def artifacts(variant: str, model: Any, data: Data) -> Mapping[str, Artifact]:
    from .pictures import show

    return show(model.study[0], (data.inputs[0], data.targets)) if variant == "transcoder" else {}
