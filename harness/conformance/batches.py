"""The check that a batch of one works where the card says so: where its sweep has an axis `batch` with the value 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.conformance.finding import Verdict, fails, holds, not_applicable
from harness.conformance.workers import Examined
from harness.plugin.card import Paper, Scale

if TYPE_CHECKING:
    from harness.conformance.stage import Stage

AXIS = "batch"


def single(examined: Examined) -> Verdict:
    """Run every workload of every variant at a batch of one."""
    if not promises_single(examined.card):
        return not_applicable(f"no axis {AXIS!r} of the sweep has the value 1")
    failed = examined.ask("batches:run_single")
    return fails("; ".join(f"{call} fails: {message}" for call, message in failed.items())) if failed else holds("every workload runs")


def promises_single(card: Paper) -> bool:
    """Say whether the card's sweep has a batch of one at any scale."""
    return AXIS in card.sweep and any(1 in card.axis(AXIS, scale) for scale in Scale)


def run_single(stage: Stage) -> dict[str, str]:
    """Return the workloads that fail at a batch of one, with what they raise."""
    bench, failed = stage.bench(**{AXIS: 1}), {}
    for workload in stage.workloads:
        for name in stage.variants:
            try:
                subject = bench.subject(workload, name)
                with subject.guarded():
                    subject.work.run()
            except Exception as error:
                failed[f"{workload} of {name!r}"] = f"{type(error).__name__}: {error}"
    return failed
