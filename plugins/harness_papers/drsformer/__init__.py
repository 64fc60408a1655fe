"""DRSformer: taking rain off a picture with attention among channels that keeps only the largest scores of each query.

A model is given rainy images and returns clean ones. `setting` says what each variant is made of and holds the dimensions, `blocks` the attention and the
feed-forward networks, `compensator` the mixture of experts, `network` the U around them, `rain` the data, `judging` the qualities, `published` sizes and
claims, and `pictures` what the paper's page shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness import Artifact, Data, Paper, Quality, Recipe, Variant, Workload, hookimpl

from .published import CLAIMS, DEVIATIONS, FINDINGS, QUALITIES, READINGS, SIZES
from .setting import LAYER_DIM, PLANS, STUDIES


@hookimpl
def paper() -> Paper:
    return Paper(
        slug="drsformer",
        title="Learning A Sparse Transformer Network for Effective Image Deraining",
        arxiv="2303.11950",
        year=2023,
        family="restoration",
        task="take the rain off an image: (B, 3, H, W) in [0, 1] -> (B, 3, H, W)",
        method=(
            "A Restormer whose attention, among channels, sums four branches that keep the largest half to four fifths of each row's scores, with learned "
            "weights. Its feed-forward networks have two scales, and a gated mixture of convolutional experts stands before the first block and after the last."
        ),
        variants=[
            Variant("drsformer", "top-k attention, mixed-scale feed-forward networks and a mixture of experts", subject=True),
            Variant("restormer", "Restormer: dense attention, gated feed-forward networks, further blocks in place of experts"),
            Variant("dense", "DRSformer whose attention keeps all scores"),
            Variant("single_k", "DRSformer with one branch, which keeps half of the scores"),
            Variant("gdfn", "DRSformer with Restormer's gated feed-forward networks"),
            Variant("no_mefc", "DRSformer without the mixture of experts"),
        ],
        workloads=[Workload("infer", "images", "one rainy image; at `part` = `attention` one attention layer on a map of its own")],
        sweep={"part": {"smoke": ("network",), "small": ("network", "attention"), "paper": ("network", "attention")}},
        qualities=QUALITIES,
        sizes=SIZES,
        claims=CLAIMS,
        deviations=DEVIATIONS,
        readings=READINGS,
        findings=FINDINGS,
        data="photographs of scikit-image and scikit-learn in drawn rain, heavy and light; random inputs where only time and memory are measured",
        code="https://github.com/cschenxiang/DRSformer",
    )


@hookimpl
def model(variant: str, scale: str, params: Mapping[str, Any]) -> Any:
    from .network import attention_layer, build

    return attention_layer(variant) if params["part"] == "attention" else build(variant, scale)


@hookimpl
def data(scale: str, split: str, params: Mapping[str, Any]) -> Data:
    import torch
    import torch.nn.functional as F

    from .rain import pairs

    if split == "profile":
        size = PLANS[scale].size
        return Data((torch.randn(1, LAYER_DIM, size, size) if params["part"] == "attention" else torch.rand(1, 3, size, size),))
    rainy, clean = pairs(scale, split)
    study = STUDIES[scale]
    return Data((rainy,), clean, recipe=Recipe(F.l1_loss, study.epochs, study.batch, study.lr, weight_decay=1e-4, clip=0.01))


@hookimpl
def metric(model: Any, data: Data) -> Mapping[str, Quality]:
    from .judging import judge

    return judge(model, data.inputs[0], data.targets)


@hookimpl
def artifacts(model: Any, data: Data) -> Mapping[str, Artifact]:
    from .pictures import show

    return show(model, data.inputs[0], data.targets)
