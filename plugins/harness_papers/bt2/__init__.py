"""BT^2: a new retrieval model whose queries work on the old gallery, at the cost of a few dimensions rather than of its own quality.

`glyphs` is one upgrade with twice as many classes, `digits` three upgrades in a row. The independent models of all generations are trained once, with
the variant `independent`; the others start from them. The gallery is what the oldest model made of the test images.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness import Artifact, Budget, Data, Paper, Quality, Variant, Work, Workload, hookimpl

from .claims import CLAIMS, FINDINGS, SIZES


@hookimpl
def paper() -> Paper:
    return Paper(
        slug="bt2",
        title="BT^2: Backward-compatible Training with Basis Transformation",
        arxiv="2211.03989",
        year=2023,
        family="retrieval",
        task="embed images so that new queries, (B, C, H, W) -> (B, d), find their class both in the gallery of an older model and in one of their own",
        method=(
            "Two learnt orthogonal matrices turn the new feature so that as much of it as fits lies in the old space, and the rest in a few extra "
            "dimensions: nothing of it is lost. The block in the old space is trained to agree with the old model, the feature with an independent new one."
        ),
        variants=[
            Variant("bt2", "the paper's method", subject=True, shares_fit="independent"),
            Variant(
                "bct",
                "backward-compatible training: the new feature must also be classified by the old model's class means",
                shares_fit="independent",
            ),
            Variant("naive", "the same with as many free dimensions beside it as BT^2 adds", shares_fit="independent"),
            Variant("independent", "the new model, trained without regard to the old; the gallery stays old"),
            Variant("backfill", "the same; the gallery is embedded anew", shares_fit="independent"),
            Variant("old", "no upgrade: the old model on its own gallery", shares_fit="independent"),
        ],
        workloads=[
            Workload("query", "queries", "embed images and find the nearest item of a gallery of the variant's own width"),
            Workload("search", "queries", "find the nearest items of queries that are embedded already"),
        ],
        sweep={"task": {"smoke": ("glyphs",), "small": ("glyphs", "digits"), "paper": ("cifar100", "imagenet")}},
        qualities={
            "cross_top1": "higher",
            "cross_map": "higher",
            "top1": "higher",
            "map": "higher",
            "gallery_passes": "lower",
            "trained_images": "lower",
        },
        cost_axes=(),
        sizes=SIZES,
        claims=CLAIMS,
        deviations=[
            (
                "Encoders that are trained are small convolutional networks with embeddings of 16 dimensions and 4 extra ones, on generated glyphs and on "
                "digits; the paper's are ResNet-50 and others with 128 and 32, on CIFAR-100 and ImageNet."
            ),
            "Training takes 30 epochs of 10 to 38 steps at a peak rate of 0.003; the paper takes 100 epochs at 0.001. There is no augmentation.",
            (
                "Labels are never smoothed; the authors smooth them by 0.1 for the old and the independent model, and for BCT on CIFAR-100, but not for BT^2. "
                "BCT has the same schedule as the others; the authors' script leaves its rate as it is."
            ),
            "The last layer of the small encoders is linear, so that features may be negative; the authors' last block ends in a ReLU.",
            (
                "P and Q are orthogonal by Cayley's transform, which leaves out matrices with the eigenvalue -1; the authors' library has a choice of maps. "
                "They are computed anew at each call, where a service would store them."
            ),
            "On digits the classes come in three upgrades, 5, 7, 9 and 10 of them, rather than in one; glyphs are the single upgrade.",
            "The three upgrades are of one family of networks, each wider than the last and with more classes; the paper's go from AlexNet to a transformer.",
            "The time of backfilling is not measured; the images that have to be embedded are counted, and `query` times the embedding.",
            "Change of modality (image to text) is not built.",
        ],
        readings=[
            (
                "Method, losses and figures are those of the authors' code and its README; of the paper itself only the abstract could be read. The README says "
                "that some of its results differ from the paper's, by seeds and hyperparameters."
            ),
            "C is 2, as in the authors' configurations; their code's default is 3.",
            "The block in the old space is brought to unit norm for its losses. As a query its norm does not matter, nor does that of the whole embedding.",
            (
                "Class means of old features are over the whole new training set, classes that the old model never saw included. They are means of unit "
                "vectors; along a chain the authors' code would take BT^2's embeddings at their own length, 2.2, which sharpens that loss."
            ),
            (
                "BCT is weighed by 10, as in the authors' configuration and as in BT^2. The naive embedding has BCT's losses, its classifier sees all of its "
                "dimensions, and it matches no independent model, whose width it has not. The authors' code has no such model: how they widened it is not known."
            ),
            (
                "Along a chain every line of models holds on to its own predecessor: BT^2 to the whole of the last embedding, which is 4 dimensions wider after "
                "each upgrade. Queries of the last model meet the gallery of the first, by their first 16 dimensions."
            ),
            "`cross_top1` and `cross_map` are of the gallery as it is on the day of the last upgrade, `top1` and `map` of one that is all new.",
            "A query is never its own answer.",
            "`trained_images` counts what training sees after the oldest model; BT^2 needs an independent new model first, which is counted too.",
            "Weights in memory include the stored gallery, and for `independent` the models of all generations.",
        ],
        findings=FINDINGS,
        data="glyphs of five random strokes, 60 training and 30 test images of each of 40 classes; scikit-learn's handwritten digits",
        code="https://github.com/YifeiZhou02/BT-2",
    )


@hookimpl
def model(variant: str, scale: str, params: Mapping[str, Any], seed: int, fitted: Any) -> Any:
    from .experiment import build
    from .setting import TASKS, part

    return part(params["part"], TASKS[params["task"], scale]) if "part" in params else build(variant, scale, params, seed, fitted)


@hookimpl
def data(scale: str, split: str, params: Mapping[str, Any]) -> Data:
    from . import setting

    return setting.split(scale, split, params)


@hookimpl
def fit(model: Any, scale: str, params: Mapping[str, Any], budget: Budget, seed: int) -> Any:
    from . import experiment

    return experiment.fit(model, scale, params, budget, seed)


@hookimpl
def metric(variant: str, model: Any, data: Data, scale: str, params: Mapping[str, Any]) -> Mapping[str, Quality]:
    from .experiment import judge

    return judge(variant, model, data, scale, params)


@hookimpl
def workload(name: str, model: Any, data: Data, params: Mapping[str, Any]) -> Work:
    from .experiment import work

    return Work(lambda: model(*data.inputs), items=1) if "part" in params else work(name, model, data)


@hookimpl
def artifacts(variant: str, model: Any, data: Data, scale: str, params: Mapping[str, Any]) -> Mapping[str, Artifact]:
    from .pictures import pictures
    from .setting import TASKS, Labelled

    return pictures(model, Labelled(data.inputs[0], data.targets), TASKS[params["task"], scale]) if variant == "bt2" else {}
