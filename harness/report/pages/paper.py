"""A paper's page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.report.charts.breakdown import breakdown_charts
from harness.report.charts.chart import Chart, ChartGroup
from harness.report.charts.distribution import distribution_charts
from harness.report.charts.nights import night_charts
from harness.report.charts.pareto import pareto_charts
from harness.report.charts.sweep import sweep_charts
from harness.report.facts.cards import Card, ClaimCard
from harness.report.facts.facts import Facts
from harness.report.facts.places import Place
from harness.report.judged.claims import ClaimRow
from harness.report.judged.given import Size
from harness.report.judged.sizes import SizeRow, size_rows
from harness.report.notation.links import arxiv_address, family_path, outside, paper_path
from harness.report.notation.marks import BAD_STATUSES
from harness.report.notation.points import point_label
from harness.report.pages.commands import Command, commands_for
from harness.report.pages.failures import Failure, group_failures
from harness.report.pages.shown import Shown, artifacts_of
from harness.report.tables.cells import CellWriter
from harness.report.tables.table import Table, build_table


@dataclass(frozen=True)
class PaperPage:
    """A paper's page.

    Attributes:
        card: Its card.
        path: Its address.
        family_path: Its family's page.
        arxiv: Its address on arXiv; empty where there is none.
        code: The authors' repository; empty where the card has none that can be linked to.
        table: Its variants.
        claims: Its judged claims that have a figure here, their own or a scaled-down check's.
        untestable: Those that have none.
        unjudged: Claims of the card without any judgement.
        sizes: Its published sizes.
        charts: Place by place.
        artifacts: Things worth looking at.
        commands: How to measure its figures again.
        failures: What did not end well.
        neighbours: The papers before and after it in its family: slug and path.
    """

    card: Card
    path: str
    family_path: str
    arxiv: str
    code: str
    table: Table
    claims: tuple[ClaimRow, ...]
    untestable: tuple[ClaimRow, ...]
    unjudged: tuple[ClaimCard, ...]
    sizes: tuple[SizeRow, ...]
    charts: tuple[ChartGroup, ...]
    artifacts: tuple[Shown, ...]
    commands: tuple[Command, ...]
    failures: tuple[Failure, ...]
    neighbours: tuple[tuple[str, str], ...]
    has_places: bool
    defaults: tuple[tuple[str, str], ...]
    """Each scale that ran and its default sweep point, for a paper with axes."""

    @property
    def galleries(self) -> list[tuple[str, list[Shown]]]:
        """The method's artifacts, and under a heading to be opened those of its baselines."""
        own = [a for a in self.artifacts if a.variant == self.card.subject]
        rest = [a for a in self.artifacts if a.variant != self.card.subject]
        return [(title, found) for title, found in (("", own), ("Of the baselines" if own else "", rest)) if found]


def build_paper(facts: Facts, card: Card, claims: Sequence[ClaimRow], sizes: Sequence[Size], writer: CellWriter) -> PaperPage:
    """Build a paper's page.

    Args:
        facts: What the store says.
        card: The paper.
        claims: Its judged claims.
        sizes: Its checked sizes.
        writer: Shared by all tables of a site.
    """
    judged = {row.claim for row in claims}
    measured = {row.claim for row in claims if row.strip is not None}
    rows = facts.rows_by_paper.get(card.slug, ())
    groups = (ChartGroup(place.key, place.title, tuple(_charts(facts, card, place))) for place in facts.places)
    ended_badly = (case for case in facts.cases_by_paper.get(card.slug, ()) if case.status in BAD_STATUSES or case.status == "skipped")
    return PaperPage(
        card,
        paper_path(card.slug),
        family_path(card.family),
        arxiv_address(card.arxiv),
        outside(card.code),
        build_table(facts, [card], writer=writer),
        tuple(row for row in claims if row.claim in measured),
        tuple(row for row in claims if row.claim not in measured and not row.is_scaled),
        tuple(claim for claim in card.claims if claim.id not in judged),
        size_rows(card, sizes),
        tuple(group for group in groups if group.charts),
        artifacts_of(facts, card.slug),
        commands_for(facts, card),
        group_failures(facts, ended_badly),
        _neighbours(facts, card),
        len(facts.places) > 1,
        tuple((scale, point_label(card.default_params(scale))) for scale in dict.fromkeys(r.scale for r in rows) if card.sweep),
    )


def _charts(facts: Facts, card: Card, place: Place) -> list[Chart]:
    makers = (sweep_charts, distribution_charts, night_charts, breakdown_charts)
    return [*pareto_charts(facts, [card], place), *(chart for make in makers for chart in make(facts, card, place))]


def _neighbours(facts: Facts, card: Card) -> tuple[tuple[str, str], ...]:
    family = sorted(other.slug for other in facts.cards.values() if other.family == card.family)
    at = family.index(card.slug)
    return tuple((slug, paper_path(slug)) for slug in (*family[max(at - 1, 0) : at], *family[at + 1 : at + 2]))
