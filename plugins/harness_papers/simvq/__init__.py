"""SimVQ: a codebook that is a frozen random one, moved as a whole by one linear layer.

`signal` is what is coded: `photos`, `audio` or, at `smoke` scale, `digits`; `tokens` is the quantiser alone, given encodings, in a
forward pass as in training, where the codebook is made anew for each batch; elsewhere it is a stored table, as it is in use. `codes` is K, the size of
the codebook. `setting` holds dimensions, `quantizers` the method and its baselines, `patches` and `vqgan` the autoencoders around them, `signals` the
data, `training` the fit, `judging` the qualities, `published` sizes and claims, and `pictures` what the paper's page shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness import Artifact, Budget, Data, Paper, Quality, Variant, Work, Workload, hookimpl

from .published import CLAIMS, DEVIATIONS, FINDINGS, READINGS, SIZES
from .setting import setting_of


@hookimpl
def paper() -> Paper:
    return Paper(
        slug="simvq",
        title="Addressing Representation Collapse in Vector Quantized Models with One Linear Layer",
        arxiv="2411.02038",
        year=2024,
        family="representation",
        task="code a signal by one of K codes for each patch and give it back: (B, C, H, W) -> (B, C, H, W), or (B, 1, T) -> (B, 1, T), in [-1, 1]",
        method=(
            "The codebook is a frozen random matrix C times a trained matrix W, plus a bias. A step on W moves all K codes, where a step on an "
            "ordinary codebook moves only the codes that were chosen and leaves the rest behind."
        ),
        variants=[
            Variant("simvq", "a frozen random codebook behind one trained linear layer", subject=True),
            Variant("vq", "an ordinary codebook, trained itself"),
            Variant("vq_kmeans", "an ordinary codebook that starts from k-means of the untrained encoder's output"),
            Variant("vq_fc", "factorised codes: encodings are projected to 8 dimensions and normalised before the search"),
            Variant("vq_lc", "frozen features of the data, found by k-means, behind one trained linear layer"),
        ],
        workloads=[Workload("infer", "patches", "code a batch and give it back; for tokens alone, quantise a batch as in training")],
        sweep={
            "codes": {"smoke": (64,), "small": (1024, 256, 4096), "paper": (65536, 1024, 8192, 262144)},
            "signal": {"smoke": ("digits",), "small": ("photos", "audio", "tokens"), "paper": ("photos", "audio", "tokens")},
        },
        qualities={"utilisation": "higher", "perplexity": "higher", "mse": "lower", "psnr": "higher"},
        cost_axes=("codes",),
        sizes=SIZES,
        claims=CLAIMS,
        deviations=DEVIATIONS,
        readings=READINGS,
        findings=FINDINGS,
        data=(
            "crops of the photographs that scikit-image and scikit-learn carry, two photographs held out; generated chirps and noise; "
            "scikit-learn's digits at smoke scale"
        ),
        code="https://github.com/youngsheen/SimVQ",
    )


@hookimpl
def model(variant: str, scale: str, params: Mapping[str, Any]) -> Any:
    from .patches import build

    return build(variant, setting_of(scale, params))


@hookimpl
def data(scale: str, split: str, params: Mapping[str, Any], seed: int) -> Data:
    import torch

    from .signals import examples

    setting = setting_of(scale, params)
    if params["signal"] == "tokens":
        return Data((torch.randn(setting.batch, setting.shape.d),))
    if split == "profile":
        x = torch.rand(setting.batch, *setting.shape.extent) * 2 - 1
        return Data((x,), items=setting.batch * setting.shape.tokens)
    count = setting.trained if split == "train" else setting.tested
    # What is judged on is the same for every seed.
    return Data((examples(params["signal"], split, count, setting.shape.extent, seed if split == "train" else 0),))


@hookimpl
def fit(model: Any, data: Data, scale: str, params: Mapping[str, Any], budget: Budget, seed: int) -> Any:
    from .training import train

    if params["signal"] == "tokens":  # a quantiser alone has nothing to give back
        return model
    setting = setting_of(scale, params)
    return train(model, *data.inputs, budget.cap(setting.steps), setting.batch, seed)


@hookimpl
def metric(model: Any, data: Data, params: Mapping[str, Any]) -> Mapping[str, Quality]:
    from .judging import judge

    return {} if params["signal"] == "tokens" else judge(model, *data.inputs)


@hookimpl
def workload(model: Any, data: Data, params: Mapping[str, Any]) -> Work | None:
    if params["signal"] != "tokens" or params.get("stored"):
        return None
    model.train()
    return Work(lambda: model(*data.inputs), data.count)


@hookimpl
def artifacts(model: Any, data: Data, params: Mapping[str, Any]) -> Mapping[str, Artifact]:
    from .pictures import show

    return {} if params["signal"] == "tokens" else show(model, *data.inputs)
