"""Agent attention: a few tokens, pooled from the queries, collect from all keys and hand on to all queries.

A layer by itself is timed against other ways of mixing tokens (`config` = `layer`). The whole networks of the paper, PVT and DeiT with agents and
without, are built for their sizes and speed. The small network of the family is trained on `freq_pairs`, and where a claim asks for
it on `digits`; its dense attention is computed by agents after training, as the authors do in Stable Diffusion (`swapped`).
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
        slug="agent_attention",
        title="Agent Attention: On the Integration of Softmax and Linear Attention",
        arxiv="2312.08874",
        year=2023,
        family="attention",
        task=TASK,
        protocol=PROTOCOL,
        method="A few agents, averages of the queries over the cells of a coarse grid, attend to all keys; then every query attends to the agents. "
        "Learned position biases on both scores and a depthwise convolution of the values make up for the detail that agents lose.",
        variants=[
            Variant("agent", "agent attention, 49 agents where the map is 14x14 or larger", subject=True),
            Variant("mha", "dense multi-head attention"),
            Variant("sra", "spatial-reduction attention (PVT): keys and values from a strided convolution"),
            Variant("linear", "linear attention with the kernel elu + 1"),
            Variant("bare", "agent attention without position biases and depthwise convolution"),
            Variant("swapped", "trained dense attention, computed by agents without retraining", shares_fit="mha"),
        ],
        workloads=[Workload("infer", items="images")],
        sweep={**SWEEP, "config": {**SWEEP["config"], "paper": ("layer", "pvt_t", "pvt_s", "pvt_m", "pvt_s_vs_l", "deit_t", "deit_s")}},
        qualities={**QUALITIES, "swap_error": "lower"},
        quality_points=({"config": "freq_pairs"},),
        sizes=SIZES,
        claims=CLAIMS,
        deviations=[
            (
                "The network that is trained has one block instead of four stages or twelve blocks, 32 channels, 4 heads of width 8 instead of 64, and "
                "trains for minutes on small images instead of 300 epochs on ImageNet, without augmentation and warm-up. Its feed-forward half has a "
                "depthwise convolution of its own, which PVT and DeiT have not."
            ),
            "Agent-Swin and Agent-CSwin, with their claims of speed and accuracy, are not built: PVT and DeiT ask the same question of smaller networks.",
            (
                "Stable Diffusion is not here, and no denoiser. What the authors do to it without retraining is done to the trained dense attention of "
                "the small classifier, in all of its work and not only in the first 20 of 50 steps, and without merging tokens before: agents are "
                "averages of the queries over cells, where the authors' are what is left of a merging of alike tokens."
            ),
            "Context over a distance is asked for by `freq_pairs` alone, where two blobs must be compared across the image.",
            "Dropout and stochastic depth are left out of PVT and DeiT: they are never trained here.",
        ],
        readings=[
            (
                "PVT is the authors' own frame with their baseline attention in it: mean over the last map, no class token and no last norm, 2,048 "
                "parameters fewer than PVT as it was published."
            ),
            (
                "In `pvt_s_vs_l` the variants differ in depth too, as in the authors' figure of speed: `agent` and `bare` stand in PVT-S, all others in "
                "PVT-L. Everywhere else depth and width are equal."
            ),
            (
                "The authors do not say how many images a call had in their figure of speed. It is judged with 8 images a call on a CPU and with 64 on a "
                "GPU, the batches of the family, in float32."
            ),
            "Position biases are resized from 7x7 at every call, as in the authors' code; that is part of what is timed.",
            "In DeiT, `sra` reduces the patches 2x2 and keeps the class token beside them; PVT has no such network.",
            (
                "`kernel` = `plain` writes attention out as the authors do; `fused` computes each of the two attentions by PyTorch's one operation. "
                "Linear attention has no fused form."
            ),
            "`swap_error` is the mean squared change of the logits when agents take over, as a share of the variance of the logits over images.",
            (
                "No point of the sweep is Stable Diffusion, so that its figures cannot be claimed under the authors' own conditions. Time and memory of whole images "
                "are therefore bounds on one layer (`sd_speed`, `sd_memory`), which makes these claims ours. The authors' ratios are those of token merging and agents "
                "together; of merging alone they print 1.53 times in time and 1.85 in memory, which is not checked apart."
            ),
        ],
        findings=[
            (
                "One printed size does not fit: Agent-DeiT-S has 22,647,112 parameters, which are 22.6 M and not 22.7 M. The other printed sizes of the "
                "nine networks fit, the multiply-accumulates by fvcore's way of counting."
            ),
            (
                "Agents that take over trained dense attention cost the small classifier 6 points of accuracy on digits, 89.4% for 95.6% (one seed). Here agents are "
                "a quarter of the tokens and take over all of the work, which in Stable Diffusion they do not."
            ),
        ],
        data="`freq_pairs`, a generator: two soft blobs that are alike or opposite, under a fine grating; scikit-learn's digits at 56x56; random "
        "tokens and images where only time and memory are measured.",
        code="https://github.com/LeapLabTHU/Agent-Attention",
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
def metric(variant: str, model: Any, data: Data, scale: str, params: Mapping[str, Any]) -> Mapping[str, Quality]:
    from .judge import qualities

    return {} if params["config"] == "layer" else qualities(variant, model, data, scale, params)


@hookimpl
def artifacts(variant: str, model: Any, data: Data, params: Mapping[str, Any]) -> Mapping[str, Artifact]:
    from .judge import pictures

    return {} if params["config"] == "layer" else pictures(variant, model, data, params["config"])
