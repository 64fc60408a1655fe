"""The check that FLOPs are complete: the operators without a formula together move at most a hundredth of a call's bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.conformance.finding import Verdict, not_applicable, unless
from harness.conformance.workers import Examined

if TYPE_CHECKING:
    from harness.conformance.stage import Stage

LIMIT = 0.01
"""Share of a call's bytes: below it missing operators cannot move a comparison that is worth making."""


def counted(examined: Examined) -> Verdict:
    """Count every workload of every variant and look at what has no formula."""
    seen = examined.ask("counting:missing")
    if not seen["counted"]:
        return not_applicable("nothing of it runs in torch: FLOPs are counted in torch alone")
    complaints = [
        f"{share:.1%} of the bytes of {where} are moved by operators without a formula: {', '.join(operators)}"
        for where, operators, share in seen["missing"]
    ]
    return unless(complaints, f"{seen['counted']} calls counted")


def missing(stage: Stage) -> dict[str, Any]:
    """Return how many calls could be counted, and of which of them too much has no formula: the operators, and their share together."""
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
            if seen["uncounted_share"] > LIMIT:
                operators = [one["operator"] for one in seen["uncounted"]]
                found.append((f"{workload} of {name!r}", operators, seen["uncounted_share"]))
    return {"counted": counted, "missing": found}
