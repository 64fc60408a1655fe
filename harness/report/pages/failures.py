"""What did not end well, with messages and tracebacks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.report.facts.facts import BrokenPlugin, CaseInfo, Facts
from harness.report.notation import marks
from harness.report.notation.links import paper_path
from harness.report.notation.marks import BAD_STATUSES, Mark
from harness.report.notation.points import point_label


@dataclass(frozen=True)
class Failure:
    """Cases that ended in one way, with one message.

    Attributes:
        papers: Slug and page of each paper it befell; no page for one without a card.
        status: How they ended.
        message: What they say.
        traceback: Of the first.
        cases: Where it happened: variants, workload, point, meter and place of each case.
    """

    papers: tuple[tuple[str, str], ...]
    status: Mark
    message: str
    traceback: str
    cases: tuple[str, ...]


@dataclass(frozen=True)
class Failures:
    """The failures page."""

    broken: tuple[BrokenPlugin, ...]
    bad: tuple[Failure, ...]
    skipped: tuple[Failure, ...]


def build_failures(facts: Facts) -> Failures:
    """Build the failures page."""
    bad = group_failures(facts, (case for case in facts.cases if case.status in BAD_STATUSES))
    skipped = group_failures(facts, (case for case in facts.cases if case.status == "skipped"))
    return Failures(facts.broken, bad, skipped)


def group_failures(facts: Facts, cases: Iterable[CaseInfo]) -> tuple[Failure, ...]:
    """Gather cases that say the same: one mistake that befell thirty cases is one entry."""
    groups: dict[tuple[str, str], list[CaseInfo]] = {}
    for case in cases:
        groups.setdefault((case.status, case.message), []).append(case)
    return tuple(_failure(facts, status, message, members) for (status, message), members in sorted(groups.items()))


def _failure(facts: Facts, status: str, message: str, cases: Sequence[CaseInfo]) -> Failure:
    papers = dict.fromkeys(case.paper for case in cases)
    return Failure(
        tuple((paper, paper_path(paper) if paper in facts.cards else "") for paper in papers),
        marks.mark_of(marks.STATUSES, status),
        message or "no message",
        next((case.traceback for case in cases if case.traceback), ""),
        tuple(f"{case.paper}: {describe_case(case)}" if len(papers) > 1 else describe_case(case) for case in cases),
    )


def describe_case(case: CaseInfo) -> str:
    """Write which case it is."""
    parts = (case.variant.replace(",", " and "), case.workload, point_label(case.params), case.meter, f"on {case.place.label}")
    return ", ".join(part for part in parts if part)
