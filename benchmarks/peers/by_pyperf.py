"""pyperf: fresh processes, as many as its own formula asks for a figure that is 95% sure within 2%."""

from __future__ import annotations

import json
import math
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import pyperf

from benchmarks.functions import THREE
from benchmarks.peers import WIDTH, Z_95

FIRST, MOST = 3, 20
"""Processes to begin with, as many as ours begins with, and pyperf's default, after which it gives up."""
_SCRIPT = Path(__file__).with_name("pyperf_script.py")


def main() -> None:
    """Time each function."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in THREE:
            output = Path(folder) / f"{name}.json"
            measure(name, output, FIRST)
            while (more := further_processes(pyperf.Benchmark.load(str(output)))) > 0:
                measure(name, output, more)
            bench = pyperf.Benchmark.load(str(output))
            count = len(process_means(bench))
            found[name] = {"seconds": bench.median(), "half_width": half_width(bench), "samples": f"{count} processes"}
    print(json.dumps(found))


def measure(name: str, output: Path, processes: int) -> None:
    """Have pyperf start processes and add their values to a file."""
    # --append adds to a file that is there, and makes one where there is none.
    command = [sys.executable, str(_SCRIPT), "--function", name, "--processes", str(processes), "--append", str(output), "--quiet"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def process_means(bench: pyperf.Benchmark) -> list[float]:
    """Return the mean of each process, which pyperf takes as its unit; calibration runs have no values."""
    return [statistics.mean(run.values) for run in bench.get_runs() if run.values]


def half_width(bench: pyperf.Benchmark) -> float:
    """Return the arm of the 95% interval of the mean over processes, as a share of it."""
    means = process_means(bench)
    return Z_95 * statistics.stdev(means) / math.sqrt(len(means)) / statistics.mean(means)


def further_processes(bench: pyperf.Benchmark) -> int:
    """Return how many more are needed by `Benchmark.required_nprocesses`, asked for +-2% and not for its +-0.5%, within the most."""
    means = process_means(bench)
    share = statistics.stdev(means) / statistics.mean(means)
    needed = math.ceil((Z_95 * share / WIDTH) ** 2)
    return min(needed, MOST) - len(means)


if __name__ == "__main__":
    main()
