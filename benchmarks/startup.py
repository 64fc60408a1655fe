"""How long until `harness list` has answered, against importing what any such command line needs?"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.section import Extent, Goal, Section, Table
from harness.stats.estimate import Estimate
from harness.stats.location import centre_estimate, median_estimate

TITLE = "Start-up of `harness list`"
MOST_S = 0.15
RUNS, QUICK_RUNS = 40, 6
COMMANDS = {
    "`harness list`": [str(Path(sys.executable).with_name("harness")), "list"],
    '`python -c "import typer, rich, pluggy"`': [sys.executable, "-c", "import typer, rich, pluggy"],
    "`python -c pass`": [sys.executable, "-c", "pass"],
}

_METHOD = (
    "Wall time of whole processes, {runs} of each in turn after one that is not counted; medians, and the median of the differences within"
    " a turn, with 95% intervals."
)


def run(extent: Extent) -> Section:
    """Start every command in turn."""
    runs = QUICK_RUNS if extent.quick else RUNS
    times: dict[str, list[float]] = {words: [] for words in COMMANDS}
    for i in range(runs + 1):
        for words, command in COMMANDS.items():
            took_s = seconds(command)
            if i:
                times[words].append(took_s)
    rows = [[words, *_milliseconds(median_estimate(taken, independent=True))] for words, taken in times.items()]
    listed, imported, _ = times.values()
    return Section(TITLE, _METHOD.format(runs=runs), [Table(["command", "median", "95% interval"], rows)], [judge(listed, imported)])


def judge(listed: Sequence[float], imported: Sequence[float]) -> Goal:
    """Hold the difference, turn by turn, against the goal."""
    difference = centre_estimate([a - b for a, b in zip(listed, imported, strict=True)])
    low, high = difference.bounds
    span = f" ({low:+.3f} to {high:+.3f} s)" if difference.has_interval else ""
    return Goal(f"at most {MOST_S} s more than the imports", difference.value <= MOST_S, f"{difference.value:+.3f} s{span}")


def seconds(command: Sequence[str]) -> float:
    """Return the wall time of a command.

    Raises:
        CalledProcessError: when it fails: the start-up of a command that does not work is no figure.
    """
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def _milliseconds(estimate: Estimate) -> tuple[str, str]:
    low, high = estimate.bounds
    return f"{estimate.value * 1e3:.0f} ms", f"{low * 1e3:.0f} to {high * 1e3:.0f} ms" if estimate.has_interval else "none"
