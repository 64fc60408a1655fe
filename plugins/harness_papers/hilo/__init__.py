"""HiLo: some heads attend inside small windows, the others from every position to the means of those windows.

The paper times a single layer against other ways of mixing the tokens of an image (`config` = `layer`), and builds LITv2 around it. Here the whole
networks of the paper are built for their sizes, memory and speed (`litv2_s`, `litv2_m`, `litv2_b`), and the small one of the family is trained on
`freq_pairs` to see what each kind of head is good for; on `digits`, the family's other task, it is only timed and counted.
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
        slug="hilo",
        title="Fast Vision Transformers with HiLo Attention",
        arxiv="2205.13213",
        year=2022,
        family="attention",
        task=TASK,
        protocol=PROTOCOL,
        method="Heads are split in two groups. Hi-Fi heads attend inside 2x2 windows and see detail; Lo-Fi heads attend from every position to "
        "the averages of those windows and see the whole. Each group has its own projection, and nothing mixes the two.",
        variants=[
            Variant("hilo", "HiLo with nine tenths of the heads Lo-Fi, as the paper recommends", subject=True),
            Variant("mha", "dense multi-head attention"),
            Variant("sra", "spatial-reduction attention (PVT): keys and values from a strided convolution"),
            Variant("window", "7x7 windows with relative position bias"),
            Variant("swin", "shifted 7x7 windows; as a network, Swin of the same dimensions"),
            Variant("xca", "cross-covariance attention (XCiT)"),
            Variant("linformer", "keys and values projected to 256 along the sequence (Linformer)"),
            Variant("even", "HiLo with half of the heads Lo-Fi"),
            Variant("hifi", "HiLo with alpha = 0: windows alone"),
            Variant("lofi", "HiLo with alpha = 1: averaged keys alone"),
        ],
        workloads=[
            Workload("infer", items="images"),
            Workload("train_step", items="images", about="for the training memory, which the authors print for a GPU", requires=("cuda",)),
        ],
        sweep={**SWEEP, "config": {**SWEEP["config"], "paper": ("layer", "litv2_s", "litv2_m", "litv2_b")}},
        qualities={**QUALITIES, "detail_ratio": "higher"},
        quality_points=({"config": "freq_pairs"},),
        sizes=SIZES,
        claims=CLAIMS,
        deviations=[
            (
                "The network that is trained has one block instead of four stages, 32 channels instead of 96 and more, 4 heads, and trains for "
                "minutes on 4,000 small images instead of 300 epochs on ImageNet. With 4 heads, alpha = 0.9 makes 3 of them Lo-Fi. It is the same "
                "around every mixer, Swin's too, whose single block is shifted."
            ),
            "It is trained without augmentation, warm-up, stochastic depth or label smoothing, and weights of every kind decay.",
            (
                "Deformable merging is a plain strided convolution on a bilinearly resampled map, which is the same function, and its offsets are "
                "scaled by 0.01 instead of learnt at 0.01 of the rate, which under Adam differs only in how strongly they decay."
            ),
            (
                "Baselines of the authors' layer benchmark that are not attention over one map or a projection of it (cross-shaped windows, DAT, "
                "Performer, Focal, QuadTree, VAN, HorNet), and the networks PVT and ConvNeXt, are not built."
            ),
        ],
        readings=[
            "On a map whose sides the window does not divide, zeros are added below and on the right, counted in the averages, and cut off again.",
            (
                "The authors' layer benchmark runs with gradients on, in PyTorch 1.8 and without warm-up, and its windows build a shift mask in every "
                "call, even where nothing is shifted. Here every mixer is timed in inference mode, and the mask is built once."
            ),
            "The authors' script for the windows leaves out the relative position bias of Swin; the printed sizes fit either way. Here the bias is in.",
            "The printed size of Linformer is that of 256 projected tokens, more than the 196 that there are. It is kept.",
            (
                "`kernel` = `plain` writes attention out as the authors do; `fused` is PyTorch's one operation for it, which did not exist then. "
                "XCA has no fused form."
            ),
            "The authors do not say in which precision networks were timed; their script defaults to mixed precision. Claims are judged in float32.",
            (
                "`detail_ratio` compares two shares: of the energy of the Hi-Fi outputs, and of the Lo-Fi outputs, the part above a quarter of the Nyquist "
                "frequency, after training."
            ),
        ],
        findings=[
            (
                "One printed size does not fit: 3.70 G at alpha = 1. Without Hi-Fi heads the layers have slightly more to multiply than with alpha = 0.9, not "
                "less, and the network built here has 3.746 G by the authors' convention. Without the two products of attention in the third stage (44.3 M) "
                "it would have 3.702 G, so these may be missing from the printed figure; the other six of that table fit."
            ),
        ],
        data="`freq_pairs`, a generator: two soft blobs that are alike or opposite, under a fine grating; random tokens and images where only time "
        "and memory are measured, `digits` among them.",
        code="https://github.com/ziplab/LITv2",
    )


@hookimpl
def model(variant: str, scale: str, params: Mapping[str, Any]) -> Any:
    from .network import build

    return build(variant, scale, params)


@hookimpl
def data(scale: str, split: str, params: Mapping[str, Any]) -> Data:
    from harness_papers._kit.attention.tasks import whole

    from .tasks import profile

    return profile(scale, params) if split == "profile" else whole(scale, split, params)


@hookimpl
def metric(model: Any, data: Data, params: Mapping[str, Any]) -> Mapping[str, Quality]:
    from .judge import qualities

    return {} if params["config"] == "layer" else qualities(model, data, params["config"])


@hookimpl
def artifacts(variant: str, model: Any, data: Data, params: Mapping[str, Any]) -> Mapping[str, Artifact]:
    from .judge import pictures

    return {} if params["config"] == "layer" else pictures(variant, model, data, params["config"])
