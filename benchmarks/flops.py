"""Who counts FLOPs right: the harness, torch's own counter, fvcore, torchinfo and ptflops on models and operators of known size.

    python benchmarks/flops.py                 all models; a few minutes
    python benchmarks/flops.py --without GPT   leave out models by a part of their name

Every tool counts the same module, in evaluation mode, on the CPU, where torch's fused kernels run. The truth of a model is its published
multiply-accumulates of products and convolutions, times two; the truth of an operator is a closed form. To leave work out is wrong; to add what
biases, norms and activations cost is a convention, and up to 7% of that is called right. Inputs hold one item, for ptflops divides by their number.
A tool that is not installed has a column that says so.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import logging
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from harness.errors import HarnessError, require  # noqa: E402  the folder of the repository comes first
from harness.meters.flops.counter import count  # noqa: E402
from tests.meters.reference_models.catalogue import MODELS, Reference  # noqa: E402

MISSING = 0.01
"""A figure below the truth by more than this has left something out; rounding does not explain it."""
ADDED = 0.07
"""The most that norms and activations add: 6.5% to MobileNetV2, whose products are few."""
REPEATS = 5
"""Calls of which the fastest stands for the cost."""
NOTED = 0.005
"""A right figure that is off by more than this says so."""


@dataclass(frozen=True)
class Case:
    """A module of known cost: `flops` counts two a multiply-accumulate."""

    name: str
    build: Callable[[], tuple[nn.Module, Tensor]]
    flops: int


class Call(nn.Module):
    """A function as a module, for tools that take nothing else."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, input: Tensor) -> Tensor:
        """Call it; the argument has the name that tracing tools expect."""
        return self.function(input)


def _called(function: Callable[[Tensor], Tensor], x: Tensor) -> Callable[[], tuple[nn.Module, Tensor]]:
    return lambda: (Call(function), x)


def _fft_convolution(x: Tensor) -> Tensor:
    return torch.fft.irfft(torch.fft.rfft(x, 256) * torch.fft.rfft(torch.ones(128), 256), 256)


class First(nn.Module):
    """A module of which only the first result counts: tracing tools take no other."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, input: Tensor) -> Tensor:
        """Return the first result."""
        return self.inner(input)[0]


def _encoder_layer() -> tuple[nn.Module, Tensor]:
    return nn.TransformerEncoderLayer(64, 4, 256, batch_first=True), torch.ones(1, 32, 64)


def _int_product(x: Tensor) -> Tensor:
    return torch._int_mm(x[0].to(torch.int8), torch.ones(64, 32, dtype=torch.int8))


def _solve(x: Tensor) -> Tensor:
    return torch.linalg.solve(x + 99 * torch.eye(64), x)


Q = torch.ones(1, 4, 64, 16)
X = torch.ones(1, 64, 64)
OPERATORS = (
    Case("linear layer", lambda: (nn.Linear(256, 32), torch.ones(1, 8, 256)), 2 * 8 * 256 * 32),
    Case(
        "depth-wise convolution", lambda: (nn.Conv2d(16, 16, 3, padding=1, groups=16, bias=False), torch.ones(1, 16, 8, 8)), 2 * 16 * 64 * 9
    ),
    Case("einsum", _called(lambda x: torch.einsum("bij,bkj->bik", x, x), X), 2 * 64**3),
    Case("attention, fused", _called(lambda x: F.scaled_dot_product_attention(x, x, x), Q), 2 * 2 * 4 * 64 * 64 * 16),
    Case("transformer layer, fused", _encoder_layer, 2 * (4 * 32 * 64**2 + 2 * 32**2 * 64 + 2 * 32 * 64 * 256)),
    Case("LSTM", lambda: (First(nn.LSTM(256, 256, batch_first=True)), torch.ones(1, 10, 256)), 2 * 10 * 4 * 256 * 512),
    Case("complex product", _called(lambda x: torch.view_as_real(x.to(torch.complex64) @ x.to(torch.complex64)), X), 2 * 4 * 64**3),
    Case("convolution by FFT", _called(_fft_convolution, torch.ones(1, 128)), 3 * 5 * 256 * 8),
    Case("8-bit product", _called(_int_product, torch.ones(1, 32, 64)), 2 * 32 * 64 * 32),
    Case("linear solve", _called(_solve, X), round(2 / 3 * 64**3 + 2 * 64**3)),
    Case("softmax", _called(lambda x: x.softmax(-1), X), 64 * (5 * 64 - 2)),
)
"""Operators with their cost in closed form; what little is around them stays within what may be added."""


def ours(model: nn.Module, x: Tensor) -> float:
    """Count with the harness: products; all FLOPs where there are none; 8-bit operations, which are no FLOPs, where there are only those."""
    seen = count(lambda: model(x), model)
    return 2 * seen.macs or seen.op_classes.get("int8") or seen.flops


def torch_counter(model: nn.Module, x: Tensor) -> float:
    """Count with `torch.utils.flop_counter`."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as mode:
        model(x)
    return mode.get_total_flops()


def fvcore(model: nn.Module, x: Tensor) -> float:
    """Count with fvcore, which reports multiply-accumulates."""
    module: Any = require("fvcore.nn", "this column", "fvcore")
    return 2 * module.FlopCountAnalysis(model, (x,)).unsupported_ops_warnings(False).uncalled_modules_warnings(False).total()


def torchinfo(model: nn.Module, x: Tensor) -> float:
    """Count with torchinfo, which reports multiply-adds."""
    module: Any = require("torchinfo", "this column", "torchinfo")
    return 2 * module.summary(model, input_data=(x,), verbose=0).total_mult_adds


def ptflops(backend: str) -> Callable[[nn.Module, Tensor], float]:
    """Return a count with one of ptflops' two backends, which report multiply-accumulates."""

    def counted(model: nn.Module, x: Tensor) -> float:
        module: Any = require("ptflops", "this column", "ptflops")
        settings = {"as_strings": False, "print_per_layer_stat": False, "verbose": False, "backend": backend}
        macs, _ = module.get_model_complexity_info(model, (1,), input_constructor=lambda _: x, **settings)
        if macs is None:
            raise ValueError("it gave nothing")
        return 2 * macs

    return counted


TOOLS: dict[str, Callable[[nn.Module, Tensor], float]] = {
    "harness": ours,
    "torch": torch_counter,
    "fvcore": fvcore,
    "torchinfo": torchinfo,
    "ptflops, pytorch": ptflops("pytorch"),
    "ptflops, aten": ptflops("aten"),
}


NOTE = (
    "Truth: FLOPs, two a multiply-accumulate. `silent zero`: the tool gave 0 as if nothing ran. fvcore logs which operators it has no formula for, "
    "negligible ones as well as these; its total is a plain number all the same. torch's own counter also multiplies the weight gradient of a "
    "grouped convolution by its groups, which no case here shows."
)


COST_NOTE = (
    "An operator alone is no model: what its first count costs are some tenths of a millisecond, most of them torch's own for the first use of its "
    "dispatch in Python."
)


def verdict(tool: Callable[[nn.Module, Tensor], float], case: Case) -> str:
    """Say whether a tool's figure for a case is right, wrong by how much, zero without a word, or not to be had."""
    try:
        with torch.no_grad(), contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            model, x = case.build()
            found = tool(model.eval(), x)
    except HarnessError:
        return "not installed"
    except Exception as error:  # a tool that fails is a result, not the end of the table
        return f"fails: {type(error).__name__}"
    if found == 0:
        return "silent zero"
    off = found / case.flops - 1
    if -MISSING <= off <= ADDED:
        return "right" if abs(off) <= NOTED else f"right, {off:+.1%}"
    return f"wrong: {off:+.1%}"


def model_cases(without: list[str]) -> list[Case]:
    """Return the reference models as cases, on the CPU with random weights."""
    kept = [m for m in MODELS if not any(part in m.name for part in without)]
    return [Case(m.name, partial(_on_the_cpu, m), 2 * m.macs) for m in kept]


def _on_the_cpu(model: Reference) -> tuple[nn.Module, Tensor]:
    built = model.on("cpu")
    return (First(built) if model.tokens else built), model.input("cpu")


def table(cases: list[Case]) -> str:
    """Return the verdicts of all tools on all cases as a Markdown table, with a line of how many are right."""
    rows = [
        [case.name, f"{case.flops / 1e9:.3f} G" if case.flops > 1e8 else f"{case.flops:,}", *(verdict(t, case) for t in TOOLS.values())]
        for case in cases
    ]
    right = [sum(row[2 + i].startswith("right") for row in rows) for i in range(len(TOOLS))]
    rows.append(["**right**", "", *(f"**{n} of {len(cases)}**" for n in right)])
    lines = [["case", "truth", *TOOLS], ["---", "---:", *(["---"] * len(TOOLS))], *rows]
    return "\n".join([*(f"| {' | '.join(line)} |" for line in lines), "", NOTE])


def cost(models: list[Case], operators: Sequence[Case]) -> str:
    """Return what counting costs, in plain calls: the first count of a module in this process, which makes the rules, a later one, and torch's own."""
    ours = {case.name: _counting(case, lambda model, x: count(lambda: model(x), model)) for case in (*models, *operators)}
    # Last of all: torch's counter imports the compiler, which makes every later count in the process dearer.
    torchs = {case.name: _counting(case, torch_counter) for case in (*models, *operators)}
    parts = []
    for cases, first in ((models, "first count, in plain calls"), (operators, "first count, of an operator alone")):
        rows = [_cost_row(case.name, ours[case.name], torchs[case.name]) for case in cases]
        lines = [["case", "a plain call", first, "a later one", "torch's own, a later one"], ["---", *(["---:"] * 4)], *rows]
        parts.append("\n".join(f"| {' | '.join(line)} |" for line in lines))
    return "\n\n".join([*parts, COST_NOTE])


def _cost_row(name: str, ours: tuple[float, float, float], torchs: tuple[float, float, float]) -> list[str]:
    plain, first, later = ours
    return [name, f"{plain * 1e3:.2f} ms", f"{first / plain:.1f}", f"{later / plain:.1f}", f"{torchs[2] / torchs[0]:.1f}"]


def _counting(case: Case, counter: Callable[[nn.Module, Tensor], object]) -> tuple[float, float, float]:
    """Return the seconds of a plain call, of the first count and of the fastest later one."""
    model, x = case.build()
    model.eval()
    with torch.inference_mode():
        model(x)
        plain = min(_seconds(lambda: model(x)) for _ in range(REPEATS))
        first, *others = [_seconds(lambda: counter(model, x)) for _ in range(REPEATS)]
    return plain, first, min(others)


def _seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def main(arguments: list[str] | None = None) -> str:
    """Print the table and return it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--without", nargs="*", default=[], help="leave out models with this in their name")
    options = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    models = model_cases(options.without)
    result = "\n\n".join([cost(models, OPERATORS[:4]), table([*models, *OPERATORS])])
    print(result)
    return result


if __name__ == "__main__":
    main()
