"""Checks of the card and the hooks: what can be said without running anything of the plugin."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from harness.claims.judge import Question
from harness.conformance.finding import Verdict, unless
from harness.conformance.workers import Examined
from harness.plugin.card import Paper, Scale
from harness.plugin.claim import Claim
from harness.plugin.serial import card_from_dict, card_to_dict
from harness.runner.claim_plan import questions

_ARXIV = re.compile(r"\d{4}\.\d{4,5}|[a-z.-]+/\d{7}")
_SUPPLIED = ("infer", "train_step")
"""Workloads that the host makes where the plugin has no hook for them."""
_MIN_GROWTH_POINTS = 3
"""Two points fit every power law: they cannot disagree with an exponent."""


def complete(examined: Examined) -> Verdict:
    """Hold the card against what its own constructors let pass."""
    card = examined.card
    complaints = list(_gaps(card))
    if examined.plugin.call("paper") != card:
        complaints.append("a second call of paper() gives another card")
    return unless(complaints, f"{len(card.variants)} variants, {len(card.workloads)} workloads, {len(card.qualities)} qualities")


def _gaps(card: Paper) -> Iterator[str]:
    if card.arxiv and not _ARXIV.fullmatch(card.arxiv):
        yield f"arxiv is {card.arxiv!r}; write the id alone, as '2205.13213', or '' where there is none"
    if not card.data.strip():
        yield "data is empty; say where the data come from"
    if not card.workloads and not card.qualities:
        yield "there is neither a workload nor a quality: nothing would be measured"
    for name in ("deviations", "readings", "findings"):
        if any(not line.strip() for line in getattr(card, name)):
            yield f"{name} has an empty line; say what it is, or leave it out"
    try:
        plain = card_to_dict(card)
        if card_to_dict(card_from_dict(json.loads(json.dumps(plain)))) != plain:
            yield "the card is another one after it has been stored; write text, numbers, True, False and None in sweep, params and when"
    except TypeError as error:
        yield f"the card cannot be stored as JSON ({error}); write text, numbers, True, False and None in sweep, params and when"


def hooks(examined: Examined) -> Verdict:
    """Say which hooks the card calls for and the plugin has not."""
    card, plugin = examined.card, examined.plugin
    missing = [f"there is no hook {name!r}" for name in ("model", "data") if not plugin.has(name)]
    if card.qualities and not plugin.has("metric"):
        missing.append(f"the card promises {_names(card.qualities)}, and there is no hook 'metric'")
    if plugin.has("metric") and not card.qualities:
        missing.append("there is a hook 'metric', and the card names no qualities")
    own = [w.name for w in card.workloads if w.name not in _SUPPLIED]
    if own and not plugin.has("workload"):
        missing.append(f"the card times {_names(own)}, and there is no hook 'workload'")
    present = [name for name in ("model", "data", "fit", "metric", "workload", "artifacts", "flop_formulas") if plugin.has(name)]
    return unless(missing, ", ".join(present))


def claims(examined: Examined) -> Verdict:
    """Say which claims no run could ever meet, for their conditions are nowhere on the sweep of their scale."""
    asked = list(questions(examined.card))
    complaints = [f"{_named(q)}: {gap}" for q in asked for gap in _unmeetable(examined.card, q.claim)]
    return unless(complaints, f"{len(asked)} claims and scaled-down checks")


def _unmeetable(card: Paper, claim: Claim) -> Iterator[str]:
    scale = claim.when.get("scale", "")
    for scale_here in [scale] if scale else []:
        for axis in card.sweep:
            points = card.axis(axis, scale_here)
            if axis in claim.when and claim.when[axis] not in points:
                yield f"{axis} is {claim.when[axis]!r}, which the sweep at scale {scale_here!r} has not; it has {_names(points)}"
    if claim.axis:
        points = card.axis(claim.axis, scale or Scale.SMALL)
        if len(points) < _MIN_GROWTH_POINTS:
            yield f"an exponent over {claim.axis!r} has {len(points)} points at scale {scale or 'small'!r}; give {_MIN_GROWTH_POINTS} or more"
    if claim.baseline and claim.baseline == claim.subject:
        yield f"{claim.subject!r} is compared with itself"
    if scale == Scale.SMOKE:
        yield "a smoke run only shows that things work and judges no claim; write scale 'small' or 'paper'"


def _named(question: Question) -> str:
    return f"{'scaled-down check of ' if question.scaled else ''}claim {question.claim.id!r}"


def _names(values: object) -> str:
    return ", ".join(map(repr, values))  # type: ignore[call-overload]
