"""What an observer of a run is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class CaseEnded:
    """A case has ended and is in the store.

    Attributes:
        run_id: The run.
        case: Its row of the table `cases`: `paper`, `variant`, `workload`, `meter`, `status`, `message`, `seconds`, `reused_from`, ...
        figures: Its rows of the table `figures`: `variant`, `metric`, `value`, `low`, `high`, `n`, `unit`, `provenance`, ...
    """

    run_id: str
    case: Mapping[str, Any]
    figures: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class RunEnded:
    """Every case of a run has ended; a run that was stopped never says so.

    Attributes:
        run_id: The run.
        cases: How many cases ended with which status.
        reused: How many of them were taken from earlier runs.
        broken: How many selected plugins could not be used.
    """

    run_id: str
    cases: Mapping[str, int]
    reused: int
    broken: int


class RunObserver(Protocol):
    """Something that wants to know how a run goes: a tracker, a chat, a dashboard."""

    def case_ended(self, event: CaseEnded) -> None:
        """Take note of a case. Called in the driver, between cases: nothing is timed meanwhile, and the next case waits."""
        ...

    def run_ended(self, event: RunEnded) -> None:
        """Take note of the end. Called once, after the store has been sealed."""
        ...
