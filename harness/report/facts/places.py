"""Places: a target on a machine, the thing whose columns stand side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from harness.report.notation.points import file_slug

_HARDWARE = ("cpu_model", "cpu_physical_cores", "cpu_logical_cores", "gpu_name")
"""Facts that tell one machine from another; software and settings may differ between the runs of a place, and are shown where they do."""
_NAMES = ("device", "gpu_name", "cpu_model")
"""Facts that name the processor of a target, the best first; a GPU of the machine says nothing about a target on its CPU."""


@dataclass(frozen=True)
class RunInfo:
    """A run.

    Attributes:
        run_id: Its name.
        started_at: When it began, in UTC.
        state: `running` (it did not finish) or `finished`.
        harness: The version that wrote it.
        environment: Facts of machine and software.
    """

    run_id: str
    started_at: datetime | None
    state: str
    harness: str
    environment: Mapping[str, str]

    @property
    def day(self) -> str:
        """When it began, for people."""
        return f"{self.started_at:%Y-%m-%d %H:%M}" if self.started_at else "at an unknown time"


@dataclass(frozen=True)
class Place:
    """A target on a machine, or in one run where runs are compared.

    Attributes:
        key: A name that is safe in addresses and attributes.
        target: `cpu`, `cuda:0`, `ssh:pi4`, ...
        machine: The machine in words.
        label: What columns call it; unique among the places of a report.
        runs: The runs whose figures stand here, oldest first.
    """

    key: str
    target: str
    machine: str
    label: str
    runs: tuple[RunInfo, ...]

    @property
    def newest(self) -> RunInfo:
        """The run that was begun last."""
        return self.runs[-1]

    @property
    def title(self) -> str:
        """Target and machine."""
        return f"{self.target} · {self.machine}" if self.machine else self.target

    def environment(self) -> Mapping[str, str]:
        """Facts of the newest run."""
        return self.newest.environment


def hardware_of(run: RunInfo) -> tuple[str, ...]:
    """Return the facts that tell one machine from another."""
    return tuple(run.environment.get(key, "") for key in _HARDWARE)


def machine_name(run: RunInfo, target: str) -> str:
    """Return the processor that a target runs on, as its vendor calls it; empty where the run does not say."""
    names = _NAMES if target.startswith("cuda") else [name for name in _NAMES if name != "gpu_name"]
    return next((run.environment[name] for name in names if run.environment.get(name)), "")


def make_places(found: Mapping[tuple[str, object], list[RunInfo]], by_run: bool) -> dict[tuple[str, object], Place]:
    """Return the place of each (target, machine or run), with labels that differ from one another.

    Args:
        found: The runs of each place.
        by_run: True where runs are compared, so that a place is named by its run.
    """
    targets = [target for target, _ in found]
    places, taken = {}, dict[str, int]()
    for (target, which), runs in sorted(found.items(), key=lambda item: (_rank(item[0][0]), item[1][-1].run_id)):
        label = f"{target} · {runs[-1].run_id}" if by_run else target
        if not by_run and targets.count(target) > 1:
            taken[target] = taken.get(target, 0) + 1
            label = f"{target} ({taken[target]})"
        places[target, which] = Place(file_slug(label), target, machine_name(runs[-1], target), label, tuple(runs))
    return places


def _rank(target: str) -> tuple[bool, str]:
    return target != "cpu", target
