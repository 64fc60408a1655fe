"""Columns: which quantities a table has, on which place, in which unit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from harness.plugin.card import Better
from harness.report.facts.cards import Card
from harness.report.facts.facts import Facts
from harness.report.facts.figures import Fig, FigureKey, RowKey
from harness.report.facts.places import Place
from harness.report.notation import marks
from harness.report.notation.marks import Mark
from harness.report.notation.quantities import RATIO_METRIC, Quantity, Tier, ordered, quantity
from harness.report.notation.units import DisplayUnit, display_unit

EVERYWHERE = "everywhere"
"""Group of counted quantities that are the same wherever they were counted."""


@dataclass(frozen=True)
class Column:
    """A column.

    Attributes:
        quantity: What it shows.
        unit: The unit it is shown in.
        stored_unit: The unit it is kept, sorted and exported in.
        places: Keys of the places it may take a figure from: one, or several that agree.
        group: The heading over it.
        provenance: Every way its figures were had.
    """

    quantity: Quantity
    unit: DisplayUnit
    stored_unit: str
    places: tuple[str, ...]
    group: str
    provenance: tuple[Mark, ...]

    @cached_property
    def keys(self) -> tuple[FigureKey, ...]:
        """Which figures of a row it may show, the first that is there."""
        return tuple(FigureKey(place, self.quantity.metric, "") for place in self.places)

    @property
    def is_primary(self) -> bool:
        """Say whether it is shown before anyone asks."""
        return self.quantity.tier is Tier.HEADLINE

    @property
    def arrow(self) -> str:
        """Which way is better, as a sign."""
        return {Better.LOWER: "↓", Better.HIGHER: "↑"}.get(self.quantity.better, "")  # type: ignore[arg-type]

    @property
    def way(self) -> str:
        """Which way is better, in words."""
        return f"{self.quantity.better.value} is better" if self.quantity.better else ""


Found = Mapping[tuple[str, str], list[tuple[RowKey, Fig]]]
"""(place, metric) to its figures."""


def columns_of(facts: Facts, rows: Sequence[RowKey], cards: Sequence[Card], tier: Tier) -> list[Column]:
    """Return the columns of a table.

    Args:
        facts: What the store says.
        rows: The table's rows, without those of qualities.
        cards: The cards of its papers; their first qualities are the ones shown before anyone asks.
        tier: Quantities beyond it are left out.
    """
    found = _collect(facts, rows)
    qualities = {name: way for card in cards for name, way in card.qualities.items()}
    first = {next(iter(card.qualities), "") for card in cards}
    names = {metric: figures[0][1].unit for (_, metric), figures in found.items()}
    quantities = [q for q in ordered(quantity(metric, unit, qualities, first) for metric, unit in names.items()) if q.tier <= tier]
    shared = [q for q in quantities if len(facts.places) > 1 and _agree(facts.places, found, q.metric)]
    columns = [_column(q, [p for p in facts.places if (p.key, q.metric) in found], EVERYWHERE, found) for q in shared]
    for place in facts.places:
        own = [q for q in quantities if q not in shared and (place.key, q.metric) in found]
        columns += [_column(q, [place], place.label if len(facts.places) > 1 else q.group.value, found) for q in own]
    return columns


def _collect(facts: Facts, rows: Iterable[RowKey]) -> dict[tuple[str, str], list[tuple[RowKey, Fig]]]:
    found: dict[tuple[str, str], list[tuple[RowKey, Fig]]] = {}
    for row in rows:
        for key, figure in facts.figures[row].items():
            if key.metric != RATIO_METRIC and not key.baseline:
                found.setdefault((key.place, key.metric), []).append((row, figure))
    return found


def _agree(places: Sequence[Place], found: Found, metric: str) -> bool:
    """Say whether a quantity was only ever counted, and every place that has a row's count has the same."""
    counts: dict[RowKey, float] = {}
    for place in places:
        for row, figure in found.get((place.key, metric), ()):
            if figure.provenance != "counted" or counts.setdefault(row, figure.value) != figure.value:
                return False
    return bool(counts)


def _column(q: Quantity, places: Sequence[Place], group: str, found: Found) -> Column:
    figures = [figure for place in places for _, figure in found[place.key, q.metric]]
    stored = figures[0].unit
    provenance = tuple(mark for name, mark in marks.PROVENANCE.items() if any(f.provenance == name for f in figures))
    unit = display_unit(stored, [f.value for f in figures])
    return Column(q, unit, stored, tuple(p.key for p in places), group, provenance)


def figure_in(facts: Facts, row: RowKey, column: Column) -> tuple[FigureKey, Fig] | None:
    """Return a row's figure in a column, with its key."""
    figures = facts.figures_of(row)
    for key in column.keys:
        if key in figures:
            return key, figures[key]
    return None
