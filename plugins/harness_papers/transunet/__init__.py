"""TransUNet: a transformer on the map of a convolutional stem, and a cascaded upsampler that sees the stem's finer maps.

A model is given slices and returns a score for each class at each pixel. `setting` says what each variant is made of and holds the dimensions, `stem` the
convolutional encoder, `network` the transformer, the decoders and the plain U-Net, `phantom` the data, `training` the loss, `judging` the qualities,
`published` sizes and claims, and `pictures` what the paper's page shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness import Artifact, Data, Paper, Quality, Recipe, Variant, Workload, hookimpl

from .published import CLAIMS, DEVIATIONS, FINDINGS, QUALITIES, READINGS, SIZES
from .setting import STUDIES


@hookimpl
def paper() -> Paper:
    return Paper(
        slug="transunet",
        title="TransUNet: Transformers Make Strong Encoders for Medical Image Segmentation",
        arxiv="2102.04306",
        year=2021,
        family="medical",
        task="find eight organs in a slice: (B, 1, H, W) -> scores of nine classes (B, 9, H, W)",
        method=(
            "A ResNet-50 brings the slice to a sixteenth of its resolution, where each place is a token of a ViT. A cascaded upsampler doubles the ViT's map "
            "four times and joins it with the ResNet's finer maps."
        ),
        variants=[
            Variant("transunet", "convolutional stem, transformer, cascaded upsampler with three skips", subject=True),
            Variant("r50_unet", "the same without the transformer"),
            Variant("unet", "a plain U-Net"),
            Variant("r50_vit", "stem and transformer, scores enlarged 16 times in place of the upsampler"),
            Variant("vit_cup", "a transformer on 16x16 pixels a token, cascaded upsampler without skips"),
            Variant("skip1", "TransUNet with the coarsest skip alone"),
            Variant("skip0", "TransUNet without skips, the paper's R50-ViT-CUP"),
        ],
        workloads=[Workload("infer", "images", "the classes of one slice")],
        sweep={"size": {"smoke": (48,), "small": (80,), "paper": (224, 384, 512)}},
        qualities=QUALITIES,
        sizes=SIZES,
        claims=CLAIMS,
        deviations=DEVIATIONS,
        readings=READINGS,
        findings=FINDINGS,
        data="a phantom of the abdomen, drawn: organs as dented superellipses in an anatomical layout, with noise, blur and uneven brightness",
        code="https://github.com/Beckschen/TransUNet",
    )


@hookimpl
def model(variant: str, scale: str, params: Mapping[str, Any]) -> Any:
    from .network import build

    return build(variant, scale, params["size"])


@hookimpl
def data(scale: str, split: str, params: Mapping[str, Any]) -> Data:
    import torch

    from .phantom import slices
    from .training import loss

    size = params["size"]
    if split == "profile":
        return Data((torch.rand(1, 1, size, size),))
    images, labels = slices(scale, split, size)
    study = STUDIES[scale]
    recipe = Recipe(loss, study.epochs, study.batch, study.lr, optimizer=study.optimizer, weight_decay=1e-4)
    return Data((images,), labels, recipe=recipe)


@hookimpl
def metric(model: Any, data: Data) -> Mapping[str, Quality]:
    from .judging import judge

    return judge(model, data.inputs[0], data.targets)


@hookimpl
def artifacts(model: Any, data: Data) -> Mapping[str, Artifact]:
    from .pictures import show

    return show(model, data.inputs[0], data.targets)
