"""A small real project on disk, a command, its output."""

import os
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

TOY = """
from harness import Data, Paper, Quality, Recipe, Text, Variant, Workload, hookimpl

@hookimpl
def paper():
    return Paper(
        slug="toy", title="A Toy", arxiv="", year=2024, family="toys", task="(B, 8) -> (B, 1)", method="A line.",
        variants=[Variant("line", "a linear map", subject=True), Variant("net", "one hidden layer")],
        workloads=[Workload("infer", "rows"), Workload("train_step", "rows")],
        sweep={"batch": (4, 16)}, qualities={"mse": "lower"},
    )

@hookimpl
def model(variant):
    import torch
    hidden = [torch.nn.Linear(8, 32), torch.nn.ReLU()] if variant == "net" else []
    return torch.nn.Sequential(*hidden, torch.nn.Linear(32 if hidden else 8, 1))

@hookimpl
def data(split, params):
    import torch
    x = torch.randn({"profile": params["batch"], "train": 64, "test": 32}[split], 8)
    recipe = Recipe(torch.nn.functional.mse_loss, epochs=2, batch_size=16, lr=0.01)
    return Data((x,), targets=x.sum(1, keepdim=True), recipe=recipe)

@hookimpl
def metric(model, data):
    return {"mse": Quality((model(*data.inputs) - data.targets).square().mean(), "", "lower")}

@hookimpl
def artifacts(model):
    return {"weights": Text(str(list(model.parameters())[0].shape), "shape of the first weight")}
"""


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str


class Project:
    """A folder with plugins in it, in which `harness` is called as a user would call it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = folder / "results"

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
        return path

    def command(self, *arguments: object) -> list[str]:
        return [sys.executable, "-m", "harness", *map(str, arguments)]

    @property
    def env(self) -> dict[str, str]:
        return {**os.environ, "HARNESS_STORE": str(self.store), "COLUMNS": "200", "OMP_NUM_THREADS": "1"}

    def harness(self, *arguments: object, timeout: float = 240) -> Outcome:
        done = subprocess.run(
            self.command(*arguments), cwd=self.folder, env=self.env, capture_output=True, text=True, timeout=timeout, check=False
        )
        return Outcome(done.returncode, done.stdout, done.stderr)

    def start(self, *arguments: object) -> subprocess.Popen:
        return subprocess.Popen(
            self.command(*arguments), cwd=self.folder, env=self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
