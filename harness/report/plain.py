"""A report as JSON data: the same figures that the pages show, with every digit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.report.facts import Facts
from harness.report.judged.claims import claim_rows
from harness.report.judged.given import Judgement, Size
from harness.report.notation.marks import BAD_STATUSES

FORMAT = 1
"""Raised when a field changes its meaning or goes away."""


def to_plain(facts: Facts, judgements: Sequence[Judgement] = (), sizes: Sequence[Size] = ()) -> dict[str, Any]:
    """Return runs, places, papers, figures, claims, sizes and failures, of JSON types only."""
    return {
        "format": FORMAT,
        "runs": [
            {"run_id": run.run_id, "started_at": _time(run.started_at), "state": run.state, "harness": run.harness} for run in facts.runs
        ],
        "places": [
            {
                "place": p.key,
                "target": p.target,
                "machine": p.machine,
                "runs": [r.run_id for r in p.runs],
                "environment": dict(p.environment()),
            }
            for p in facts.places
        ],
        "papers": [
            {
                "paper": c.slug,
                "title": c.title,
                "family": c.family,
                "year": c.year,
                "arxiv": c.arxiv,
                "variants": [v.name for v in c.variants],
            }
            for c in facts.cards.values()
        ],
        "figures": plain_figures(facts),
        "claims": _claims(facts, judgements),
        "sizes": [_fields(size, ("paper", "variant", "quantity", "published", "built", "verdict", "note")) for size in sizes],
        "failures": _failures(facts),
    }


def plain_figures(facts: Facts) -> list[dict[str, Any]]:
    """Return the figures that count, one mapping each."""
    rows = []
    for row, figures in facts.figures.items():
        for key, figure in figures.items():
            own = {
                name: getattr(figure, name) for name in ("value", "low", "high", "n", "unit", "provenance", "meter", "message", "run_id")
            }
            rows.append({**row._asdict(), **key._asdict(), **own})
    return rows


_CLAIM = (
    "paper",
    "claim",
    "quantity",
    "subject",
    "baseline",
    "form",
    "claimed",
    "measured",
    "low",
    "high",
    "verdict",
    "reason",
    "sentence",
)
_CLAIM_MARKS = ("scaled", "ours", "run_id")


def _claims(facts: Facts, judgements: Sequence[Judgement]) -> list[dict[str, Any]]:
    shown = {(row.card.slug, row.claim, row.is_scaled, row.run_id) for row in claim_rows(facts, judgements)}
    kept = [j for j in judgements if (j.paper, j.claim, j.scaled, j.run_id) in shown]
    return [_fields(j, (*_CLAIM, *_CLAIM_MARKS)) for j in kept]


def _failures(facts: Facts) -> list[dict[str, Any]]:
    broken = [
        {"paper": b.paper, "status": "broken", "message": b.message, "traceback": b.traceback, "run_id": b.run_id} for b in facts.broken
    ]
    names = ("paper", "variant", "workload", "scale", "params", "target", "meter", "status", "message", "traceback", "run_id")
    return broken + [_fields(case, names) for case in facts.cases if case.status in BAD_STATUSES]


def _fields(source: Any, names: Sequence[str]) -> dict[str, Any]:
    return {name: _plain(getattr(source, name)) for name in names}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(member) for key, member in value.items()}
    return list(value) if isinstance(value, tuple) else value


def _time(moment: Any) -> str | None:
    return moment.isoformat() if moment else None
