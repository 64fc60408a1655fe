"""What the authors print: sizes and claims, each with where it stands."""

from __future__ import annotations

from harness import Claim, PublishedSize, Scaled

README = "README of LeapLabTHU/Agent-Attention, agent_transformer"
AUTHORS_CODE = "counted on the authors' code"
SPEED_FIGURE = "figure of accuracy over runtime, README of LeapLabTHU/Agent-Attention"
RESULT_FIGURE = "README and figure of main results, LeapLabTHU/Agent-Attention"
DIFFUSION = "README of agentsd, LeapLabTHU/Agent-Attention"
RTX_4090 = "NVIDIA RTX 4090, 512x512 pixels, 50 steps"

COUNTED_AS = "MACs printed as FLOPs; five are added for each element of a norm, four for each of a resized bias and one for each query that is pooled, as fvcore does"
ADJUST = {
    "pvt_t": 12_427_968,
    "pvt_s": 22_196_608,
    "pvt_m": 35_085_568,
    "pvt_m_256": 45_826_048,
    "pvt_l": 49_970_592,
    "deit_t": 7_945_536,
    "deit_s": 15_891_072,
    "deit_s_448": 63_420_288,
    "deit_b": 25_610_496,
}
"""What that adds. It is worked out for each network in the tests."""

TWICE_ROUNDED = "22,647,112 parameters are 22.6 M; rounded to 22.65 M first, they would be 22.7 M"

PRINTED = {
    "pvt_t": ("11.6 M", "2.0 G"),
    "pvt_s": ("20.6 M", "4.0 G"),
    "pvt_m": ("35.9 M", "7.0 G"),
    "pvt_m_256": ("36.1 M", "9.2 G"),
    "pvt_l": ("48.7 M", "10.4 G"),
    "deit_t": ("6.0 M", "1.2 G"),
    "deit_s": ("22.7 M", "4.4 G"),
    "deit_s_448": ("23.1 M", "17.7 G"),
    "deit_b": ("87.2 M", "17.6 G"),
}
"""Networks with agents, in the authors' table."""

COUNTED = {
    ("agent", "pvt_t"): ("11,570,352", "1.99 G"),
    ("agent", "pvt_s"): ("20,635,066", ""),
    ("agent", "pvt_m"): ("35,921,746", "7.00 G"),
    ("agent", "deit_t"): ("6,015,640", "1.17 G"),
    ("agent", "deit_s"): ("22,647,112", "4.43 G"),
    ("agent", "deit_b"): ("87,204,904", "17.53 G"),
    ("agent", "deit_s_448"): ("23,070,472", "17.64 G"),
    ("sra", "pvt_t"): ("13,227,240", "1.93 G"),
    ("sra", "pvt_s"): ("24,483,816", "3.81 G"),
    ("sra", "pvt_l"): ("61,367,272", "9.80 G"),
    ("mha", "deit_t"): ("5,717,416", "1.25 G"),
    ("mha", "deit_s"): ("22,050,664", "4.60 G"),
}
"""The same networks and their baselines: parameters exactly, and products alone."""


def _size(variant: str, config: str, quantity: str, printed: str, source: str) -> PublishedSize:
    theirs = quantity == "macs" and source == README
    return PublishedSize(
        variant,
        quantity,
        printed,
        source,
        params={"config": config, "batch": 1},
        input={"pvt_m_256": "256x256", "deit_s_448": "448x448"}.get(config, "224x224") + f", {config}",
        convention=COUNTED_AS if theirs else "",
        adjust=ADJUST[config] if theirs else 0,
        disputed=TWICE_ROUNDED if (config, printed) == ("deit_s", "22.7 M") else "",
    )


SIZES = tuple(
    _size(variant, config, quantity, printed, source)
    for source, table in ((README, {("agent", config): row for config, row in PRINTED.items()}), (AUTHORS_CODE, COUNTED))
    for (variant, config), row in table.items()
    for quantity, printed in zip(("parameters", "macs"), row, strict=True)
    if printed
)

TOP1 = {
    "pvt_t": ("sra", "PVT-T", 78.4, 75.1),
    "pvt_s": ("sra", "PVT-S", 82.2, 79.8),
    "pvt_m": ("sra", "PVT-M", 83.4, 81.2),
    "deit_t": ("mha", "DeiT-T", 74.9, 72.2),
    "deit_s": ("mha", "DeiT-S", 80.5, 79.8),
}
REDUCED = {"pvt_t": "digits", "pvt_s": "freq_pairs", "deit_t": "digits", "deit_s": "freq_pairs"}
"""On which of the family's tasks a network's accuracy is checked: each pair of mixers once on each."""

MANY_TOKENS = {"device": "cpu", "dtype": "float32", "scale": "small", "config": "layer", "resolution": 56, "kernel": "plain"}
MANY_TOKENS_GPU = {**MANY_TOKENS, "device": "cuda"}
IN_ATTENTION = (
    "Only attention is changed, and must gain at least as much by itself: here in one layer of 3,136 tokens, where the widest have 4,096."
)
"""How a figure for whole images of Stable Diffusion, which is not built, is a bound on a layer."""
SAME_LAYER = "the same layer on a CPU: no less than the whole of Stable Diffusion gains"


def _speed(name: str, device: str, batch: int, faster: float, machine: str) -> Claim:
    """Return the claim that Agent-PVT-S is faster than PVT-L by a ratio read from the speed figure."""
    when = {"dtype": "float32", "scale": "paper", "config": "pvt_s_vs_l", "kernel": "plain"}
    return Claim(
        name,
        "latency",
        "agent",
        "sra",
        ratio=1 / faster,
        when={**when, "device": device, "batch": batch},
        source=SPEED_FIGURE,
        says=f"Agent-PVT-S is {faster} times as fast as PVT-L, which is half a point less accurate. A call has {batch} images.",
        measured_on=f"{machine}; the batch is not stated",
        scaled=None
        if device == "cpu"
        else Scaled(
            order=True,
            when={**when, "device": "cpu", "batch": 8},
            why="the same two networks on a CPU: the smaller one with agents should still be the faster",
        ),
    )


def _accuracy(config: str) -> Claim:
    """Return the claim that agents gain accuracy at equal depth and width."""
    baseline, name, ours, theirs = TOP1[config]
    why = "the same two mixers in one small network, of equal depth and width: agents should lose nothing"
    task = REDUCED.get(config)
    return Claim(
        f"acc_{config}",
        "top1",
        "agent",
        baseline,
        difference=round(ours - theirs, 1),
        when={"scale": "paper", "config": config},
        source=RESULT_FIGURE,
        says=f"With agents {name} classifies {ours}% of ImageNet correctly, and {theirs}% without.",
        measured_on="ImageNet-1K",
        scaled=Scaled(difference=0.0, when={"scale": "small", "config": task}, why=why) if task else None,
    )


CLAIMS = (
    _speed("cpu_speed_pvt", "cpu", 8, 2.1, "Intel i5 CPU"),
    _speed("gpu_speed_pvt_3090", "cuda", 64, 1.7, "NVIDIA RTX 3090"),
    _speed("gpu_speed_pvt_a100", "cuda", 64, 1.6, "NVIDIA A100"),
    *(_accuracy(config) for config in TOP1),
    Claim(
        "parts_matter",
        "top1",
        "agent",
        "bare",
        order=True,
        when={"scale": "paper"},
        source="ablation of the parts",
        says="Without position biases and the depthwise convolution agent attention is less accurate.",
        measured_on="ImageNet-1K, in networks that are not built here",
        scaled=Scaled(
            order=True,
            when={"scale": "small", "config": "digits"},
            why="one small network with agents that have these parts and with agents that have not, trained alike",
        ),
    ),
    Claim(
        "linear_scaling",
        "macs",
        "agent",
        exponent=2.0,
        axis="resolution",
        when={"scale": "small", "config": "layer"},
        source="analysis of complexity",
        says="With a fixed number of agents, the multiply-accumulates of a layer grow as the number of tokens, the square of the map's side.",
        measured_on="analysis",
    ),
    Claim(
        "layer_speed",
        "latency",
        "agent",
        "mha",
        order=True,
        when=MANY_TOKENS,
        source="analysis of complexity",
        says="On 3,136 tokens a layer with 49 agents is faster than dense attention.",
        measured_on="not stated",
        ours=True,
    ),
    Claim(
        "sd_speed",
        "latency",
        "swapped",
        "mha",
        ratio=1.54 / 2.62,
        when=MANY_TOKENS_GPU,
        source=DIFFUSION,
        says=f"Agents in trained attention, without retraining, save time: Stable Diffusion draws an image 1.70 times as fast. {IN_ATTENTION}",
        measured_on=f"{RTX_4090}, 40% of tokens merged: 1.54 s an image instead of 2.62 s",
        ours=True,
        scaled=Scaled(ratio=1.54 / 2.62, when=MANY_TOKENS, why=SAME_LAYER),
    ),
    Claim(
        "sd_memory",
        "peak_activation",
        "swapped",
        "mha",
        ratio=1.55 / 3.13,
        when=MANY_TOKENS_GPU,
        source=DIFFUSION,
        says=f"Agents in trained attention, without retraining, save memory: Stable Diffusion needs 2.02 times less. {IN_ATTENTION}",
        measured_on=f"{RTX_4090}, 40% of tokens merged: 1.55 GB an image instead of 3.13 GB",
        ours=True,
        scaled=Scaled(ratio=1.55 / 3.13, when=MANY_TOKENS, why=SAME_LAYER),
    ),
    Claim(
        "sd_quality",
        "top1",
        "swapped",
        "mha",
        order=True,
        when={"scale": "paper"},
        source=f"{DIFFUSION}: FID 28.15 against 28.84",
        says="Agents in trained attention, without retraining, even gain quality: images of Stable Diffusion have an FID of 28.15 instead of 28.84.",
        measured_on=f"Stable Diffusion v1.5, {RTX_4090}, 40% of tokens merged, 2,000 images",
        scaled=Scaled(
            difference=0.0,
            when={"scale": "small", "config": "freq_pairs"},
            why="a trained classifier in place of Stable Diffusion, and its accuracy in place of FID: agents should cost it nothing",
        ),
    ),
)
