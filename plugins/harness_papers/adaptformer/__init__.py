"""AdaptFormer: a pre-trained Vision Transformer is tuned for a new task by narrow branches beside its frozen feed-forward networks.

`frozen` is trained on shapes drawn by formula. Every other variant starts from it and is tuned on handwritten digits, once on all and once on 20 of
each class, which is done where the variant is built from the trained network.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from harness import Artifact, Data, Paper, Quality, Recipe, Variant, Workload, hookimpl

from .claims import CLAIMS, FINDINGS, SIZES
from .setting import PROFILE_BATCH, SHAPES, SOURCE_BATCH, SOURCE_EPOCHS, SOURCE_IMAGES, SOURCE_TEST_IMAGES


def _tuned(name: str, about: str, subject: bool = False) -> Variant:
    return Variant(name, about, subject=subject, shares_fit="frozen")


@hookimpl
def paper() -> Paper:
    return Paper(
        slug="adaptformer",
        title="AdaptFormer: Adapting Vision Transformers for Scalable Visual Recognition",
        arxiv="2205.13535",
        year=2022,
        family="adaptation",
        task="label images of a task that the network was not trained on: (B, 3, 32, 32) -> (B, 10)",
        method="Beside each feed-forward network a branch maps every token down to a few dimensions, through a ReLU and up again, and adds a tenth of the result. "
        "The branches and a new head are trained; all the rest stays as it was.",
        variants=[
            _tuned("adaptformer", "a branch beside each feed-forward network, and a new head", subject=True),
            _tuned("full", "full fine-tuning by the same recipe, as the authors do"),
            _tuned("full_tuned", "full fine-tuning by a recipe of its own: AdamW, a small rate"),
            _tuned("linear", "a new head alone"),
            _tuned("vpt", "a learnt prompt token before each block, and a new head"),
            _tuned("lora", "low-rank terms in q and v of the same rank, and a new head"),
            _tuned("sequential", "the branch behind the feed-forward network, not beside it"),
            Variant("frozen", "the pre-trained network with its own head, which all others start from"),
        ],
        workloads=[Workload("infer", "images")],
        qualities={
            "top1": "higher",
            "top1_few": "higher",
            "trained": "lower",
            "training_state": "lower",
            "init_difference": "lower",
            "source_top1": "higher",
        },
        sizes=SIZES,
        claims=CLAIMS,
        deviations=[
            (
                "The network has 4 blocks of width 64, reads 32x32 pixels in 16 patches, and is pre-trained with labels on 4,000 drawn shapes for 8 epochs. The paper's "
                "is ViT-B/16, pre-trained by MAE, by VideoMAE or with labels."
            ),
            "The tasks are images of digits. Videos (Something-Something v2, HMDB51) and CIFAR-100, SVHN, Food-101 and NUS-WIDE are not at hand.",
            (
                "Tuning takes 20 epochs of 1,200 images in batches of 32, or 40 of 200 in batches of 20, at a rate of 0.1; the paper's takes 100 in batches of "
                "1,024 at 0.4. As there, a fifth of it is warm-up. Images are not cropped or flipped at random."
            ),
            "Swin, the robustness of accuracy to prompts or branches of many sizes, and pre-training on images for tasks in video are not tried.",
        ],
        readings=[
            (
                "The paper's text could not be read: accuracies are from memory of its tables. The method is that of the authors' code; its branch reads the sum "
                "behind attention as it is, without a norm. A norm and a learnt scale, which the code offers, can be asked of the branch."
            ),
            "VPT has one prompt token in each block, put before the others and taken off behind it, as in the authors' code.",
            "`sequential` adds to the network's output the branch of that output, as the authors' code does.",
            "The head is batch norm without learnt scale, then a linear layer; its bias starts at zero. In the authors' code the bias starts at random.",
            "LoRA has the rank of the branch, adds its terms unscaled, and is tuned by the same recipe. It is not among the paper's baselines.",
            "The paper's share of tuned parameters is of the whole model with its head. Its 86.04 M for full fine-tuning are not checked: their heads are not known.",
            "`training_state` is counted after a real step of SGD: gradients and momentum. Activations, which the branches save little of, are not in it.",
            "`trained` counts what is stored for each task; the pre-trained network is stored once.",
            "`init_difference` is the largest difference of features, before the head, which is new.",
        ],
        findings=FINDINGS,
        data="shapes drawn by formula; scikit-learn's digits enlarged to 32x32, in random colours",
        code="https://github.com/ShoufaChen/AdaptFormer",
    )


@hookimpl
def model(variant: str, scale: str, params: Mapping[str, Any], seed: int, fitted: Any) -> Any:
    from .model import build
    from .tuning import tune

    if fitted is not None:
        return tune(variant, fitted, scale, seed)
    shape = SHAPES[scale]
    return build(variant, replace(shape, r=params.get("r", shape.r)), params.get("part", ""))


@hookimpl
def data(scale: str, split: str, params: Mapping[str, Any], seed: int) -> Data:
    import torch
    from torch.nn.functional import cross_entropy

    from .images import shapes, target

    shape = SHAPES[scale]
    if params.get("part") in ("adapters", "trained"):
        return Data((torch.randn(1, shape.N, shape.D),))
    if split == "profile":
        count = 1 if "part" in params else PROFILE_BATCH
        return Data((torch.randn(count, 3, shape.image, shape.image),))
    if split == "test":
        x, y = target("test", seed)
        return Data((x,), targets=y, extra={"source": shapes(SOURCE_TEST_IMAGES[scale], "test", seed)})
    x, y = shapes(SOURCE_IMAGES[scale], "train", seed)
    return Data((x,), targets=y, recipe=Recipe(cross_entropy, SOURCE_EPOCHS[scale], SOURCE_BATCH, lr=1e-3, weight_decay=0.05, clip=1.0))


@hookimpl
def metric(model: Any, data: Data) -> Mapping[str, Quality]:
    from .judging import judge

    return judge(model, *data.inputs, data.targets, data.extra["source"])


@hookimpl
def artifacts(variant: str, model: Any, data: Data) -> Mapping[str, Artifact]:
    from .judging import pictures

    return pictures(model, *data.inputs, data.extra["source"]) if variant == "adaptformer" else {}
