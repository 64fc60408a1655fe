"""SOFT: attention by a Gaussian kernel instead of softmax, whose matrix is then approximated from a few landmarks.

A layer by itself is held against other ways of mixing tokens (`config` = `layer`): its cost should grow as the number of tokens, not as its square.
The whole networks of the paper are built for their sizes. The small network of the family is trained on `freq_pairs`, for one claim on
`digits` too, and read out on larger images, which is what the paper's normalization is for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness import Artifact, Data, Paper, Quality, Variant, Workload, hookimpl
from harness_papers._kit.attention import PROTOCOL, QUALITIES, SWEEP, TASK

from .published import CLAIMS, SIZES


@hookimpl
def paper() -> Paper:
    return Paper(
        slug="soft_attention",
        title="Softmax-free Linear Transformers",
        arxiv="2207.03341",
        year=2022,
        family="attention",
        task=TASK,
        protocol=PROTOCOL,
        method="Tokens are compared by a Gaussian kernel of tied queries and keys, whose matrix is symmetric and can be rebuilt from its part at a few "
        "landmarks (Nystrom). The landmarks' own matrix is inverted by Newton's iteration, and its gradient is written down instead of unrolled.",
        variants=[
            Variant("soft", "SOFT: Gaussian kernel, landmarks from a convolution, inverse by 20 Newton steps", subject=True),
            Variant("mha", "dense multi-head attention"),
            Variant("sra", "spatial-reduction attention (PVT): keys and values from a strided convolution"),
            Variant("nystrom", "softmax attention from landmarks (Nystromformer)"),
            Variant("performer", "softmax attention by random features (Performer)"),
            Variant("linformer", "keys and values projected to 256 along the sequence (Linformer)"),
            Variant("soft_norm", "SOFT with the inverse normalized by the row sums of the landmarks' kernel"),
            Variant("unrolled", "SOFT with the gradient taken through the Newton steps", shares_fit="soft"),
            Variant("gaussian", "the whole Gaussian kernel matrix, no landmarks"),
        ],
        workloads=[
            Workload("infer", items="images"),
            Workload("train_step", items="images", about="for the time of the backward pass", requires=("cuda",)),
        ],
        sweep={**SWEEP, "config": {**SWEEP["config"], "paper": ("layer", "soft_tiny")}},
        qualities={**QUALITIES, "resized_top1": "higher", "nystrom_error": "lower", "backward_mb": "lower"},
        quality_points=({"config": "freq_pairs"},),
        sizes=SIZES,
        claims=CLAIMS,
        deviations=[
            (
                "The network that is trained has one block instead of four stages, 32 channels, and trains for minutes on small images instead of 300 "
                "epochs on ImageNet, without augmentation and warm-up. Its norms come before attention and not after, as in SOFT's own blocks, because "
                "it is the network of the family. Its feed-forward half has a depthwise convolution of its own."
            ),
            "Dropout is left out of the published networks: they are never trained here. Embeddings of places are not resized: images have 224 pixels.",
            (
                "PVT-Tiny itself is not built: in `soft_tiny` the variant `sra` is SOFT's pyramid with PVT's attention in its first three stages, reduced "
                "8, 4 and 2 times as in PVT."
            ),
            "Squared distances take one matrix product instead of three, and P^T V is multiplied before the inverse is: the same function, fewer products.",
            "The authors' kernel for CUDA, which computes distances exactly, is not built. Newton's iteration runs in float32 at least.",
            "How the error of the approximation falls with the number of landmarks has no printed figure: it is shown on the page, and no claim.",
            "Detection and segmentation, for which normalization was made, are not here. What stands for them is to read images larger than in training.",
            "Performer's random features are drawn once and not again during training.",
        ],
        readings=[
            (
                "All released models have heads of width 32. In the family a layer has heads of width 64 and the trained network of width 8, as every "
                "other paper of the family has there."
            ),
            (
                "In the family's maps landmarks are made of the first cells of 2x2, 4x4 or 8x8 tokens that leave no more than 49 of them, and the depthwise "
                "convolution of the values is one wider, 3, 5 or 9, both as in the three stages of the released models. On 16x16 tokens there are 16."
            ),
            (
                "The class of the normalized layer in the authors' code cannot be built, for it calls itself by another name. It is built from the formula, "
                "with the same Newton iteration and closed gradient as the plain one; theirs starts otherwise and has no ridge."
            ),
            "Nystromformer's landmarks are means of cells of the map instead of stretches of the sequence, and its convolution of the values is SOFT's.",
            "Performer has 64 random features a head, or d ln d where that is more (266 for heads of width 64).",
            (
                "The README's FLOPs fit the multiply-accumulates of the authors' PyTorch kernel in units of 2^30, without Newton's iteration, which a counter "
                "of modules and products does not see."
            ),
            (
                "`kernel` = `plain` writes attention out as the authors do; `fused` is PyTorch's one operation for softmax attention. A Gaussian kernel and "
                "random features have no fused form."
            ),
            "`resized_top1` is top-1 on test images half as large again: 96 pixels instead of 64 for `freq_pairs`, 80 instead of 56 for `digits`.",
            "`nystrom_error` is the relative Frobenius error of the approximated kernel matrix of the trained queries, mean over heads and 16 images.",
            "`backward_mb` is what a call of the trained layer on one image keeps for the backward pass, weights and input left out.",
        ],
        findings=[
            (
                "Three printed sizes do not fit. The depths that the authors' code gives to SOFT-Small make a network of 38.9 M parameters and not 24 M, so "
                "that the printed network is another. The FLOPs of SOFT-Huge are printed as 16.3 G where the way of counting that fits Tiny, Medium and "
                "Large gives 15.6 G; its parameters fit."
            ),
            (
                "In a trained layer of the small network, what is computed is not close to the kernel matrix: its relative error is 1.0 on `digits` and 0.80 "
                "on `freq_pairs` (one seed), though both are learnt, with 98.5% and 100%. On `digits` the landmarks lie far from the queries; that the "
                "convolution of the values does the work there is our guess, and was not tried."
            ),
            (
                "On larger images of `freq_pairs` the normalized layer has 62.2% right and the plain one 89.8% (one seed), though both learn the task. A guess at "
                "the reason: the normalization divides by what landmarks have in common with each other, and not by what a token has in common with all tokens."
            ),
        ],
        data="`freq_pairs`, a generator: two soft blobs that are alike or opposite, under a fine grating; scikit-learn's digits at 56x56; random "
        "tokens and images where only time and memory are measured.",
        code="https://github.com/fudan-zvg/SOFT",
    )


@hookimpl
def model(variant: str, scale: str, params: Mapping[str, Any], fitted: Any) -> Any:
    from .network import build

    network = build(variant, scale, params)
    if fitted is not None:
        network.load_state_dict(fitted.state_dict())
    return network


@hookimpl
def data(scale: str, split: str, params: Mapping[str, Any]) -> Data:
    from harness_papers._kit.attention.tasks import whole

    from .tasks import profile

    return profile(scale, params) if split == "profile" else whole(scale, split, params)


@hookimpl
def metric(model: Any, data: Data, scale: str, params: Mapping[str, Any]) -> Mapping[str, Quality]:
    from .judge import qualities

    return {} if params["config"] == "layer" else qualities(model, data, scale, params["config"])


@hookimpl
def artifacts(variant: str, model: Any, data: Data, params: Mapping[str, Any]) -> Mapping[str, Artifact]:
    from .judge import pictures

    return {} if params["config"] == "layer" else pictures(variant, model, data, params["config"])
