"""`torch.utils.benchmark`: `blocked_autorange`, given twice the time until its own interval is within 2%."""

from __future__ import annotations

import json
import math

import torch
from torch.utils.benchmark import Measurement, Timer

from benchmarks.functions import THREE, build
from benchmarks.peers import MOST_SECONDS, WIDTH, Z_95

FIRST_S = 0.2
"""The default of `min_run_time`."""


def main() -> None:
    """Time each function."""
    found = {}
    for name in THREE:
        function, inputs = build(name)
        timer = Timer("function(*inputs)", globals={"function": function, "inputs": inputs}, num_threads=1)
        seconds = FIRST_S
        with torch.inference_mode():
            taken = timer.blocked_autorange(min_run_time=seconds)
            while half_width(taken) > WIDTH and seconds < MOST_SECONDS:
                seconds *= 2
                taken = timer.blocked_autorange(min_run_time=seconds)
        found[name] = {"seconds": taken.median, "half_width": half_width(taken), "samples": f"{len(taken.times)} blocks"}
    print(json.dumps(found))


def half_width(taken: Measurement) -> float:
    """Return the arm of the interval as `Measurement.significant_figures` has it: of the inner half of the blocks, here at 95%."""
    ordered = sorted(taken.times)
    inner = torch.tensor(ordered[len(ordered) // 4 : -(-3 * len(ordered) // 4)], dtype=torch.float64)
    return Z_95 * float(inner.std(unbiased=False)) / math.sqrt(len(inner)) / taken.median


if __name__ == "__main__":
    main()
