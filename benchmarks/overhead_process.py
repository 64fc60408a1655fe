"""One process of `overhead`: the latency meter's blocks of functions, and bare loops around the same calls, in turn."""

from __future__ import annotations

import gc
import json
import statistics
import sys
from collections.abc import Sequence

import torch

from benchmarks.functions import build
from benchmarks.loop import bare_loop
from harness.meters.base import Effort
from harness.meters.blocks import interleave
from harness.profiling.payload import CallBench


def main(names: Sequence[str], pairs: int, seconds: float) -> None:
    """Print the medians of both, pair by pair, by function."""
    gc.freeze()  # the meter collects before it measures: what the imports left need not be looked through each time
    print(json.dumps({name: measure(name, pairs, seconds) for name in names}))


def measure(name: str, pairs: int, seconds: float) -> dict[str, list[float]]:
    """Return seconds a call of both, in the order A B B A."""
    function, inputs = build(name)
    bench = CallBench({name: function}, inputs, "cpu", 1, False, "eager")
    figures, loops, calls = [], [], 1
    with torch.inference_mode():
        for i in range(pairs):
            for measured_by_us in (True, False) if i % 2 == 0 else (False, True):
                if measured_by_us:
                    seen = interleave([bench.subject("infer", name)], "cpu", Effort(0, seconds))["variants"][name]
                    figures.append(statistics.median(seen["blocks_s"]))
                    calls = seen["calls"]
                else:
                    loops.append(bare_loop(function, inputs, calls, seconds))
    return {"figure_s": figures, "loop_s": loops}


if __name__ == "__main__":
    main(sys.argv[3:], int(sys.argv[1]), float(sys.argv[2]))
