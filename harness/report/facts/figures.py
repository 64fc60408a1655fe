"""Figures that count now, filed by what they belong to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from harness.report.facts.places import Place
from harness.report.facts.select import Selection
from harness.stats.estimate import Estimate
from harness.store import Store


class RowKey(NamedTuple):
    """What stands in one row of a table: a variant doing a workload at a point, under conditions."""

    paper: str
    variant: str
    workload: str
    scale: str
    params: str
    dtype: str
    mode: str


class FigureKey(NamedTuple):
    """Which figure of a row: where, what, and over which baseline."""

    place: str
    metric: str
    baseline: str


@dataclass(frozen=True, slots=True)
class Fig:
    """A figure. Fields are the columns of the store; `run_id` is the run it was read from."""

    value: float
    low: float | None
    high: float | None
    n: int
    unit: str
    provenance: str
    meter: str
    message: str
    run_id: str
    case_id: str
    started_at: datetime | None

    @property
    def estimate(self) -> Estimate:
        """Value and interval for the statistics."""
        if self.low is None or self.high is None:
            return Estimate(self.value, None, None, self.n)
        return Estimate.around(self.value, self.low, self.high, self.n)

    @property
    def bounds(self) -> tuple[float, float]:
        """The interval; everything where there is none."""
        return self.estimate.bounds

    @property
    def meter_name(self) -> str:
        """What `--metrics` calls the meter."""
        return self.meter.split("/", maxsplit=1)[0]

    @property
    def noisy(self) -> bool:
        """Say whether a guard marked it."""
        return "noisy" in self.message


Figures = Mapping[RowKey, Mapping[FigureKey, Fig]]
QUALITY_WORKLOAD = ""
"""The store's workload of a figure that is about the answer and not about a timed call: it belongs to every workload of its variant."""

_ROW = ("paper", "variant", "workload", "scale", "params", "dtype", "mode")
_FIGURE = ("value", "low", "high", "n", "unit", "provenance", "meter", "message", "run_id", "case_id", "started_at")


def read_figures(store: Store, selection: Selection) -> dict[RowKey, dict[FigureKey, Fig]]:
    """Read the figures of the cases that count; of two with one key the newer run's stays."""
    figures: dict[RowKey, dict[FigureKey, Fig]] = {}
    for run in selection.runs:
        cases = selection.cases.get(run.run_id, {})
        if cases:
            for row, key, figure in _rows(store, run.run_id, cases):
                figures.setdefault(row, {})[key] = figure
    return figures


def _rows(store: Store, run_id: str, cases: Mapping[str, Place]) -> Iterator[tuple[RowKey, FigureKey, Fig]]:
    table = counting(store.read("figures", [run_id], [*_ROW, "metric", "baseline", *_FIGURE]), cases)
    columns = {name: texts_of(table, name) for name in table.column_names}
    rows = zip(*(columns[name] for name in _ROW), strict=True)
    keys = zip(columns["case_id"], columns["metric"], columns["baseline"], strict=True)
    figures = zip(*(columns[name] for name in _FIGURE), strict=True)
    for row, (case_id, metric, baseline), figure in zip(rows, keys, figures, strict=True):
        if figure[0] is not None:
            yield RowKey(*row), FigureKey(cases[case_id].key, metric, baseline), Fig(*figure)


def texts_of(table: pa.Table, name: str) -> list[Any]:
    """Return a column, texts without nulls; dictionary-encoded on the way, so that equal texts are one object in memory."""
    column = table[name]
    if pa.types.is_string(column.type):
        coded = pc.fill_null(column, "").dictionary_encode().combine_chunks()
        words = coded.dictionary.to_pylist()
        return [words[i] for i in coded.indices.to_pylist()]
    if pa.types.is_integer(column.type):
        column = pc.fill_null(column, 0)
    return list(column.to_pylist())


def counting(table: pa.Table, cases: Mapping[str, object]) -> pa.Table:
    """Return the rows of a table whose case counts."""
    return table.filter(pc.is_in(table["case_id"], pa.array(list(cases), pa.string())))
