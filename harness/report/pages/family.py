"""A family's page: its papers in one table, and its charts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.report.charts.chart import Chart, ChartGroup
from harness.report.charts.gains import gains_chart
from harness.report.charts.pareto import pareto_charts
from harness.report.charts.roofline import roofline_charts
from harness.report.facts.cards import Card
from harness.report.facts.facts import Facts
from harness.report.facts.places import Place
from harness.report.notation.links import family_path, paper_path
from harness.report.notation.points import file_slug
from harness.report.notation.quantities import Tier
from harness.report.tables.cells import CellWriter
from harness.report.tables.table import Table, build_table

_MOST_ROWS = 400
"""Rows that a browser sorts and filters without a wait. A larger family shows default points alone; the papers' pages have the others."""


@dataclass(frozen=True)
class Task:
    """A question, and the papers that answer it: the only ones whose rows are compared with one another."""

    text: str
    papers: tuple[tuple[str, str], ...]
    """Slug and path of each."""
    protocol: str
    """What these papers hold equal; empty where not all of them say the same."""


@dataclass(frozen=True)
class Family:
    """A family's page."""

    name: str
    path: str
    cards: tuple[Card, ...]
    tasks: tuple[Task, ...]
    table: Table
    charts: tuple[ChartGroup, ...]

    @property
    def is_apart(self) -> bool:
        """Whether there are several papers, each with a question of its own, and nothing that they hold equal."""
        return len(self.tasks) == len(self.cards) > 1 and not any(task.protocol for task in self.tasks)


def build_family(facts: Facts, name: str, writer: CellWriter) -> Family:
    """Build a family's page."""
    cards = sorted((card for card in facts.cards.values() if card.family == name), key=lambda card: card.slug)
    by_task: dict[str, list[Card]] = {}
    for card in cards:
        by_task.setdefault(card.task, []).append(card)
    tasks = tuple(_task(text, members) for text, members in by_task.items())
    table = build_table(facts, cards, Tier.TABLE, writer, most_rows=_MOST_ROWS)
    groups = (ChartGroup(place.key, place.title, tuple(_charts(facts, cards, by_task.values(), place, name))) for place in facts.places)
    return Family(name, family_path(name), tuple(cards), tasks, table, tuple(group for group in groups if group.charts))


def _task(text: str, members: Sequence[Card]) -> Task:
    protocols = {card.protocol for card in members}
    protocol = protocols.pop() if len(protocols) == 1 else ""
    return Task(text, tuple((card.slug, paper_path(card.slug)) for card in members), protocol)


def _charts(facts: Facts, cards: Sequence[Card], tasks: Iterable[Sequence[Card]], place: Place, name: str) -> list[Chart]:
    slug = file_slug(name)
    charts = gains_chart(facts, cards, place, slug)
    for members in tasks:
        if len(members) > 1 or len(cards) == 1:
            charts += pareto_charts(facts, members, place)
    return charts + roofline_charts(facts, cards, place, slug)
