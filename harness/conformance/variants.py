"""The check that variants can stand in for one another: the same inputs, answers of the same structure.

The rule: in each workload, the result of every variant must be nested alike, with arrays of the same shape and kind (floating or not), at the default
sweep point. Text, bytes and numbers may differ in length and value: codes of different codecs are still codes. And no variant may change the
inputs that the next one is given. Results of `train_step` are not compared: they are losses, each of its own objective.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.conformance.finding import Verdict, not_applicable, unless
from harness.conformance.workers import Examined

if TYPE_CHECKING:
    from harness.conformance.stage import Stage


def interchangeable(examined: Examined) -> Verdict:
    """Run each workload of each variant once and compare what comes out."""
    if not examined.card.workloads:
        return not_applicable("the card has no workload: an analysis answers with figures alone")
    answers = examined.ask("variants:answers")
    complaints = [f"{workload} of {name!r} changes its inputs" for workload, name in answers["changed"]]
    for workload, given in answers["structures"].items():
        expected = given.get(examined.card.subject.name) or next(iter(given.values()))
        away = {name: found for name, found in given.items() if found != expected}
        complaints += [f"{workload} of {name!r} gives {found}, that of the subject {expected}" for name, found in away.items()]
    return unless(complaints, "; ".join(f"{w}: {next(iter(given.values()))}" for w, given in answers["structures"].items()))


def answers(stage: Stage) -> dict[str, Any]:
    """Return the structure of each result, and which variants changed their inputs."""
    from harness.meters.fingerprint import digest, structure

    bench, changed = stage.bench(), []
    structures: dict[str, dict[str, str]] = {}
    for workload in stage.workloads:
        if workload == "train_step":
            continue
        for name in stage.variants:
            subject = bench.subject(workload, name)
            before = digest(subject.data.inputs)
            with subject.guarded():
                structures.setdefault(workload, {})[name] = structure(subject.work.run())
            if digest(subject.data.inputs) != before:
                changed.append((workload, name))
    return {"structures": structures, "changed": changed}
