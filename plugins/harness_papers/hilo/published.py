"""What the authors print: sizes and claims, each with where it stands."""

from __future__ import annotations

from harness import Claim, PublishedSize, Scaled

README = "README of ziplab/LITv2"
ALPHA_TABLE = f"{README}, table of values of alpha"
LAYER_TABLE = "table of single layers, HubHop/vit-attention-benchmark"
AUTHORS_CODE = "counted on the authors' code"

AUTHORS_COUNT = (
    "the authors print MACs as FLOPs and also count one for each element of a norm and each output of a convolution that has a bias, and 12 offset "
    "channels where deformable merging has 8"
)
"""Of `flops()` in the authors' models. What it adds is worked out for each network in the tests."""

NO_HIFI = "without the two products of attention in the third stage, 44.3 M, it would fit; the other six values of alpha do"
"""Of the one figure that differs."""

ADJUST = {"litv2_s": 10_775_100, "litv2_m": 16_194_108, "litv2_b": 21_588_028, "litv2_b_384": 63_442_368}


def _network(config: str, quantity: str, printed: str, source: str = README, alpha: float | None = None) -> PublishedSize:
    """Return a size of LITv2; what the authors print of MACs is in their own way of counting."""
    theirs = quantity == "macs" and source != AUTHORS_CODE
    return PublishedSize(
        "hilo",
        quantity,
        printed,
        source,
        params={"config": config, "batch": 1, **({} if alpha is None else {"alpha": alpha})},
        input=("384x384" if config.endswith("384") else "224x224") + ("" if alpha is None else f", alpha {alpha:g}"),
        convention=AUTHORS_COUNT if theirs else "",
        adjust=ADJUST[config] if theirs else 0,
        disputed=NO_HIFI if alpha == 1.0 else "",
    )


def _layer(variant: str, quantity: str, printed: str, source: str = LAYER_TABLE, adjust: int = 0, **params: object) -> PublishedSize:
    """Return a size of one layer on 14x14 tokens, of 768 channels and 12 heads unless `params` say otherwise."""
    convention = "MACs printed as FLOPs" if quantity == "macs" else ""
    return PublishedSize(
        variant,
        quantity,
        printed,
        source,
        params={"config": "layer", "resolution": 14, "batch": 1, **params},
        input=", ".join([f"14x14x{params.get('channels', 768)}", *(f"{k} {v}" for k, v in params.items() if k != "channels")]),
        convention=convention + ("; the authors' counter adds 5 for each element of a norm" if adjust else ""),
        adjust=adjust,
    )


NETWORKS = {
    "litv2_s": ("28 M", "27,844,000", "3.7 G", "3.72 G"),
    "litv2_m": ("49 M", "48,830,368", "7.5 G", "7.46 G"),
    "litv2_b": ("87 M", "86,520,704", "13.2 G", "13.17 G"),
}
"""Parameters as printed and as in the authors' code, then MACs."""

ALPHAS = {0.0: "3.97 G", 0.2: "3.88 G", 0.4: "3.82 G", 0.5: "3.77 G", 0.7: "3.74 G", 0.9: "3.73 G", 1.0: "3.70 G"}
LAYERS = {
    "hilo": ("2.20 M", "298.30 M"),
    "mha": ("2.36 M", "521.43 M"),
    "sra": ("4.72 M", "419.56 M"),
    "window": ("2.36 M", "477.17 M"),
    "swin": ("2.36 M", "477.17 M"),
    "xca": ("2.36 M", "481.69 M"),
    "linformer": ("2.46 M", "616.56 M"),
}
SRA_NORM = 5 * 49 * 768
DEMO = {"channels": 384, "alpha": 0.5, "qkv_bias": False}

SIZES = (
    *(_network(config, "parameters", printed) for config, (printed, *_) in NETWORKS.items()),
    *(_network(config, "parameters", exact, AUTHORS_CODE) for config, (_, exact, *_) in NETWORKS.items()),
    _network("litv2_b_384", "parameters", "86.5 M", AUTHORS_CODE),
    *(_network(config, "macs", printed) for config, (*_, printed, _) in NETWORKS.items()),
    *(_network(config, "macs", counted, AUTHORS_CODE) for config, (*_, counted) in NETWORKS.items()),
    _network("litv2_b_384", "macs", "39.7 G"),
    *(_network("litv2_s", "macs", printed, ALPHA_TABLE, alpha) for alpha, printed in ALPHAS.items()),
    *(_layer(variant, "parameters", printed) for variant, (printed, _) in LAYERS.items()),
    *(_layer(variant, "macs", printed, adjust=SRA_NORM if variant == "sra" else 0) for variant, (_, printed) in LAYERS.items()),
    _layer("hilo", "parameters", "2,198,528", AUTHORS_CODE),
    _layer("hilo", "parameters", "2,196,224", AUTHORS_CODE, qkv_bias=False),
    _layer("hilo", "macs", "298,296,320", AUTHORS_CODE),
    _layer("hilo", "parameters", "516,480", AUTHORS_CODE, **DEMO),
    _layer("hilo", "macs", "83,467,776", f"{README}, demo", **DEMO),
)

RTX_3090 = "NVIDIA RTX 3090, batch 64"
LAYER_CPU = "Intel i9-10900X, batch 64, 768 channels, 12 heads, 14x14 tokens"
LAYER_GPU = f"{RTX_3090}, 768 channels, 12 heads, 14x14 tokens"
LAYER_SPEEDS = {
    "cpu": {"hilo": 1029, "sra": 710, "window": 631, "swin": 374, "mha": 505, "xca": 583, "linformer": 518},
    "cuda": {"hilo": 5104, "sra": 4810, "window": 4537, "swin": 4351, "mha": 4403, "xca": 4659, "linformer": 4578},
}
"""Images per second in the layer table. `small` builds the layer with the paper's own dimensions."""

LITV2_S_WEIGHTS = 4 * 27_844_000
LITV2_S_INPUTS = 4 * 64 * 3 * 224 * 224
"""Bytes: the authors print all memory that is allocated, the harness counts weights, optimizer state and inputs apart from what a call adds."""


def _layer_speed(device: str, baseline: str, name: str, rounded: float = 0.0) -> Claim:
    """Return the claim that one HiLo layer is faster than another, by the table's speeds or by the abstract's `rounded` ratio."""
    speeds = LAYER_SPEEDS[device]
    faster = rounded or speeds["hilo"] / speeds[baseline]
    when = {"device": device, "dtype": "float32", "scale": "small", "config": "layer", "resolution": 14, "batch": 64, "kernel": "plain"}
    smaller = Scaled(
        ratio=1 / faster, when={**when, "batch": 8}, why="the same layers on the same kind of device, with 8 images a call instead of 64"
    )
    return Claim(
        f"{'gpu' if device == 'cuda' else device}_{baseline}",
        "latency",
        "hilo",
        baseline,
        ratio=1 / faster,
        when=when,
        source=f"abstract; {LAYER_TABLE}" if rounded else LAYER_TABLE,
        says=f"One layer of HiLo is {faster:.3g} times as fast as {name}.",
        measured_on=LAYER_CPU if device == "cpu" else LAYER_GPU,
        scaled=smaller if device == "cpu" else None,
    )


def _network_speed(name: str, hilo: int, swin: int, gpu: str) -> Claim:
    """Return the claim that LITv2-S is faster than Swin-T by the ratio of two printed speeds."""
    when = {"device": "cuda", "scale": "paper", "config": "litv2_s", "batch": 64}
    return Claim(
        name,
        "latency",
        "hilo",
        "swin",
        ratio=swin / hilo,
        when=when,
        source=f"{README}, table of throughput on more GPUs",
        says=f"LITv2-S classifies {hilo / swin:.2f} times as many images a second as Swin-T.",
        measured_on=f"{gpu}, batch 64",
        scaled=Scaled(
            order=True,
            when={**when, "device": "cpu", "batch": 8},
            why="the same two networks on a CPU, for which the authors print no ratio: LITv2-S should still be the faster",
        ),
    )


CLAIMS = (
    _layer_speed("cpu", "sra", "spatial-reduction attention", rounded=1.4),
    _layer_speed("cpu", "window", "local windows", rounded=1.6),
    _layer_speed("cpu", "mha", "dense attention"),
    _layer_speed("cpu", "swin", "shifted windows"),
    _layer_speed("cpu", "xca", "cross-covariance attention"),
    _layer_speed("cpu", "linformer", "Linformer"),
    _layer_speed("cuda", "sra", "spatial-reduction attention"),
    _layer_speed("cuda", "window", "local windows"),
    _layer_speed("cuda", "mha", "dense attention"),
    Claim(
        "flops",
        "macs",
        "hilo",
        "mha",
        ratio=298.30 / 521.43,
        when={"config": "layer", "resolution": 14},
        source=LAYER_TABLE,
        says="One layer of HiLo takes 57% of the multiply-accumulates of dense attention.",
        measured_on="counted",
    ),
    Claim(
        "alpha_zero_worse",
        "top1",
        "hilo",
        "hifi",
        difference=82.03 - 81.16,
        when={"scale": "paper", "config": "litv2_s"},
        source=ALPHA_TABLE,
        says="With windows alone (alpha = 0) LITv2-S loses 0.87 points of top-1 against alpha = 0.9.",
        measured_on="ImageNet-1K",
        scaled=Scaled(
            order=True,
            when={"scale": "small", "config": "freq_pairs"},
            why="a small network on a task that takes comparing places far apart: without Lo-Fi heads it should be worse",
        ),
    ),
    _network_speed("network_swin_3090", 1471, 961, "NVIDIA RTX 3090"),
    _network_speed("network_swin_a100", 1874, 1564, "NVIDIA A100"),
    Claim(
        "memory_infer",
        "peak_activation",
        "hilo",
        value=1.2e9 - LITV2_S_WEIGHTS - LITV2_S_INPUTS,
        when={"device": "cuda", "scale": "paper", "config": "litv2_s", "batch": 64},
        source=f"{README}, model zoo",
        says="LITv2-S classifies 64 images in 1.2 GB, weights and images included; here these are taken off.",
        measured_on=RTX_3090,
        scaled=Scaled(
            order=True,
            baseline="mha",
            when={"device": "cpu", "scale": "small", "config": "layer", "resolution": 28, "batch": 8, "kernel": "plain"},
            why="one layer on 28x28 tokens, where the scores of dense attention are what takes the memory",
        ),
    ),
    Claim(
        "memory_train",
        "peak_activation",
        "hilo",
        value=5.1e9 - 3 * LITV2_S_WEIGHTS - LITV2_S_INPUTS,
        when={"device": "cuda", "scale": "paper", "config": "litv2_s", "batch": 64},
        workload="train_step",
        source=f"{README}, model zoo",
        says="LITv2-S trains on 64 images in 5.1 GB, weights, Adam's two moments and images included; here these are taken off.",
        measured_on=RTX_3090,
    ),
    Claim(
        "spectrum",
        "detail_ratio",
        "hilo",
        value=1.0,
        when={"scale": "small", "config": "freq_pairs"},
        source="frequency analysis of Hi-Fi and Lo-Fi outputs",
        says="A larger share of what Hi-Fi heads put out lies at high frequencies than of what Lo-Fi heads put out.",
        measured_on="LITv2 on ImageNet, shown as spectra",
        ours=True,
    ),
)
