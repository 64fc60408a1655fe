"""The script that pyperf starts anew for each of its worker processes: `pyperf_script.py --function NAME`."""

from __future__ import annotations

import argparse
import sys
import time
from functools import cache
from pathlib import Path

import pyperf

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.functions import THREE, build

built = cache(build)


def time_calls(loops: int, name: str) -> float:
    """Return the seconds of `loops` calls."""
    import torch

    function, inputs = built(name)
    with torch.inference_mode():
        start = time.perf_counter()
        for _ in range(loops):
            function(*inputs)
        return time.perf_counter() - start


def _pass_on(command: list[str], asked: argparse.Namespace) -> None:
    command += ["--function", asked.function]


if __name__ == "__main__":
    runner = pyperf.Runner(add_cmdline_args=_pass_on)
    runner.argparser.add_argument("--function", choices=list(THREE))
    name = runner.parse_args().function
    runner.bench_time_func(name, time_calls, name)
