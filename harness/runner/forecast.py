"""How long a plan will take, by how long the same cases took before."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from harness.meters.registry import METERS
from harness.plugin.card import Scale
from harness.runner.case import Status
from harness.runner.plan import Planned
from harness.store import Store

TYPICAL_S: Mapping[str, Mapping[str, float]] = {
    Scale.SMOKE: {"flops": 0.5, "memory": 0.3, "quality": 2.0, "latency": 5.0, "energy": 1.0},
    Scale.SMALL: {"flops": 0.5, "memory": 0.5, "quality": 60.0, "latency": 20.0, "energy": 12.0},
    Scale.PAPER: {"flops": 1.0, "memory": 5.0, "quality": 0.0, "latency": 60.0, "energy": 30.0},
}
"""Seconds a case of the built-in papers takes on two cores: what is said where a store has seen nothing like it."""


@dataclass(frozen=True)
class Forecast:
    """How long a plan will take.

    Attributes:
        seconds: Wall time; cases in which nothing is timed share the cores.
        seen: Cases that the store has seen before.
        cases: Cases in all, without those that are to be skipped.
    """

    seconds: float
    seen: int
    cases: int


def forecast(planned: Sequence[Planned], store: Store) -> Forecast:
    """Add up what each case took the last time; what cases of its meter and scale take, where it has never been run."""
    known, alike = _history(store)
    todo = [p.case for p in planned if not p.skip]
    seconds = 0.0
    for case in todo:
        took = known.get(case.case_id, alike.get((case.meter, case.scale), TYPICAL_S[case.scale].get(case.meter, 1.0)))
        seconds += took if METERS[case.meter].exclusive else took / (os.cpu_count() or 1)
    return Forecast(seconds, sum(case.case_id in known for case in todo), len(todo))


def _history(store: Store) -> tuple[dict[str, float], dict[tuple[str, str], float]]:
    """Return the seconds of every case that ended well, and their median for each meter and scale."""
    rows = store.read("cases", columns=["case_id", "meter", "scale", "seconds", "status", "reused_from"]).to_pylist()
    ended = [row for row in rows if row["status"] == Status.OK and not row["reused_from"]]
    groups: dict[tuple[str, str], list[float]] = {}
    for row in ended:
        groups.setdefault((row["meter"], row["scale"]), []).append(row["seconds"])
    return {row["case_id"]: row["seconds"] for row in ended}, {key: median(values) for key, values in groups.items()}


def spoken(seconds: float) -> str:
    """Write a duration as one would say it.

    >>> spoken(42), spoken(200), spoken(9000)
    ('42 s', '3 min', '2.5 h')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
