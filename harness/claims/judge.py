"""From a claim and a run's rows to a verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from harness.claims.evidence import Conditions, Evidence, NoEvidenceError, Row, estimate
from harness.claims.judgement import Judgement
from harness.claims.sentence import sentence
from harness.plugin.card import Better, Paper, Scale
from harness.plugin.claim import Claim, Scaled
from harness.stats.difference import difference_of, paired_difference
from harness.stats.estimate import Estimate
from harness.stats.growth import fit_exponent
from harness.stats.ratio import paired_ratio, ratio_of
from harness.stats.verdict import Kind, Verdict, judge_difference, judge_exponent, judge_order, judge_ratio, judge_value

MEASURED_MARGIN = 0.01
"""Two identical models in one process have differed by a steady 0.5%: no time or energy claim is decided by less than 1%."""
COUNTED_MARGIN = 0.005
"""Papers print ratios of counts with three digits: half a unit of the third is no miss."""
TIMED = ("latency", "throughput", "energy", "first_call", "peak_rss")

_INTERLEAVED = {"latency": False, "throughput": True}
"""Metrics whose ratio comes from the blocks of interleaved processes, and whether the ratio of times is turned over."""


@dataclass(frozen=True)
class Question:
    """A claim, or its scaled-down check with the claim's own fields filled in."""

    claim: Claim
    scaled: bool

    @classmethod
    def of_check(cls, claim: Claim, check: Scaled) -> Question:
        """Return the question that a scaled-down check asks."""
        kept = {name: getattr(check, name) or getattr(claim, name) for name in ("quantity", "subject", "baseline", "workload")}
        if check.form in ("value", "exponent"):
            kept["baseline"] = ""
        form = {name: getattr(check, name) for name in ("ratio", "difference", "value", "exponent", "order", "axis", "when")}
        return cls(replace(claim, **kept, **form), scaled=True)


def judge_claim(claim: Claim, evidence: Evidence, run_id: str) -> list[Judgement]:
    """Judge a claim by a run, and its scaled-down check, where it has one, beside it."""
    questions = [Question(claim, scaled=False)]
    if claim.scaled is not None:
        questions.append(Question.of_check(claim, claim.scaled))
    return [_judge(question, evidence, run_id) for question in questions]


def _judge(question: Question, evidence: Evidence, run_id: str) -> Judgement:
    claim = question.claim
    try:
        found = measure(claim, evidence)
    except NoEvidenceError as missing:
        return _judgement(question, evidence.card, None, str(Kind.NOT_TESTABLE), missing.code, str(missing), run_id)
    verdict = _verdict(claim, found, evidence.card)
    return _judgement(question, evidence.card, found, str(verdict.kind), str(verdict.reason), "", run_id)


def measure(claim: Claim, evidence: Evidence) -> Estimate:
    """Return what a claim is about, as this run has it.

    Raises:
        NoEvidenceError: when no row was taken under the claim's conditions.
    """
    card = evidence.card
    conditions = Conditions.of(card, claim.when, claim.workload, claim.quantity)
    if conditions.scale == Scale.SMOKE:
        raise NoEvidenceError("smoke", "a smoke run judges nothing")
    problem: NoEvidenceError | None = None
    for scale in conditions.scales:
        try:
            return _measure_at(claim, evidence, conditions, scale)
        except NoEvidenceError as missing:
            problem = problem or missing
    raise problem or NoEvidenceError("not measured", "this run has nothing on it")


def _measure_at(claim: Claim, evidence: Evidence, conditions: Conditions, scale: str) -> Estimate:
    card = evidence.card
    point = {**card.default_point(scale), **conditions.point}
    if claim.form == "exponent":
        return _growth(claim, evidence, conditions, scale, point)
    if claim.form == "value":
        return estimate(evidence.figure(claim.subject, claim.quantity, conditions, scale, point))
    a, b = evidence.pair(claim.subject, claim.baseline, claim.quantity, conditions, scale, point)
    if claim.form == "difference" or (claim.form == "order" and claim.quantity in card.qualities):
        return _difference(evidence, claim.quantity, a, b)
    return _ratio(evidence, claim.quantity, a, b)


def _growth(claim: Claim, evidence: Evidence, conditions: Conditions, scale: str, point: Mapping[str, Any]) -> Estimate:
    sizes, figures = [], []
    for value in evidence.card.axis(claim.axis, scale):
        sizes.append(float(value))
        figures.append(estimate(evidence.figure(claim.subject, claim.quantity, conditions, scale, {**point, claim.axis: value})))
    if len(sizes) < 2:
        raise NoEvidenceError("sweep", f"the sweep over {claim.axis} has one point at scale {scale}")
    return fit_exponent(sizes, figures)


def _ratio(evidence: Evidence, metric: str, a: Row, b: Row) -> Estimate:
    """Return subject / baseline: from interleaved blocks, from paired seeds, or from two intervals."""
    if metric in _INTERLEAVED and a["case_id"] == b["case_id"]:
        blocks = [evidence.repetitions(row, "latency") for row in (a, b)]
        if blocks[0] and len(blocks[0]) == len(blocks[1]):
            return paired_ratio(blocks[1], blocks[0]) if _INTERLEAVED[metric] else paired_ratio(blocks[0], blocks[1])
    if metric in evidence.card.qualities:
        first, second = (evidence.repetitions(row, metric) for row in (a, b))
        if first and len(first) == len(second) and all(v > 0 for seed in (*first, *second) for v in seed):
            return paired_ratio(first, second)
    if min(a["value"], b["value"]) <= 0:
        raise NoEvidenceError("not positive", f"{metric} is {a['value']:.3g} and {b['value']:.3g}: a ratio needs positive figures")
    return ratio_of(estimate(a), estimate(b))


def _difference(evidence: Evidence, metric: str, a: Row, b: Row) -> Estimate:
    first, second = (evidence.repetitions(row, metric) for row in (a, b))
    if metric in evidence.card.qualities and first and len(first) == len(second):
        return paired_difference([seed[0] for seed in first], [seed[0] for seed in second])
    return difference_of(estimate(a), estimate(b))


def _verdict(claim: Claim, found: Estimate, card: Paper) -> Verdict:
    lower = card.better(claim.quantity) == Better.LOWER
    margin = MEASURED_MARGIN if claim.quantity in TIMED else 0.0 if claim.quantity in card.qualities else COUNTED_MARGIN
    claimed = claim.claimed
    if claimed is None:
        quality = claim.quantity in card.qualities
        return judge_order(found, lower, no_effect=0.0 if quality else 1.0, margin=0.0 if quality else margin)
    match claim.form:
        case "ratio":
            return judge_ratio(found, claimed, lower, margin)
        case "difference":
            return judge_difference(found, claimed, lower)
        case "exponent":
            return judge_exponent(found, claimed, lower)
        case _:
            return judge_value(found, claimed, lower)


def _judgement(question: Question, card: Paper, found: Estimate | None, verdict: str, reason: str, missing: str, run_id: str) -> Judgement:
    claim = question.claim
    return Judgement(
        paper=card.slug,
        claim=claim.id,
        says=claim.says,
        source=claim.source,
        quantity=claim.quantity,
        subject=claim.subject,
        baseline=claim.baseline,
        form=claim.form,
        claimed=claim.claimed,
        measured=found.value if found else None,
        low=found.low if found else None,
        high=found.high if found else None,
        n=found.n if found else 0,
        verdict=verdict,
        reason=reason,
        sentence=sentence(claim, card, found, verdict, missing, question.scaled),
        scaled=question.scaled,
        ours=claim.ours,
        conditions=dict(claim.when),
        run_id=run_id,
    )
