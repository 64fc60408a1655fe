"""A summary in Markdown: what a reviewer reads beside a pull request."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from harness.report.charts.gains import METRICS, gains
from harness.report.facts import Facts
from harness.report.facts.places import Place
from harness.report.judged.claims import ClaimRow, claim_rows, verdict_counts
from harness.report.judged.given import Judgement
from harness.report.notation.marks import BAD_STATUSES
from harness.report.notation.numbers import NOTHING
from harness.report.notation.quantities import quantity
from harness.report.pages.failures import build_failures
from harness.report.pages.trust import trust_in
from harness.report.tables.cells import RatioText, ratio_text

_MOST_PAPERS, _MOST_CLAIMS, _MOST_FAILURES = 60, 30, 15
"""Rows of each table: a comment may hold 65,536 characters, and nobody reads a tenth of that."""
_ACTIVE = re.compile(r"([\\`*_{}\[\]<>|#@~])")


def write_markdown(facts: Facts, judgements: Sequence[Judgement]) -> str:
    """Return the summary: places, gains of every paper, verdicts that are not good news, failures."""
    claims = claim_rows(facts, judgements)
    parts = ["## harness", _places(facts), _verdicts(claims)]
    parts += [_gains(facts, place) for place in facts.places]
    parts += [_bad_news(claims), _failures(facts)]
    return "\n\n".join(part for part in parts if part) + "\n"


def escape(text: str) -> str:
    """Make a plugin's text harmless in Markdown: no markup, no HTML, no mention, one line."""
    return _ACTIVE.sub(r"\\\1", " ".join(text.split()))


def _places(facts: Facts) -> str:
    rows = []
    for place in facts.places:
        statuses = Counter(case.status for case in facts.cases if case.place.key == place.key)
        bad = sum(statuses[status] for status in BAD_STATUSES)
        run = f"`{place.newest.run_id}`"
        rows.append(
            (escape(place.title), run, str(statuses["ok"]), str(bad), str(statuses["skipped"]), escape(trust_in(facts, place).words))
        )
    return _table(("Where", "Newest run", "Cases ok", "Failed", "Skipped", "Timings"), rows)


def _verdicts(claims: Sequence[ClaimRow]) -> str:
    counts = verdict_counts(claims)
    if not any(count for _, count in counts):
        return ""
    return "Claims: " + ", ".join(f"{count} {mark.name} {mark.sign}" for mark, count in counts if count) + "."


def _gains(facts: Facts, place: Place) -> str:
    rows = []
    for card in sorted(facts.cards.values(), key=lambda card: (card.family, card.slug)):
        found = gains(facts, card, place)
        if found:
            texts = (ratio_text(found[metric]) if metric in found else None for metric in METRICS)
            cells = (_cell(text) if text else NOTHING for text in texts)
            rows.append((escape(card.slug), escape(card.reference), *cells))
    if not rows:
        return ""
    head = ("Paper", "Baseline", *(quantity(metric, "1", {}, ()).label for metric in METRICS))
    more = f"\n\n… and {len(rows) - _MOST_PAPERS} papers more." if len(rows) > _MOST_PAPERS else ""
    legend = "Below 1×: the method needs less. ▲ better, ▼ worse, no sign: cannot tell. \\# counted, ≈ estimated."
    return f"### {escape(place.title)}: method / baseline\n\n{legend}\n\n{_table(head, rows[:_MOST_PAPERS])}{more}"


def _cell(text: RatioText) -> str:
    spread = f" ({text.interval})" if text.interval else ""
    return f"{escape(text.provenance.sign)}{text.text}{spread} {text.sign}".strip()


def _bad_news(claims: Sequence[ClaimRow]) -> str:
    bad = [row for row in claims if row.verdict.name in ("refuted", "direction only") and not row.is_scaled]
    if not bad:
        return ""
    rows = [(escape(r.card.slug), f"{r.verdict.sign} {r.verdict.name}", escape(r.sentence), escape(r.place)) for r in bad[:_MOST_CLAIMS]]
    more = f"\n\n… and {len(bad) - _MOST_CLAIMS} claims more." if len(bad) > _MOST_CLAIMS else ""
    return f"### Claims that fell short\n\n{_table(('Paper', 'Verdict', 'What was found', 'Where'), rows)}{more}"


def _failures(facts: Facts) -> str:
    page = build_failures(facts)
    lines = [f"- **{escape(p.paper)}** could not be read: {escape(p.message)}" for p in page.broken]
    for failure in page.bad:
        papers = ", ".join(escape(slug) for slug, _ in failure.papers)
        lines.append(f"- **{papers}** {failure.status.name} ({len(failure.cases)} cases): {escape(failure.message)}")
    if not lines:
        return ""
    more = [f"- … and {len(lines) - _MOST_FAILURES} more"] if len(lines) > _MOST_FAILURES else []
    return "\n".join(["### Failures", "", *lines[:_MOST_FAILURES], *more])


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
