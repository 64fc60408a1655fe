"""The environment page: hardware and software of every place, and what changed between runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.report.charts.chart import ChartGroup
from harness.report.charts.roofline import roofline_charts
from harness.report.facts.facts import Facts
from harness.report.facts.places import Place, RunInfo
from harness.report.notation.numbers import quantity
from harness.report.notation.quantities import spoken
from harness.report.pages.trust import Trust, trust_in

_UNITS = {"memory_bytes": "B", "peak_flops": "FLOP/s", "peak_bandwidth": "B/s"}
"""Facts that are figures."""

_ALWAYS_NEW = ("git_commit", "fitness")
"""Facts that differ from run to run without being a change of machine or software."""


@dataclass(frozen=True)
class FactRow:
    """A fact, place by place.

    Attributes:
        name: What it is.
        values: One a place; empty where a place does not say.
        differs: True where the places differ.
    """

    name: str
    values: tuple[str, ...]
    differs: bool


@dataclass(frozen=True)
class Change:
    """A fact that changed between two runs of a place."""

    place: str
    run_id: str
    day: str
    name: str
    before: str
    after: str


@dataclass(frozen=True)
class Machines:
    """The environment page."""

    places: tuple[tuple[Place, Trust], ...]
    facts: tuple[FactRow, ...]
    changes: tuple[Change, ...]
    charts: tuple[ChartGroup, ...]
    runs: tuple[tuple[RunInfo, str], ...]
    """Each run with the places that it ran on, newest first."""


def build_machines(facts: Facts) -> Machines:
    """Build the environment page."""
    names = dict.fromkeys(name for place in facts.places for name in place.environment())
    rows = tuple(_fact_row(facts.places, name) for name in names)
    changes = tuple(change for place in facts.places for change in _changes(place))
    runs = tuple((run, ", ".join(p.label for p in facts.places if run in p.runs)) for run in reversed(facts.runs))
    return Machines(tuple((place, trust_in(facts, place)) for place in facts.places), rows, changes, _rooflines(facts), runs)


def _rooflines(facts: Facts) -> tuple[ChartGroup, ...]:
    cards = list(facts.cards.values())
    groups = (ChartGroup(place.key, place.title, tuple(roofline_charts(facts, cards, place, "all"))) for place in facts.places)
    return tuple(group for group in groups if group.charts)


def _fact_row(places: Sequence[Place], name: str) -> FactRow:
    values = tuple(_written(name, place.environment().get(name, "")) for place in places)
    return FactRow(fact_name(name), values, len(set(values)) > 1)


def fact_name(name: str) -> str:
    """Write the name of a fact for people."""
    return spoken(name.removeprefix("package.").removesuffix("_bytes"))


def _written(name: str, value: str) -> str:
    try:
        return quantity(float(value), _UNITS[name]) if name in _UNITS else value
    except ValueError:
        return value


def _changes(place: Place) -> list[Change]:
    changes = []
    for before, after in zip(place.runs, place.runs[1:], strict=False):
        for name in dict.fromkeys([*before.environment, *after.environment]):
            old, new = before.environment.get(name, ""), after.environment.get(name, "")
            if old != new and not name.startswith(_ALWAYS_NEW):
                changes.append(Change(place.label, after.run_id, after.day, fact_name(name), _written(name, old), _written(name, new)))
    return changes
