"""Judged claims as rows of the ledger."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.plugin.card import QUANTITIES, Better
from harness.report.facts.cards import Card, ClaimCard
from harness.report.facts.facts import Facts
from harness.report.judged.given import Judgement
from harness.report.judged.strip import Strip, draw_strip
from harness.report.notation import marks
from harness.report.notation.links import paper_path
from harness.report.notation.marks import Mark
from harness.report.notation.numbers import MINUS, NOTHING, interval, number
from harness.report.notation.numbers import quantity as written_quantity
from harness.report.notation.points import file_slug
from harness.report.notation.quantities import spoken


@dataclass(frozen=True)
class ClaimRow:
    """A claim beside what was measured.

    Attributes:
        anchor: Its name in addresses.
        card: The paper's card.
        path: The paper's page.
        claim: The claim's id.
        says: The claim in words.
        source: Where the authors say it.
        quantity: What it is about, in words.
        versus: Subject and baseline.
        claimed: The claimed figure, written.
        measured: The measured figure, written.
        interval: Its interval, written.
        verdict: The verdict.
        reason: Its reason code.
        sentence: The verdict in words.
        conditions: What the claim needs, written.
        place: Where it was judged.
        run_id: The run it was judged on.
        is_scaled: True for the scaled-down check.
        is_ours: True where the number is derived, not printed.
        strip: The drawing of it; None where nothing was measured.
        surprise: How far beyond (above 0) or short (below 0) of the claim, as a logarithm; None where a ratio cannot say.
    """

    anchor: str
    card: Card
    path: str
    claim: str
    says: str
    source: str
    quantity: str
    versus: str
    claimed: str
    measured: str
    interval: str
    verdict: Mark
    reason: str
    sentence: str
    conditions: str
    place: str
    run_id: str
    is_scaled: bool
    is_ours: bool
    strip: Strip | None
    surprise: float | None


def claim_rows(facts: Facts, judgements: Iterable[Judgement]) -> tuple[ClaimRow, ...]:
    """Return the rows of the ledger, in the order of families, papers and their cards.

    Of two judgements at one place the newer run's stays, unless only the older has a figure to judge by.
    """
    order = {run.run_id: place for place, run in enumerate(facts.runs)}
    labels = {run.run_id: place.label for place in facts.places for run in place.runs}
    newest: dict[tuple[str, str, bool, str], Judgement] = {}
    for judgement in sorted(judgements, key=lambda j: (j.measured is not None, order.get(j.run_id, -1))):
        if judgement.paper in facts.cards:
            place = labels.get(judgement.run_id, judgement.run_id)
            newest[judgement.paper, judgement.claim, judgement.scaled, place] = judgement
    rows = [_row(facts.cards[paper], judgement, place) for (paper, _, _, place), judgement in newest.items()]
    rank = {(card.slug, claim.id): i for i, (card, claim) in enumerate((c, k) for c in facts.cards.values() for k in c.claims)}
    return tuple(sorted(rows, key=lambda row: (row.card.family, row.card.slug, rank.get((row.card.slug, row.claim), -1), row.is_scaled)))


def _row(card: Card, given: Judgement, place: str) -> ClaimRow:
    stated = next((c for c in card.claims if c.id == given.claim), None)
    unit = _unit_of(given)
    return ClaimRow(
        file_slug("-".join((given.paper, given.claim, "scaled" if given.scaled else "", place))),
        card,
        paper_path(card.slug),
        given.claim,
        given.says,
        given.source,
        spoken(given.quantity),
        f"{given.subject} / {given.baseline}" if given.baseline else given.subject,
        claimed_text(given.form, given.claimed, unit),
        _measured_text(given, unit),
        interval(given.measured, given.low, given.high) if given.measured is not None and not unit else _interval_with_unit(given, unit),
        marks.mark_of(marks.VERDICTS, given.verdict),
        given.reason,
        given.sentence,
        conditions_text(given.conditions, stated),
        place,
        given.run_id,
        given.scaled,
        given.ours,
        draw_strip(given.form, given.claimed, given.measured, given.low, given.high),
        surprise(given, _better(card, given.quantity)),
    )


def _unit_of(given: Judgement) -> str:
    """Return the stored unit of a claim about a plain value of a built-in quantity; figures of qualities stand as they are."""
    if given.form != "value":
        return ""
    return {
        "latency": "s",
        "first_call": "s",
        "energy": "J",
        "energy_operations": "J",
        "peak_activation": "B",
        "peak_rss": "B",
        "weights": "B",
    }.get(given.quantity, "")


def claimed_text(form: str, claimed: float | tuple[float, float] | None, unit: str = "") -> str:
    """Write a claimed figure: `0.71×`, `−0.75`, `1 to 1.2`, `better`."""
    if claimed is None:
        return "better"
    ends = claimed if isinstance(claimed, tuple) else (claimed,)
    sign = {"ratio": "×"}.get(form, "")
    before = "n^" if form == "exponent" else ""
    return " to ".join(f"{before}{written_quantity(end, unit) if unit else signed(end, form)}{sign}" for end in ends)


def signed(value: float, form: str) -> str:
    """Write a claimed number as it stands on the card; a difference keeps its sign."""
    return f"{'+' if form == 'difference' and value > 0 else ''}{value:.4g}".replace("-", MINUS)


def _measured_text(given: Judgement, unit: str) -> str:
    if given.measured is None:
        return NOTHING
    if unit:
        return written_quantity(given.measured, unit, given.low, given.high)
    before, after = {"ratio": ("", "×"), "order": ("", "×"), "exponent": ("n^", "")}.get(given.form, ("", ""))
    sign = "+" if given.form == "difference" and given.measured > 0 else ""
    return f"{before}{sign}{number(given.measured, given.low, given.high)}{after}"


def _interval_with_unit(given: Judgement, unit: str) -> str:
    if given.low is None or given.high is None or given.low == given.high:
        return ""
    return " to ".join(written_quantity(end, unit) for end in (given.low, given.high))


def conditions_text(conditions: Mapping[str, object], stated: ClaimCard | None) -> str:
    """Write what a claim needs, with the authors' own hardware."""
    words = [f"{spoken(key)} {value}" for key, value in conditions.items()]
    return ", ".join([*words, f"authors: {stated.measured_on}"] if stated and stated.measured_on else words)


def _better(card: Card, quantity: str) -> Better | None:
    if quantity in QUANTITIES:
        return QUANTITIES[quantity]
    return Better(card.qualities[quantity]) if quantity in card.qualities else None


def surprise(given: Judgement, better: Better | None) -> float | None:
    """Return the logarithm of how far a measured ratio is beyond its claim in the better direction."""
    if given.form != "ratio" or not isinstance(given.claimed, (int, float)) or given.measured is None or better is None:
        return None
    if given.claimed <= 0 or given.measured <= 0:
        return None
    beyond = math.log(given.claimed / given.measured)
    return beyond if better is Better.LOWER else -beyond


def verdict_counts(rows: Sequence[ClaimRow], scaled: bool = False) -> list[tuple[Mark, int]]:
    """Count verdicts, in the order of `VERDICTS`: on claims as their authors make them, or on their scaled-down checks."""
    counts = Counter(row.verdict.name for row in rows if row.is_scaled == scaled)
    return [(mark, counts[mark.name]) for mark in marks.VERDICTS.values()]


def surprises(rows: Sequence[ClaimRow], most: int) -> tuple[list[ClaimRow], list[ClaimRow]]:
    """Return the claims most exceeded and those most missed, at most so many of each; only what the whole interval says counts."""
    judged = [row for row in rows if row.surprise is not None]
    beyond = [row for row in judged if row.verdict.name == "upheld" and (row.surprise or 0) > 0]
    short = [row for row in judged if row.verdict.name in ("refuted", "direction only")]
    return sorted(beyond, key=lambda r: -(r.surprise or 0))[:most], sorted(short, key=lambda r: r.surprise or 0)[:most]
