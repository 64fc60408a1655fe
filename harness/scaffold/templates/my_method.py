"""My Method: say in one sentence what the method does.

Everything the host knows of a paper is in this file: the card, which is data, and a few hooks. The host owns devices, dtypes, timing, training
loops, seeds, processes and files; you own the mathematics and the data. Each comment below marks a place where you must think.

    harness check my_method.py      is the contract kept?
    harness run --plugin-path my_method.py --plugins my_method

Once it is part of an installed package its name is enough: `harness check my_method`, `harness run --plugins my_method`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness import Claim, Data, Paper, Quality, Recipe, Variant, Workload, hookimpl

# Imported at the top: nothing heavy, and never torch. Every command reads every card; what is heavy is imported inside the hooks.

ROWS = {"smoke": 256, "small": 4096, "paper": 4096}
EPOCHS = {"smoke": 20, "small": 60, "paper": 60}
WIDTH = {"smoke": 32, "small": 64, "paper": 1024}
FEATURES = 8


@hookimpl
def paper() -> Paper:
    return Paper(
        slug="my_method",
        title="My Method",
        arxiv="",  # the id alone, as "2205.13213"
        year=2026,
        family="regression",  # the comparison table it belongs to; see `harness list` for those that exist
        task="predict a number from eight, (B, 8) -> (B, 1)",
        method="Say in two sentences what the method does, so that a reader of the report need not open the paper.",
        # One subject, and every baseline that the paper argues against: the strongest there is, tuned with the same care as the method.
        variants=[
            Variant("mine", "the paper's method: one hidden layer", subject=True),
            Variant("plain", "a linear map"),
        ],
        # What is timed. `infer` and `train_step` need no code of yours; others (`encode`, `decode`, `sample`, `solve`) need the hook `workload`.
        workloads=[Workload("infer", items="rows"), Workload("train_step", items="rows")],
        # Axes along which cost is measured; the first value is the default. A batch of 1 is what a user waits for.
        sweep={"batch": (32, 1)},
        # What `metric` returns, and which way is better.
        qualities={"mse": "lower"},
        # Sizes as the authors print them, with their own digits: PublishedSize("mine", "parameters", "27.8 M", source="table 1").
        # They are built at scale `paper` without memory, and `harness verify` holds them against the print.
        sizes=[],
        # What the authors say their method gains, each with its source, and `ours=True` where the number is not theirs.
        claims=[
            Claim(
                "better-fit",
                quantity="mse",
                subject="mine",
                baseline="plain",
                order=True,
                when={"scale": "small"},
                source="derived from the method; not printed",
                says="A hidden layer fits what a linear map cannot.",
                ours=True,
            ),
        ],
        # Every difference between this plugin and the paper. An empty list is a promise that there is none.
        deviations=["The data are generated, and not the authors'."],
        data="sines of eight random numbers, drawn by the plugin",
    )


@hookimpl
def model(variant: str, scale: str) -> Any:
    # Every variant is built here, from the same dimensions, so that a comparison cannot favour one by accident. The host has seeded torch. Read no values
    # of tensors: at scale `paper` this runs on the meta device, where there are none.
    import torch

    if variant == "plain":
        return torch.nn.Linear(FEATURES, 1)
    width = WIDTH[scale]
    return torch.nn.Sequential(torch.nn.Linear(FEATURES, width), torch.nn.ReLU(), torch.nn.Linear(width, 1))


@hookimpl
def data(scale: str, split: str, params: Mapping[str, Any]) -> Data:
    # The same inputs for every variant: deterministic, offline. `profile` is one timed call, `train` and `test` are whole splits. A data set of your own
    # draws from a fixed generator; the seed of a run should change models, and not what they are judged on.
    import torch

    count = params["batch"] if split == "profile" else ROWS[scale]
    generator = torch.Generator().manual_seed({"profile": 0, "train": 1, "test": 2}[split])
    x = torch.rand(count, FEATURES, generator=generator) * 4 - 2  # (B, 8)
    y = torch.sin(2 * x).sum(dim=1, keepdim=True)  # (B, 1)
    # With a recipe the host trains; where training is the method itself, write the hook `fit`.
    recipe = Recipe(torch.nn.functional.mse_loss, epochs=EPOCHS[scale], batch_size=32, lr=0.01)
    return Data((x,), targets=y, recipe=recipe)


@hookimpl
def metric(model: Any, data: Data) -> Mapping[str, Quality]:
    # Given the fitted model and the split `test`, gradients off. The numbers by which the paper is judged, with units.
    return {"mse": Quality((model(*data.inputs) - data.targets).square().mean(), unit="", better="lower")}
