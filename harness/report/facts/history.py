"""What a figure was over the nights: latency at each paper's default point, on each place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from harness.report.facts.cards import Card
from harness.report.facts.select import Selection
from harness.store import Store

FEWEST_RUNS = 3
"""Two points are a comparison, not a history."""
_METRIC = "latency"
_COLUMNS = ("paper", "variant", "workload", "scale", "params", "target", "value", "low", "high", "started_at")


@dataclass(frozen=True, slots=True)
class Moment:
    """A variant's latency in one run, in seconds, at the default point."""

    run_id: str
    place: str
    variant: str
    workload: str
    scale: str
    value: float
    low: float | None
    high: float | None
    at: datetime


History = Mapping[str, tuple[Moment, ...]]
"""Paper to its moments, oldest first."""


def read_history(store: Store, selection: Selection, cards: Mapping[str, Card]) -> dict[str, tuple[Moment, ...]]:
    """Read the latency of every run of a place that has at least `FEWEST_RUNS`; a figure that was reused is one moment, not many."""
    moments: dict[str, list[Moment]] = {}
    defaults = {(c.slug, scale): c.default_params(scale) for c in cards.values() for scale in ("smoke", "small", "paper")}
    points, seen = pa.array(sorted(set(defaults.values())), pa.string()), set()
    for run in selection.runs:
        for row in _latencies(store, run.run_id, points).to_pylist():
            place = selection.targets.get((run.run_id, row["target"]))
            key = (place.key if place else "", row["paper"], row["variant"], row["workload"], row["scale"], row["started_at"])
            if place is None or len(place.runs) < FEWEST_RUNS or key in seen:
                continue
            if defaults.get((row["paper"], row["scale"])) != row["params"] or row["started_at"] is None:
                continue
            seen.add(key)
            fields = (row["variant"], row["workload"], row["scale"], row["value"], row["low"], row["high"], row["started_at"])
            moments.setdefault(row["paper"], []).append(Moment(run.run_id, place.key, *fields))
    return {paper: tuple(found) for paper, found in moments.items()}


def _latencies(store: Store, run_id: str, points: pa.Array) -> pa.Table:
    table = store.read("figures", [run_id], [*_COLUMNS, "metric"])
    wanted = pc.and_(pc.equal(table["metric"], _METRIC), pc.is_valid(table["value"]))
    return table.filter(pc.and_(wanted, pc.is_in(table["params"], points)))
