"""Is the latency figure that of a bare loop around the same call?"""

from __future__ import annotations

from benchmarks.fresh import run_fresh
from benchmarks.functions import CHEAPEST, THREE
from benchmarks.section import Extent, Goal, Section, Table
from harness.stats.estimate import Estimate
from harness.stats.location import hierarchical_median
from harness.stats.ratio import paired_ratio

TITLE = "Overhead of the latency figure"
MOST = 0.01
PAIRS, PROCESSES, SECONDS = 30, 10, 0.05
QUICK_PAIRS, QUICK_PROCESSES, QUICK_SECONDS = 4, 2, 0.02
"""Pairs of each function in a process, processes, and measuring seconds of either side of a pair."""

_METHOD = (
    "Blocks as the latency meter takes them (guards, context, the call as a bench prepares it) and bare loops of as many calls,"
    " in turn (A B B A) in each of {processes} processes started afresh, one thread; the ratio of their medians, with its 95%"
    " interval over processes."
)


def run(extent: Extent) -> Section:
    """Measure and judge each function by itself."""
    pairs, processes, seconds = (QUICK_PAIRS, QUICK_PROCESSES, QUICK_SECONDS) if extent.quick else (PAIRS, PROCESSES, SECONDS)
    words = {**THREE, **CHEAPEST}
    seen = [run_fresh("benchmarks.overhead_process", str(pairs), str(seconds), *words).value for _ in range(processes)]
    rows, goals = [], []
    for name, called in words.items():
        figures, loops = ([one[name][key] for one in seen] for key in ("figure_s", "loop_s"))
        ratio, loop_s = paired_ratio(figures, loops), hierarchical_median(loops).value
        rows.append([called, f"{loop_s * 1e6:.2f} µs", _percent(ratio), f"{(ratio.value - 1) * loop_s * 1e9:+.0f} ns"])
        goals.append(judge(called, ratio))
    table = Table(["function", "bare loop", "figure over loop", "a call"], rows)
    return Section(TITLE, _METHOD.format(processes=processes), [table], goals)


def judge(words: str, ratio: Estimate) -> Goal:
    """Hold a ratio of figure to loop against the goal; a figure that is too short is as wrong as one too long."""
    return Goal(f"within {MOST:.0%} of a bare loop, {words}", abs(ratio.value - 1) <= MOST, _percent(ratio))


def _percent(ratio: Estimate) -> str:
    low, high = ratio.bounds
    span = f" ({low - 1:+.2%} to {high - 1:+.2%})" if ratio.has_interval else ""
    return f"{ratio.value - 1:+.2%}{span}"
