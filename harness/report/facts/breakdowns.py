"""Blocks of latency and break-downs by operator, at each paper's default point: what charts look inside."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from harness.report.facts.figures import counting, texts_of
from harness.report.facts.places import Place
from harness.store import Store

Wanted = Mapping[tuple[str, str], "Scene"]
"""(run, case) to the scene that its rows belong to."""


class Scene(NamedTuple):
    """Where a chart looks: a paper's workload on a place, at the default point."""

    paper: str
    place: str
    workload: str


class Block(NamedTuple):
    """A block of calls: the process that ran it, and seconds a call."""

    process: int
    seconds: float


Blocks = Mapping[Scene, Mapping[str, Sequence[Block]]]
"""Scene to variant to blocks."""
Shares = Mapping[Scene, Mapping[str, Mapping[str, Mapping[str, float]]]]
"""Scene to metric to variant to operator to value, in the metric's stored unit."""


def read_blocks(store: Store, cases: Mapping[str, Mapping[str, Place]], wanted: Wanted) -> dict[Scene, dict[str, list[Block]]]:
    """Read the latency blocks of some cases.

    Args:
        store: Where they are.
        cases: The runs to read.
        wanted: The cases to keep.
    """
    found: dict[Scene, dict[str, list[Block]]] = {}
    for run_id in cases:
        for case, metric, variant, process, seconds in _rows(
            store, "samples", run_id, wanted, ("metric", "variant", "repetition", "value")
        ):
            if metric == "latency":
                found.setdefault(wanted[run_id, case], {}).setdefault(variant, []).append(Block(process, seconds))
    return found


def read_shares(
    store: Store, cases: Mapping[str, Mapping[str, Place]], wanted: Wanted
) -> dict[Scene, dict[str, dict[str, dict[str, float]]]]:
    """Read the break-downs by operator of some cases.

    Args:
        store: Where they are.
        cases: The runs to read.
        wanted: The cases to keep.
    """
    found: dict[Scene, dict[str, dict[str, dict[str, float]]]] = {}
    columns = ("level", "metric", "variant", "name", "value")
    for run_id in cases:
        for case, level, metric, variant, operator, value in _rows(store, "details", run_id, wanted, columns):
            if level == "operator" and value > 0:
                found.setdefault(wanted[run_id, case], {}).setdefault(metric, {}).setdefault(variant, {})[operator] = value
    return found


def _rows(store: Store, table: str, run_id: str, wanted: Wanted, columns: Collection[str]) -> zip[tuple[Any, ...]]:
    own = {case: True for run, case in wanted if run == run_id}
    rows = counting(store.read(table, [run_id], ["case_id", *columns]), own)
    return zip(*(texts_of(rows, name) for name in ("case_id", *columns)), strict=True)
