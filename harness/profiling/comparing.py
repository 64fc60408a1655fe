"""`harness.compare`: callables against the first of them, interleaved in fresh processes."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.errors import HarnessError
from harness.meters.latency import LatencyMeter, guard_marks
from harness.profiling.profile import seconds
from harness.profiling.session import SCALE, ProfileError, open_session
from harness.runner.case import Status
from harness.stats.compare import CONFIDENCE, MARGIN, PROCESSES, Outcome, Reason
from harness.stats.compare import compare as judge
from harness.stats.estimate import Estimate
from harness.stats.location import hierarchical_median
from harness.stats.stopping import StoppingRule

_WHY = {
    Reason.NO_INTERVAL: "one process has no interval",
    Reason.SPANS_NO_EFFECT: "the interval reaches from faster to slower; give more processes",
    Reason.MAYBE_BELOW_MARGIN: "the difference may be below 1%, which is never claimed",
}


@dataclass(frozen=True)
class Pair:
    """One callable against the reference.

    Attributes:
        name: The callable.
        reference: What it is compared with: the first that was given.
        ratio: Its time over the reference's, with a 99% interval over processes.
        outcome: `faster`, `slower`, `same` or `cannot tell`.
        verdict: In words.
    """

    name: str
    reference: str
    ratio: Estimate
    outcome: Outcome
    verdict: str


@dataclass(frozen=True)
class Comparison:
    """Every callable against the first.

    Attributes:
        latencies: Seconds a call of each, with its 95% interval.
        pairs: One for each callable but the first.
        marks: What disturbed it, as `noisy: steal 4% in 2 of 10 processes`; empty for a quiet comparison.
    """

    latencies: Mapping[str, Estimate]
    pairs: Sequence[Pair]
    marks: str

    @property
    def only(self) -> Pair:
        """The pair, where two callables were compared.

        Raises:
            HarnessError: when there are more.
        """
        if len(self.pairs) != 1:
            raise HarnessError(f"{len(self.pairs)} callables were compared with {self.pairs[0].reference!r}; look at .pairs")
        return self.pairs[0]

    @property
    def ratio(self) -> Estimate:
        """The ratio of the only pair."""
        return self.only.ratio

    @property
    def verdict(self) -> str:
        """The verdict on the only pair, in words."""
        return self.only.verdict

    def __repr__(self) -> str:
        times = [f"{name}: {seconds(e.value)}" for name, e in self.latencies.items()]
        return "\n".join(filter(None, [*times, *(p.verdict for p in self.pairs), self.marks]))

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(repr(self))}</pre>"


def compare(
    functions: Mapping[str, Callable[..., Any]],
    *inputs: Any,
    device: str = "cpu",
    processes: int = PROCESSES,
    threads: int | None = None,
    gradients: bool = False,
    mode: str = "eager",
) -> Comparison:
    """Compare what calls take: blocks of all callables in turn, in fresh processes, each process with the roles in another order.

    Args:
        functions: Callables by name; the first is the reference.
        inputs: The same positional arguments for each.
        device: `cpu`, `cuda`, `cuda:1`.
        processes: Ten find 2% in four of five comparisons on a shared machine, twenty nearly always.
        threads: Threads that torch may use; every core by default.
        gradients: True where the calls differentiate.
        mode: `eager`, `compile` or `cudagraph`.

    Raises:
        ProfileError: when a callable fails, returns nothing or changes its inputs.
        HarnessError: when there are fewer than two.
    """
    if len(functions) < 2:
        raise HarnessError(f"{len(functions)} callables given; give at least two by name, as {{'new': f, 'old': g}}")
    meter = LatencyMeter({SCALE: StoppingRule(min_processes=processes, max_processes=processes)})
    with open_session(functions, inputs, device, None, threads, gradients, mode, None) as session:
        seen = session.observe(meter)
    if seen.status != Status.OK:
        raise ProfileError(f"{', '.join(map(repr, functions))} could not be compared ({seen.status}): {seen.message}")
    blocks = {name: [o["variants"][name]["blocks_s"] for o in seen.observations] for name in functions}
    reference, *others = functions
    latencies = {name: hierarchical_median(taken) for name, taken in blocks.items()}
    return Comparison(latencies, [_pair(name, reference, blocks) for name in others], guard_marks(seen.observations))


def _pair(name: str, reference: str, blocks: Mapping[str, Sequence[Sequence[float]]]) -> Pair:
    found = judge(blocks[name], blocks[reference], CONFIDENCE, MARGIN)
    return Pair(name, reference, found.ratio, found.outcome, _verdict(name, reference, found.ratio, found.outcome, found.reason))


def _verdict(name: str, reference: str, ratio: Estimate, outcome: Outcome, reason: Reason) -> str:
    low, high = ratio.bounds
    span = f"{ratio.value:.3f}x the time, {low:.3f} to {high:.3f}"
    match outcome:
        case Outcome.CANNOT_TELL:
            return f"cannot tell {name} from {reference} ({span}): {_WHY[reason]}"
        case Outcome.SAME:
            return f"{name} takes the same time as {reference} to within 1% ({span})"
        case _:
            return f"{name} is {outcome} than {reference} ({span})"
