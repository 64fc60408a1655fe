"""MatFormer: one training, from which models of many sizes are cut.

`task` = `text` trains byte-level decoders, `digits` image encoders. `mat_*` are sub-models of one MatFormer; `twin_*` were trained alone, for as many
steps as MatFormer gives each granularity, or (`..._long`, `twins`) for as many as it takes itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness import Artifact, Budget, Data, Paper, Quality, Variant, Workload, hookimpl

from .claims import CLAIMS, FINDINGS, SIZES


@hookimpl
def paper() -> Paper:
    return Paper(
        slug="matformer",
        title="MatFormer: Nested Transformer for Elastic Inference",
        arxiv="2310.07707",
        year=2023,
        family="adaptation",
        task="predict each next byte, (B, n) -> (B, n, 256), or a digit's label, (B, 1, H, W) -> (B, 10), at one of several sizes",
        method="The first units of every feed-forward network's hidden layer are a smaller network. Each training step draws one of four sizes and "
        "trains it alone, with the ordinary loss; afterwards sizes can be cut out, or mixed over depth, for nothing.",
        variants=[
            Variant("mat_xl", "MatFormer, one size drawn a step, the whole of it", subject=True),
            Variant("twin_xl", "an ordinary transformer, trained alone"),
            Variant("twin_l", "one with half of the hidden units, trained alone"),
            Variant("twin_m", "one with a quarter, trained alone"),
            Variant("twin_s", "one with an eighth, trained alone"),
            Variant("mat_l", "its first half of hidden units", shares_fit="mat_xl"),
            Variant("mat_m", "its first quarter", shares_fit="mat_xl"),
            Variant("mat_s", "its first eighth", shares_fit="mat_xl"),
            Variant("mat_mix", "a quarter in the lower half of its layers, half in the upper: never trained itself", shares_fit="mat_xl"),
            Variant("joint_xl", "MatFormer with the gradients of all four sizes in each step, a quarter of the steps"),
            Variant("twins", "the largest and the smallest, each trained alone for as many steps as MatFormer; the largest answers"),
            Variant("twin_xl_long", "the larger of these two", shares_fit="twins"),
            Variant("twin_s_long", "the smaller of these two", shares_fit="twins"),
            Variant("sliced_s", "the first eighth of the larger one's hidden units", shares_fit="twins"),
            Variant("pruned_s", "the eighth of its hidden units that has the greatest weights", shares_fit="twins"),
        ],
        workloads=[Workload("infer", items="examples")],
        sweep={"task": ("text", "digits")},
        qualities={
            "bits_per_byte": "lower",
            "top1": "higher",
            "agreement": "higher",
            "kl": "lower",
            "acceptance": "higher",
            "verifier_calls": "lower",
            "knn_cross": "higher",
            "knn_loss": "lower",
            "mix_gap": "lower",
            "training_macs": "lower",
        },
        cost_axes=(),
        quality_points=({"task": "digits"},),
        sizes=SIZES,
        claims=CLAIMS,
        deviations=[
            "The decoder has 4 layers of width 128 and reads 128 bytes; the paper's have 78 million parameters and more. MatFormer trains for 480 steps.",
            (
                "The image encoder reads digits of 32x32 pixels in 16 patches, through 4 layers of width 64, for 600 steps. It is trained by the decoder's "
                "recipe, without AugReg's augmentation, and its patches are averaged."
            ),
            (
                "Positions are learnt and attention has ordinary heads, where MatFormer-OLMo has ALiBi and one key for all heads. Linear layers and norms "
                "have no bias, and the decoder's head is a matrix of its own, where the releases have biases and MatFormer-OLMo ties head and embedding."
            ),
            "Weights do not decay (0.01 in MatFormer-OLMo): with one optimizer for the whole, decay would also shrink the units that a step leaves out.",
            "The learning rate warms up over a tenth of the steps; in MatFormer-OLMo it is a twentieth.",
            (
                "Speculative decoding keeps no cache of keys and values: passes of the verifier are counted, and nothing is timed. So the speed-ups of a draft and a "
                "verifier that share one cache, 1.16 times on LAMBADA and 1.14 on TriviaQA, are not checked."
            ),
            "Mixes are drawn at random among those that never fall with depth; there is no evolutionary search.",
        ],
        readings=[
            "Four granularities, f/8, f/4, f/2 and f, are drawn with equal probability; the tuned probabilities of the paper are not known to us.",
            (
                "A twin takes as many steps as its granularity gets in the mean, 120 against 480. `twins`, `twin_xl_long` and `twin_s_long` take all 480: "
                "the harder baseline, with which consistency, drafting and retrieval are compared."
            ),
            "Joint training sums four gradients in each of 120 steps, so that it costs as much as 480 drawn ones.",
            (
                "Initial weights are those of the authors' releases. For text (MatFormer-OLMo): normal with deviation 0.02, the last matrix of a "
                "feed-forward network divided by sqrt(2 L). For images (MatViT): Xavier's uniform ones, positions of 0.02, a head of zeros. They were "
                "taken from the releases' code on 21 November 2026; what had been tried before is under the findings."
            ),
            "Both releases add up the gradients of all sizes in every step; the paper's text draws one size a step, and that is what `mat_xl` does.",
            "Adam's moments go on moving units that a step leaves out; their gradient is zero.",
            "`plain` is the form of the feed-forward network; `gated` and, as in the released example, `gated_before` can be asked for by `form`.",
            (
                "The sizes of the released OLMo models do not follow from the commands they are listed with, and those of MatLM come without dimensions: "
                "what is checked is the formula."
            ),
            "The law of loss over size and data that the paper fits needs models from 78 million parameters, and is not checked.",
            "`training_macs` is what it costs to have all four sizes: one training for MatFormer, four for twins.",
            (
                "At `paper` scale `text` has the width, depth and context of MatFormer-OLMo's configuration, with hidden layers of 4 d as in the paper "
                "(8 d there), and `digits` the dimensions of ViT-B/16, with one channel."
            ),
        ],
        findings=FINDINGS,
        data="the source of Python's standard library, every tenth file for testing; scikit-learn's digits enlarged to 32x32",
        code="https://github.com/devvrit/matformer",
    )


@hookimpl
def model(variant: str, scale: str, params: Mapping[str, Any], fitted: Any) -> Any:
    from .model import Blocks, build
    from .tasks import setting

    built = build(variant, setting(scale, params).shape, fitted)
    return Blocks(built) if params.get("part") == "blocks" else built


@hookimpl
def data(scale: str, split: str, params: Mapping[str, Any], seed: int) -> Data:
    import torch

    from .tasks import examples, setting

    if params.get("part") == "blocks":
        return Data((torch.randn(1, 1, setting(scale, params).shape.d),))
    x, y = examples(scale, split, params, seed)
    extra = {"train": examples(scale, "train", params, seed)} if split == "test" else {}
    return Data((x,), targets=y, extra=extra)


@hookimpl
def fit(variant: str, model: Any, data: Data, scale: str, params: Mapping[str, Any], budget: Budget, seed: int) -> Any:
    from .tasks import setting
    from .training import train

    chosen, examples = setting(scale, params), (*data.inputs, data.targets)
    short, long = budget.cap(chosen.steps), budget.cap(chosen.nested_steps)
    match variant:
        case "mat_xl":
            return train(model, *examples, "sampled", long, chosen.batch, seed)
        case "joint_xl":
            return train(model, *examples, "joint", short, chosen.batch, seed)
        case "twins":
            for twin in (model.small, model.large):
                train(twin, *examples, "alone", long, chosen.batch, seed)
            return model
    return train(model, *examples, "alone", short, chosen.batch, seed)


@hookimpl
def metric(variant: str, model: Any, data: Data, scale: str, params: Mapping[str, Any]) -> Mapping[str, Quality]:
    from .judging import judge
    from .tasks import setting

    return judge(variant, model, data, setting(scale, params))


@hookimpl
def artifacts(variant: str, model: Any, data: Data, params: Mapping[str, Any]) -> Mapping[str, Artifact]:
    from .judging import pictures

    return pictures(model, *data.inputs, data.targets) if variant == "mat_xl" and params["task"] == "text" else {}
