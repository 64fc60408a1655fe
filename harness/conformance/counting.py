"""The check that FLOPs are complete: no operator without a formula moves more than a hundredth of the bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.conformance.finding import Verdict, not_applicable, unless
from harness.conformance.workers import Examined

if TYPE_CHECKING:
    from harness.conformance.stage import Stage

LIMIT = 0.01
"""Share of a call's bytes: below it a missing operator cannot move a comparison that is worth making."""


def counted(examined: Examined) -> Verdict:
    """Count every workload of every variant and look at what has no formula."""
    seen = examined.ask("counting:missing")
    if not seen["counted"]:
        return not_applicable("nothing of it runs in torch: FLOPs are counted in torch alone")
    complaints = [f"{operator} has no formula and moves {share:.1%} of the bytes of {where}" for where, operator, share in seen["missing"]]
    return unless(complaints, f"{seen['counted']} calls counted")


def missing(stage: Stage) -> dict[str, Any]:
    """Return how many calls could be counted, and the operators without a formula that weigh."""
    from harness.meters.base import Effort, NotMeasurableError
    from harness.meters.flops import FlopsMeter

    bench, found, counted = stage.bench(), [], 0
    for workload in stage.workloads:
        for name in stage.variants:
            try:
                seen = FlopsMeter().observe(bench, [name], workload, Effort(quick=True))
            except NotMeasurableError:
                continue
            counted += 1
            moved = seen["totals"]["bytes_moved"]
            for operator in seen["uncounted"]:
                share = operator["bytes_moved"] / moved if moved else 0.0
                if share > LIMIT:
                    found.append((f"{workload} of {name!r}", operator["operator"], share))
    return {"counted": counted, "missing": found}
