"""Who is first at +-2%, and is it true? Four tools on the same three functions in one session, against a long reference."""

from __future__ import annotations

import random
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.fresh import Answer, FreshError, run_fresh
from benchmarks.functions import THREE
from benchmarks.peers import WIDTH
from benchmarks.section import Extent, Goal, Section, Table
from harness.stats.estimate import Estimate
from harness.stats.location import hierarchical_median

TITLE = "Wall time to ±2%, and the actual error"
OURS = "harness.profile"
CONTENDERS = {
    OURS: "benchmarks.peers.ours",
    "torch blocked_autorange": "benchmarks.peers.torch_timer",
    "pyperf": "benchmarks.peers.by_pyperf",
    "pytest-benchmark": "benchmarks.peers.by_pytest",
}
TRIALS, CHUNK, REFERENCE_S = 5, 8, 1.0
"""Rounds of all tools; reference processes before the first round and after each; their measuring seconds a function."""
QUICK_TRIALS, QUICK_CHUNK, QUICK_REFERENCE_S = 1, 2, 0.2
TIMEOUT_S = 1200.0

_METHOD = (
    "Each tool runs as a user would start it, from the start of Python to its last figure, imports and processes of its own"
    " included, all three functions ({functions}) at one thread in inference mode, and ends when the 95% interval of its own"
    " samples is within ±2%: `harness.profile` by its default rule, pyperf by its sample-size formula from three processes up to"
    " its default of twenty, pytest-benchmark by `--benchmark-precision`, `blocked_autorange` by doubling `min_run_time` (it has"
    " no such rule). Rounds of all tools, in random order: {trials}. The reference is the median over {reference} bare-loop"
    " processes started one by one before, between and after the rounds. Error is the tool's median against it; of pyperf, too,"
    " the median is taken, which is less moved by outliers than the mean it prints."
)


@dataclass
class Standing:
    """What one tool has done.

    Attributes:
        name: Of the tool.
        walls_s: Seconds of each round, all functions together.
        figures: Seconds a call, by function, one a round.
        widths: What it claimed as the half-width of its interval, over functions and rounds.
        samples: What stood behind the figures of the last round, by function.
        failure: Why a round failed; empty if none did.
    """

    name: str
    walls_s: list[float] = field(default_factory=list)
    figures: dict[str, list[float]] = field(default_factory=dict)
    widths: list[float] = field(default_factory=list)
    samples: dict[str, str] = field(default_factory=dict)
    failure: str = ""

    def add(self, answer: Answer) -> None:
        """Take a round's result."""
        self.walls_s.append(answer.wall_s)
        for name, found in answer.value.items():
            self.figures.setdefault(name, []).append(found["seconds"])
            self.widths.append(found["half_width"])
            self.samples[name] = found["samples"]

    def errors(self, reference: Mapping[str, float]) -> list[float]:
        """Return how far each figure is from the reference, as a share of it."""
        return [abs(seconds / reference[name] - 1) for name, taken in self.figures.items() for seconds in taken]

    @property
    def wall_s(self) -> float:
        """The median round."""
        return statistics.median(self.walls_s)


def run(extent: Extent) -> Section:
    """Race the tools, reference processes between the rounds."""
    trials, chunk, seconds = (QUICK_TRIALS, QUICK_CHUNK, QUICK_REFERENCE_S) if extent.quick else (TRIALS, CHUNK, REFERENCE_S)
    standings = {name: Standing(name) for name in CONTENDERS}
    processes = _reference(chunk, seconds)
    for trial in range(trials):
        for name in random.Random(trial).sample(list(CONTENDERS), len(CONTENDERS)):
            _race(standings[name])
        processes += _reference(chunk, seconds)
    reference = {name: hierarchical_median([[one[name]["seconds"]] for one in processes]) for name in THREE}
    method = _METHOD.format(functions=", ".join(THREE.values()), trials=trials, reference=len(processes))
    ended = [s for s in standings.values() if s.walls_s]
    tables = [_reference_table(reference), _table(ended, _values(reference))]
    remarks = [f"Behind the last figures of {s.name}: {' / '.join(s.samples.values())}." for s in ended]
    remarks += [f"{s.name} failed in a round: {s.failure}" for s in standings.values() if s.failure]
    return Section(TITLE, method, tables, [judge(ended, reference)], remarks)


def judge(standings: Sequence[Standing], reference: Mapping[str, Estimate]) -> Goal:
    """Say whether ours is the fastest of those whose median error is no larger than its own.

    Nothing is judged where the reference itself is not known within what everyone was asked for: then the errors are its own.
    """
    wanted = "fastest at equal or better error"
    ours = next((s for s in standings if s.name == OURS), None)
    peers = [s for s in standings if s.name != OURS]
    if ours is None or not peers:
        return Goal(wanted, None, "nothing to compare" if ours else f"{OURS} failed")
    errors = {s.name: statistics.median(s.errors(_values(reference))) for s in standings}
    ahead = [s for s in peers if s.wall_s < ours.wall_s and errors[s.name] <= errors[OURS]]
    figures = ", ".join(f"{s.name} {s.wall_s:.1f} s at {errors[s.name]:.2%}" for s in ahead or peers)
    figure = f"{ours.wall_s:.1f} s at {errors[OURS]:.2%}; {'faster and no less right' if ahead else 'the others'}: {figures}"
    unsure = max(estimate.relative_half_width for estimate in reference.values())
    if not unsure <= WIDTH:
        return Goal(wanted, None, f"the reference is known within ±{unsure:.1%} only; {figure}")
    return Goal(wanted, not ahead, figure)


def _values(reference: Mapping[str, Estimate]) -> dict[str, float]:
    return {name: estimate.value for name, estimate in reference.items()}


def _race(standing: Standing) -> None:
    try:
        standing.add(run_fresh(CONTENDERS[standing.name], timeout_s=TIMEOUT_S))
    except FreshError as error:
        standing.failure = str(error)


def _reference(processes: int, seconds: float) -> list[Mapping[str, Mapping[str, float]]]:
    return [run_fresh("benchmarks.peers.bare_loop", str(seconds)).value for _ in range(processes)]


def _reference_table(reference: Mapping[str, Estimate]) -> Table:
    rows = []
    for name, estimate in reference.items():
        width = f"±{estimate.relative_half_width:.1%}" if estimate.has_interval else "none"
        rows.append([THREE[name], f"{estimate.value * 1e6:.1f} µs", width])
    return Table(["function", "reference", "95% interval"], rows)


def _table(standings: Sequence[Standing], reference: Mapping[str, float]) -> Table:
    headers = ["tool", "wall time", "claimed ±", "median error", "worst error", "within 2%"]
    rows = []
    for standing in standings:
        errors = standing.errors(reference)
        rows.append(
            [
                standing.name,
                f"{standing.wall_s:.1f} s",
                f"{statistics.median(standing.widths):.2%}",
                f"{statistics.median(errors):.2%}",
                f"{max(errors):.2%}",
                f"{sum(error <= WIDTH for error in errors)} of {len(errors)}",
            ]
        )
    return Table(headers, rows)
