"""The reference: bare loops in a process started afresh, no tool at all. `bare_loop SECONDS` prints one median a function."""

from __future__ import annotations

import json
import sys
import time

import torch

from benchmarks.functions import THREE, build
from benchmarks.loop import bare_loop

WARM_UP_SHARE = 0.2
BLOCK_S = 0.002
"""Of each block: far above the clock's resolution."""


def main(seconds: float) -> None:
    """Warm up and time each function."""
    found = {}
    for name in THREE:
        function, inputs = build(name)
        with torch.inference_mode():
            start = time.perf_counter()
            once_s = bare_loop(function, inputs, 1, WARM_UP_SHARE * seconds)
            calls = max(1, round(BLOCK_S / once_s))
            found[name] = {"seconds": bare_loop(function, inputs, calls, seconds), "spent_s": time.perf_counter() - start}
    print(json.dumps(found))


if __name__ == "__main__":
    main(float(sys.argv[1]))
