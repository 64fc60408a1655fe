"""Which cases count: the newest of each identity on each machine, or each run by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.report.facts.places import Place, RunInfo, hardware_of, make_places
from harness.store import Store

_CASE_COLUMNS = ("case_id", "target")
_NO_MACHINE = "meta"
"""Models are built there for their published sizes alone: it is a place of nothing."""


@dataclass(frozen=True)
class Selection:
    """The cases that count.

    Attributes:
        runs: Every run that was looked at, oldest first.
        places: Every place, in the order of columns.
        cases: Run to its cases that count, and the place of each.
        targets: Place of every (run, target), those superseded by newer runs included.
    """

    runs: tuple[RunInfo, ...]
    places: tuple[Place, ...]
    cases: Mapping[str, Mapping[str, Place]]
    targets: Mapping[tuple[str, str], Place]


def read_runs(store: Store, run_ids: Sequence[str]) -> tuple[RunInfo, ...]:
    """Return the runs with their environments, oldest first."""
    rows = store.read("environments", run_ids).to_pylist()
    facts: dict[str, dict[str, str]] = {run_id: {} for run_id in run_ids}
    for row in rows:
        facts[row["run_id"]][row["key"]] = row["value"] or ""
    records = {run_id: store.run(run_id) for run_id in run_ids}
    runs = (RunInfo(i, records[i]["started_at"], records[i]["state"], records[i]["harness"] or "", facts[i]) for i in run_ids)
    return tuple(sorted(runs, key=lambda run: (run.started_at is not None, run.started_at, run.run_id)))


def select(store: Store, runs: Sequence[RunInfo], by_run: bool) -> Selection:
    """Return the cases that count.

    Args:
        store: Where the runs are.
        runs: Oldest first.
        by_run: True to keep runs apart, each a place of its own; False to take, on each machine, the newest case of each identity.
    """
    newest: dict[tuple[object, str], tuple[str, str]] = {}
    members: dict[tuple[str, object], list[RunInfo]] = {}
    for run in runs:
        which: Any = run.run_id if by_run else hardware_of(run)
        cases = _cases(store, run.run_id)
        newest |= {(which, case_id): (run.run_id, target) for case_id, target in cases}
        for target in dict.fromkeys(target for _, target in cases):
            members.setdefault((target, which), []).append(run)
    places = make_places(members, by_run)
    counting: dict[str, dict[str, Place]] = {}
    for (which, case_id), (run_id, target) in newest.items():
        counting.setdefault(run_id, {})[case_id] = places[target, which]
    targets = {(run.run_id, target): places[target, which] for (target, which), listed in members.items() for run in listed}
    return Selection(tuple(runs), tuple(places.values()), counting, targets)


def _cases(store: Store, run_id: str) -> list[tuple[str, str]]:
    table = store.read("cases", [run_id], _CASE_COLUMNS)
    rows = zip(*(table[name].to_pylist() for name in _CASE_COLUMNS), strict=True)
    return [(case_id, target) for case_id, target in rows if target != _NO_MACHINE]
