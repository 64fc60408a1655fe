"""`--claims`: exactly the cases that claims need, and which claims this machine cannot test."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.claims.evidence import Conditions
from harness.claims.judge import Question
from harness.meters.registry import METERS
from harness.plugin.card import Paper, Scale
from harness.plugin.claim import Claim
from harness.plugin.discovery import Plugin
from harness.runner.case import NATIVE, Case
from harness.runner.plan import Planned, in_order, unmet
from harness.targets import Target

METER_OF = {
    "parameters": "flops",
    "macs": "flops",
    "flops": "flops",
    "bytes_moved": "flops",
    "latency": "latency",
    "throughput": "latency",
    "first_call": "latency",
    "weights": "memory",
    "peak_activation": "memory",
    "peak_rss": "memory",
    "energy": "energy",
    "energy_operations": "flops",
}
"""Which meter gives a built-in quantity; anything else is a quality of the card."""


@dataclass(frozen=True)
class Untestable:
    """A claim, or its scaled-down check, that no case on this target can test."""

    paper: str
    claim: str
    scaled: bool
    needs: str


def plan_claims(plugins: Sequence[Plugin], target: Target) -> tuple[list[Planned], list[Untestable]]:
    """Return the cases that the claims of `plugins` need on `target`, and the claims that it cannot test."""
    planned: list[Planned] = []
    untestable: list[Untestable] = []
    for plugin in plugins:
        if plugin.error:
            continue
        cases: dict[str, Case] = {}
        for question in questions(plugin.card):
            if needs := _needs(question.claim, plugin.card, target):
                untestable.append(Untestable(plugin.slug, question.claim.id, question.scaled, needs))
                continue
            for case in _cases(question.claim, plugin.card, target):
                _merge(cases, case, plugin.card)
        planned += [Planned(case, plugin, unmet(plugin.card, case, target)) for case in cases.values()]
    return in_order(planned), untestable


def questions(card: Paper) -> Iterator[Question]:
    """Yield every claim of a card, and every scaled-down check."""
    for claim in card.claims:
        yield Question(claim, scaled=False)
        if claim.scaled is not None:
            yield Question.of_check(claim, claim.scaled)


def _needs(claim: Claim, card: Paper, target: Target) -> str:
    """Say what a claim needs that this target or any run has not; empty when it can be tested."""
    device = str(claim.when.get("device", ""))
    if device and device != target.kind and METER_OF.get(claim.quantity) != "flops":
        return f"a run on {device}"
    scale = claim.when.get("scale", "")
    if scale == Scale.SMOKE:
        return "a scale at which claims are judged"
    if scale == Scale.PAPER and claim.quantity in card.qualities:
        return "training at the published size, which no run does"
    return ""


def _cases(claim: Claim, card: Paper, target: Target) -> Iterator[Case]:
    conditions = Conditions.of(card, claim.when, claim.workload, claim.quantity)
    scale = conditions.scale or Scale.SMALL
    point = {**card.default_point(scale), **conditions.point}
    points = [{**point, claim.axis: value} for value in card.axis(claim.axis, scale)] if claim.axis else [point]
    variants = (claim.subject, claim.baseline) if claim.baseline else (claim.subject,)
    meter = METERS[METER_OF.get(claim.quantity, "quality")]
    dtype, mode = (conditions.dtype or NATIVE, conditions.mode) if conditions.workload else (NATIVE, "eager")
    for at in points:
        for group in [variants] if meter.paired else [(name,) for name in variants]:
            yield Case(card.slug, group, conditions.workload, scale, at, target.name, dtype, mode, meter.name)


def _merge(cases: dict[str, Case], case: Case, card: Paper) -> None:
    """Add a case; pairs under the same conditions become one interleaved case of all their variants."""
    paired = METERS[case.meter].paired
    key = json.dumps({**case.identity, "variant": "" if paired else case.identity["variant"]}, sort_keys=True)
    wanted = {*case.variants, *(cases[key].variants if key in cases else ())}
    ordered = tuple(v.name for v in sorted(card.variants, key=lambda v: not v.subject) if v.name in wanted)
    cases[key] = Case(**{**vars(case), "variants": ordered})
