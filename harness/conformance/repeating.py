"""Checks that the same question has the same answer: in another process, after other models, in another run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from harness.conformance.finding import Verdict, not_applicable, unless
from harness.conformance.workers import Examined

if TYPE_CHECKING:
    from harness.conformance.stage import Stage

_REPEATED = 2
"""How many variants are fitted a second time."""
_SAME_VALUE = 1e-6
"""Relative. Libraries sum in an order that depends on where memory lies: the last bits of a fit may differ from process to process."""


def deterministic(examined: Examined) -> Verdict:
    """Compare data and untrained models of one seed between processes of two servers."""
    first, second = examined.ask_apart("repeating:built")
    complaints = [f"{name} is another one in another process, with the same seed" for name in first if first[name] != second.get(name)]
    return unless(complaints, f"{len(first)} values the same in two processes")


def built(stage: Stage) -> dict[str, str]:
    """Return a digest of each split, and of each variant that is built without training."""
    from harness.meters.fingerprint import digest

    bench = stage.bench()
    splits = {f"data of split {split!r}": digest(bench.data(split)) for split in stage.splits}
    return splits | {f"model {name!r}": digest(bench.model(name)) for name in stage.untrained}


def alone(examined: Examined) -> Verdict:
    """Compare each variant built first thing in a process of its own with the same one built after all others."""
    together = examined.ask("repeating:models", names=None)
    complaints = []
    for name, expected in together.items():
        found = examined.ask("repeating:models", names=[name])
        if found[name] != expected:
            complaints.append(f"model {name!r} is another one when no other has been built before it")
    return unless(complaints, f"{len(together)} variants, each in a process of its own")


def models(stage: Stage, names: list[str] | None) -> dict[str, str]:
    """Build variants, all of them where no names are given, and return their digests; the first workload is run once."""
    from harness.meters.fingerprint import digest

    bench, found = stage.bench(), {}
    for name in stage.untrained if names is None else names:
        found[name] = digest(bench.model(name))
        if stage.workloads and not bench.needs_fit(stage.workloads[0]):
            subject = bench.subject(stage.workloads[0], name)
            with subject.guarded():
                subject.work.run()
    return found


def stable(examined: Examined) -> Verdict:
    """Fit and judge every variant, and the subject and a baseline once more in another process: all of them go through the same hooks."""
    if not examined.card.qualities:
        return not_applicable("the card names no qualities")
    first = examined.ask("repeating:qualities", 0, names=None)
    again = examined.ask("repeating:qualities", 1, names=list(first)[:_REPEATED])
    complaints = [
        f"{quality} of {name!r} is {value:.6g} in one run and {again[name].get(quality, math.nan):.6g} in the next, with the same seed"
        for name in again
        for quality, value in first[name].items()
        if not _same(value, again[name].get(quality))
    ]
    return unless(complaints, f"those of {len(first)} variants finite, those of {' and '.join(map(repr, again))} the same in two runs")


def qualities(stage: Stage, names: list[str] | None) -> Mapping[str, Any]:
    """Return the qualities of variants, subject first; the host refuses what is no finite number, or not on the card."""
    bench = stage.bench()
    ordered = sorted(stage.variants, key=lambda name: not stage.card.variant(name).subject)
    return {name: {quality: found.value for quality, found in bench.metric(name).items()} for name in names or ordered}


def _same(first: float, second: float | None) -> bool:
    return second is not None and math.isclose(first, second, rel_tol=_SAME_VALUE, abs_tol=1e-12)
