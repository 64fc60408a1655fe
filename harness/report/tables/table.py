"""Build a comparison table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, groupby

from harness.report.facts.cards import Card
from harness.report.facts.facts import CaseInfo, Facts, quality_row
from harness.report.facts.figures import QUALITY_WORKLOAD, Fig, RowKey
from harness.report.notation.links import paper_path
from harness.report.notation.marks import BAD_STATUSES
from harness.report.notation.points import away_from, point_label
from harness.report.notation.quantities import Group, Tier
from harness.report.tables.best import best_of
from harness.report.tables.cells import EMPTY, Cell, CellWriter, failed_cell
from harness.report.tables.columns import Column, columns_of, figure_in

METERS_OF_GROUP = {Group.SPEED: "latency", Group.MEMORY: "memory", Group.ENERGY: "energy", Group.QUALITY: "quality", Group.WORK: "flops"}
"""The built-in meter whose case explains why a column has no figure."""
_AS_USUAL = ("native", "eager", "")


@dataclass(frozen=True)
class Row:
    """One row.

    Attributes:
        key: Whose figures they are, and under which conditions.
        card: The paper's card.
        about: What the variant is.
        is_subject: True for the paper's own method.
        is_default: True at the paper's default sweep point.
        condition: Workload, scale, and whatever is not as usual.
        point: The whole sweep point.
        path: The paper's page.
        opens_group: True for the first of the rows that stand under the same conditions.
        cells: One a column.
    """

    key: RowKey
    card: Card
    about: str
    is_subject: bool
    is_default: bool
    condition: str
    point: str
    path: str
    opens_group: bool
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Heading:
    """A heading over neighbouring columns."""

    label: str
    span: int


@dataclass(frozen=True)
class Filter:
    """Values of a row's condition that the reader can choose from; offered where there is more than one."""

    field: str
    label: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A comparison table."""

    headings: tuple[Heading, ...]
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    filters: tuple[Filter, ...]
    left_out: int
    """Rows of which every case was skipped: they stand with the failures, with the reason."""
    only_defaults: bool
    """True where rows at other than default sweep points were left to the papers' own pages."""

    @cached_property
    def edges(self) -> frozenset[int]:
        """Columns that begin under a new heading."""
        return frozenset(accumulate((heading.span for heading in self.headings), initial=0))

    @property
    def has_default_points(self) -> bool:
        """Say whether some rows stand at a default sweep point and others do not."""
        return len({row.is_default for row in self.rows}) > 1


def build_table(
    facts: Facts, cards: Sequence[Card], tier: Tier = Tier.DETAIL, writer: CellWriter | None = None, most_rows: int | None = None
) -> Table:
    """Build the table of some papers.

    The best of a column is sought among rows that answer the same question: papers whose cards state one task, at one workload, scale,
    sweep point, dtype and mode.

    Args:
        facts: What the store says.
        cards: The papers.
        tier: Quantities beyond it are left out.
        writer: Given to several tables, it writes each figure once.
        most_rows: A table of more rows keeps only those at default sweep points.
    """
    by_slug = {card.slug: card for card in cards}
    all_keys = [key for card in cards for key in _row_keys(facts, card)]
    skipped = _skipped(facts, cards)
    possible = [key for key in all_keys if key not in skipped]
    cut = most_rows is not None and len(possible) > most_rows
    keys = [key for key in possible if _is_default(by_slug[key.paper], key)] if cut else possible
    columns = columns_of(facts, [k for card in cards for k in facts.rows_by_paper.get(card.slug, ())], cards, tier)
    making = _Making(facts, columns, by_slug, _best(facts, keys, columns, by_slug), _failures(facts, cards), writer or CellWriter(facts))
    before = [None, *keys[:-1]]
    rows = tuple(making.row(key, last is None or _group(last) != _group(key)) for last, key in zip(before, keys, strict=True))
    headings = tuple(Heading(label, len(list(group))) for label, group in groupby(columns, lambda c: c.group))
    return Table(headings, tuple(columns), rows, _filters(rows), len(all_keys) - len(possible), cut)


def _row_keys(facts: Facts, card: Card) -> list[RowKey]:
    """Return a paper's rows: variants in the card's order under each condition, failed ones too."""
    seen = dict.fromkeys(facts.rows_by_paper.get(card.slug, ()))
    for case in facts.cases_by_paper.get(card.slug, ()):
        seen |= dict.fromkeys(_rows_of(case))
    timed = [key for key in seen if key.workload != QUALITY_WORKLOAD]
    covered = {(key.variant, key.scale, key.params) for key in timed}
    judged = [key for key in seen if key.workload == QUALITY_WORKLOAD and (key.variant, key.scale, key.params) not in covered]
    order = {variant.name: place for place, variant in enumerate(card.variants)}
    workloads = {name: place for place, name in enumerate(card.items)}
    points = {params: place for place, params in enumerate(dict.fromkeys(key.params for key in seen))}
    known = [key for key in timed + judged if key.variant in order]
    return sorted(
        known,
        key=lambda k: (
            workloads.get(k.workload, -1),
            k.scale,
            k.dtype,
            k.mode,
            not _is_default(card, k),
            points[k.params],
            order[k.variant],
        ),
    )


def _group(key: RowKey) -> RowKey:
    return key._replace(variant="")


def condition_text(key: RowKey, default: str) -> str:
    """Write a row's conditions, a sweep point by what sets it apart from the default one: `infer · resolution 28 · small`."""
    unusual = [part for part in (key.dtype, key.mode) if part not in _AS_USUAL]
    return " · ".join(part for part in (key.workload, away_from(key.params, default), key.scale, *unusual) if part)


def _is_default(card: Card, key: RowKey) -> bool:
    return key.params == card.default_params(key.scale)


@dataclass(frozen=True)
class _Making:
    """A table in the making: what every row and cell needs."""

    facts: Facts
    columns: Sequence[Column]
    cards: Mapping[str, Card]
    best: frozenset[tuple[RowKey, int]]
    failures: Mapping[tuple[RowKey, str, str], CaseInfo]
    writer: CellWriter

    def row(self, key: RowKey, opens_group: bool) -> Row:
        card = self.cards[key.paper]
        variant = next(v for v in card.variants if v.name == key.variant)
        cells = tuple(self._cell(key, card.reference, column, (key, i) in self.best) for i, column in enumerate(self.columns))
        condition = condition_text(key, card.default_params(key.scale))
        about, path = (variant.about, variant.subject, _is_default(card, key)), paper_path(card.slug)
        return Row(key, card, *about, condition, point_label(key.params), path, opens_group, cells)

    def _cell(self, key: RowKey, reference: str, column: Column, best: bool) -> Cell:
        found = figure_in(self.facts, key, column)
        if found is None:
            return self._missing(key, column)
        where, figure = found
        return self.writer.cell(key, where, figure, column.quantity, column.unit, reference, best)

    def _missing(self, key: RowKey, column: Column) -> Cell:
        meter = METERS_OF_GROUP[column.quantity.group]
        for place in column.places:
            for row in (key, quality_row(key)):
                case = self.failures.get((row, place, meter))
                if case is not None:
                    return failed_cell(case.status, case.message)
        return EMPTY


def _failures(facts: Facts, cards: Sequence[Card]) -> dict[tuple[RowKey, str, str], CaseInfo]:
    """Return the cases that gave no figure, by row, place and meter."""
    found: dict[tuple[RowKey, str, str], CaseInfo] = {}
    for card in cards:
        for case in facts.cases_by_paper.get(card.slug, ()):
            if case.status in BAD_STATUSES or case.status == "skipped":
                meter = case.meter.split("/", maxsplit=1)[0]
                found |= {(row, case.place.key, meter): case for row in _rows_of(case)}
    return found


def _skipped(facts: Facts, cards: Sequence[Card]) -> frozenset[RowKey]:
    """Return the rows of which every case was skipped."""
    statuses: dict[RowKey, set[str]] = {}
    for card in cards:
        for case in facts.cases_by_paper.get(card.slug, ()):
            for row in _rows_of(case):
                statuses.setdefault(row, set()).add(case.status)
    return frozenset(row for row, found in statuses.items() if found == {"skipped"})


def _rows_of(case: CaseInfo) -> list[RowKey]:
    """Return the row of each variant of a case."""
    rest = (case.workload, case.scale, case.params, case.dtype, case.mode)
    return [RowKey(case.paper, variant, *rest) for variant in case.variant.split(",")]


def _best(facts: Facts, keys: Sequence[RowKey], columns: Sequence[Column], cards: Mapping[str, Card]) -> frozenset[tuple[RowKey, int]]:
    groups: dict[tuple[str, ...], list[RowKey]] = {}
    for key in keys:
        groups.setdefault((cards[key.paper].task, *key[2:]), []).append(key)
    found = set()
    for index, column in enumerate(columns):
        for group in groups.values():
            figures: dict[RowKey, Fig] = {key: hit[1] for key in group if (hit := figure_in(facts, key, column)) is not None}
            found |= {(key, index) for key in best_of(figures, column.quantity.better)}
    return frozenset(found)


def _filters(rows: Sequence[Row]) -> tuple[Filter, ...]:
    fields = (("paper", "Paper"), ("workload", "Workload"), ("scale", "Scale"), ("dtype", "Dtype"), ("mode", "Mode"))
    offered = []
    for field, label in fields:
        values = tuple(dict.fromkeys(getattr(row.key, field) for row in rows))
        if len(values) > 1:
            offered.append(Filter(field, label, values))
    return tuple(offered)
