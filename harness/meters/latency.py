"""Latency: what a call takes, in fresh processes, subject and baselines interleaved block by block."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import median
from typing import Any

from harness.meters.base import Bench, Effort, Observation, Readings, Sample
from harness.meters.figure import Figure, Provenance
from harness.plugin.card import Scale
from harness.stats.location import hierarchical_median
from harness.stats.ratio import paired_ratio
from harness.stats.stopping import SEQUENTIAL_CONFIDENCE, StoppingRule
from harness.stats.summary import summarize_latency

RULES: Mapping[str, StoppingRule] = {
    Scale.SMOKE: StoppingRule(min_processes=3, max_processes=3),
    Scale.SMALL: StoppingRule(min_processes=6, max_processes=20, budget_s=45.0),
    Scale.PAPER: StoppingRule(min_processes=5, max_processes=20, budget_s=180.0),
}
"""How many fresh processes stand behind a figure. Ten find 2% on a shared machine, twenty 99.5% of those; three are the fewest for any, six for an
interval of 95% that is the range of what was seen."""


WALL_CLOCK = "perf_counter"
LAUNCH_BOUND = 0.95
"""Where issuing the calls takes this share of the wall time, the device had next to nothing left to do when the last was issued."""


class LatencyMeter:
    """Seconds a call takes, and the subject's ratio to each baseline.

    Args:
        rules: How many processes, by scale.
    """

    name = "latency"
    paired = True
    exclusive = True
    bare = False
    swept = True

    def __init__(self, rules: Mapping[str, StoppingRule] = RULES) -> None:
        self._rules = rules

    def repetitions(self, scale: str) -> int:
        """Return the most processes."""
        return self._rules[scale].max_processes

    def enough(self, scale: str, observations: Sequence[Observation], elapsed_s: float) -> str:
        """Say why no further process is needed: every variant's interval is narrow, or the time is spent."""
        rule, names = self._rules[scale], observations[0]["asked"]
        if len(observations) < rule.min_processes:
            return ""
        seen = {name: [o["variants"][name]["blocks_s"] for o in observations] for name in names}
        return rule.decide([hierarchical_median(blocks, SEQUENTIAL_CONFIDENCE) for blocks in seen.values()], elapsed_s) or ""

    def observe(self, bench: Bench, variants: Sequence[str], workload: str, effort: Effort) -> Observation:
        """Time blocks of every variant in turn, in an order that changes from process to process."""
        from harness.meters.blocks import interleave

        order = drawn_order(variants, effort.repetition)
        seen = interleave([bench.subject(workload, v) for v in order], bench.device, effort)
        return {**seen, "asked": list(variants)}

    def summarize(self, observations: Sequence[Observation]) -> Readings:
        """Return medians, tails and ratios; the interval is over processes."""
        variants = observations[0]["asked"]
        marks = "; ".join(filter(None, [guard_marks(observations), f"stopped: {observations[-1]['stopped']}"]))
        seen = {v: [o["variants"][v] for o in observations] for v in variants}
        clock = observations[0]["clock"]
        figures = [f for v in variants for f in _figures(v, seen[v], clock, marks)]
        figures += [_ratio(variants[0], v, seen, clock, marks) for v in variants[1:]]
        samples = [
            Sample(v, "latency", process, position, seconds, "s")
            for v in variants
            for process, one in enumerate(seen[v])
            for position, seconds in enumerate(one["blocks_s"])
        ]
        return Readings(figures, samples)


def drawn_order(variants: Sequence[str], repetition: int) -> list[str]:
    """Return the order in which a process builds and times variants: a random one for every even process, and its reverse for the next.

    What is built first is faster or slower by a steady half percent: with each order as often as its reverse, that cancels.
    """
    order = list(variants)
    random.Random(repetition // 2).shuffle(order)
    return order if repetition % 2 == 0 else order[::-1]


def _figures(variant: str, processes: Sequence[Mapping[str, Any]], clock: str, marks: str) -> list[Figure]:
    found = summarize_latency([p["blocks_s"] for p in processes], SEQUENTIAL_CONFIDENCE)
    n, meter, items = len(processes), f"latency/{clock}", processes[0]["items"]
    middle = found.estimate
    is_issued = clock != WALL_CLOCK and median(p["issue_share"] for p in processes) > LAUNCH_BOUND
    launch_bound = "launch-bound: the device waits for the host" if is_issued else ""
    message = "; ".join(filter(None, [marks, "more than one mode" if found.multimodal else "", launch_bound]))
    rate = {"low": _over(items, middle.high), "high": _over(items, middle.low)}
    spread = (("latency_cv_within", found.cv_within), ("latency_cv_between", found.cv_between))
    first = sorted(p["first_call_s"] for p in processes)

    def figure(metric: str, value: float, unit: str = "s", low: float | None = None, high: float | None = None) -> Figure:
        return Figure(variant, metric, value, unit, Provenance.MEASURED, meter, low, high, n, message=message)

    return [
        figure("latency", middle.value, low=middle.low, high=middle.high),
        figure("latency_p90", found.p90),
        figure("latency_p99", found.p99),
        *(figure(name, cv, "1") for name, cv in spread if cv is not None),
        figure("first_call", first[len(first) // 2], low=first[0], high=first[-1]),
        figure("throughput", items / middle.value, "items/s", **rate),
        *_beside(figure, clock, processes),
    ]


def _beside(figure: Callable[..., Figure], clock: str, processes: Sequence[Mapping[str, Any]]) -> Iterator[Figure]:
    """Yield the wall clock's figure where another clock is read, and that of cold caches where such calls were made."""
    if clock != WALL_CLOCK:
        yield figure("latency_wall", median(p["wall_s"] for p in processes))
    if all(p["cold_s"] for p in processes):
        cold = hierarchical_median([p["cold_s"] for p in processes], SEQUENTIAL_CONFIDENCE)
        yield figure("latency_cold", cold.value, low=cold.low, high=cold.high)


def _ratio(subject: str, baseline: str, seen: Mapping[str, Sequence[Mapping[str, Any]]], clock: str, marks: str) -> Figure:
    ratio = paired_ratio([p["blocks_s"] for p in seen[subject]], [p["blocks_s"] for p in seen[baseline]])
    return Figure(
        subject,
        "latency_ratio",
        ratio.value,
        "1",
        Provenance.MEASURED,
        f"latency/{clock}",
        ratio.low,
        ratio.high,
        ratio.n,
        baseline,
        marks,
    )


def _over(items: float, seconds: float | None) -> float | None:
    return None if seconds is None or math.isclose(seconds, 0.0) else items / seconds


def guard_marks(observations: Sequence[Observation]) -> str:
    """Return the distinct marks that guards left, each with the number of processes that it befell."""
    counts: dict[str, int] = {}
    for observation in observations:
        for mark in observation["marks"]:
            counts[mark] = counts.get(mark, 0) + 1
    return "; ".join(f"{mark} in {count} of {len(observations)} processes" for mark, count in sorted(counts.items()))
