"""`harness.profile`, as a user calls it: it stops by itself when its interval over fresh processes is within 2%."""

from __future__ import annotations

import json

import harness
from benchmarks.functions import THREE, build


def main() -> None:
    """Profile the latency of each function."""
    found = {}
    for name in THREE:
        function, inputs = build(name)
        latency = harness.profile(function, *inputs, metrics=("latency",), threads=1).latency
        arm = max(latency.high - latency.p50, latency.p50 - latency.low) / latency.p50
        found[name] = {"seconds": latency.p50, "half_width": arm, "samples": f"{latency.n} processes, {latency.stop_reason}"}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
