"""What the authors say of their GPUs, and what a CPU can be asked in its place."""

from __future__ import annotations

from harness import Claim, PublishedSize, Scaled

_GPU = {"device": "cuda", "scale": "small"}
_CPU = {"device": "cpu", "scale": "small"}

SIZES = [
    PublishedSize(
        "direct",
        "parameters",
        "329,513",
        "counted from the layers: 2 (602 x 256) + 256 + 2 (256 x 41) + 41",
        params={"d": 602, "classes": 41},
        input="Reddit, 602 features and 41 classes",
    )
]

CLAIMS = [
    Claim(
        "transfer",
        quantity="latency",
        subject="direct",
        baseline="cpu_gather",
        ratio=1 - 0.471,
        when={**_GPU, "d": 128},
        workload="gather",
        source="abstract",
        says="Data transfer takes 47.1% less time, on average over microbenchmarks and GNNs.",
        measured_on="GPUs on PCIe",
        scaled=Scaled(
            ratio=0.75,
            when={**_CPU, "d": 128},
            why="no link is crossed; one pass over memory against two saves between a quarter and a half if memory is the limit",
        ),
    ),
    Claim(
        "transfer_wide",
        quantity="latency",
        subject="direct",
        baseline="cpu_gather",
        ratio=0.8,
        when={**_GPU, "d": 602},
        workload="gather",
        source="our reading of the abstract",
        says="With the 602 features of Reddit it is at least 20% less as well.",
        measured_on="GPUs on PCIe",
        ours=True,
        scaled=Scaled(ratio=0.75, when={**_CPU, "d": 602}, why="the same one pass against two"),
    ),
    Claim(
        "train",
        quantity="latency",
        subject="direct",
        baseline="cpu_gather",
        ratio=1 / 1.6,
        when={**_GPU, "d": 128},
        workload="train",
        source="abstract",
        says="Training is up to 1.6 times as fast.",
        measured_on="GNNs on large graphs, GPUs on PCIe",
        scaled=Scaled(
            ratio=1 / 1.02,
            when={**_CPU, "d": 128},
            why="informational: of a step on a CPU the gather is a part, and a pass less is part of it",
        ),
    ),
    Claim(
        "energy",
        quantity="energy",
        subject="direct",
        baseline="cpu_gather",
        ratio=1 - 0.124,
        when={**_GPU, "d": 128},
        workload="train",
        source="abstract",
        says="System power falls by 12.4% to 17.5%; as training is no slower, a step's energy falls by at least as much.",
        measured_on="the power of a whole machine with a GPU",
    ),
    Claim(
        "align",
        quantity="latency",
        subject="direct",
        baseline="unshifted",
        order=True,
        when={**_GPU, "d": 100},
        workload="gather",
        source="the paper's text, from memory",
        says="Where rows are no multiple of 128 bytes, reads that begin at line boundaries are faster.",
        measured_on="GPUs on PCIe, a microbenchmark",
    ),
    Claim(
        "passes",
        quantity="bytes_moved",
        subject="direct",
        baseline="cpu_gather",
        ratio=0.51,
        when={**_CPU, "d": 128},
        workload="gather",
        source="the method",
        says="A row is read once and written once, and not twice each: half the bytes, but for the indices.",
        measured_on="by construction",
        ours=True,
    ),
]
