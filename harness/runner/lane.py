"""Where jobs run one after another, each in a fresh process, and how one ends. Who provides such lanes is an executor's business."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, Self

from harness.runner.case import Status


@dataclass(frozen=True)
class Outcome:
    """How one repetition ended, with what it saw if it ended well: how many threads torch used, and a hash of what the work was given."""

    status: Status
    message: str = ""
    traceback: str = ""
    observation: dict[str, Any] | None = None
    threads: int = 0
    inputs: str = ""
    peak_rss_bytes: int = 0

    @classmethod
    def of(cls, written: Mapping[str, Any], peak_rss_bytes: int) -> Self:
        """Return the outcome that a job wrote."""
        told = {name: written[name] for name in ("observation", "threads", "inputs") if name in written}
        return cls(Status(written["status"]), written["message"], written["traceback"], peak_rss_bytes=peak_rss_bytes, **told)


class Work(Protocol):
    """What a fresh process is given: a module with `execute(text, result)`, and the text."""

    @property
    def entry(self) -> str:
        """Name of the module."""
        ...

    def to_json(self) -> str:
        """Return the text."""
        ...


class Lane(Protocol):
    """Runs jobs, one at a time. Repetitions of a case go to different lanes."""

    def start(self) -> None:
        """Begin to get ready, without waiting for it. Called from the thread that outlives the lane."""
        ...

    def wait_until_ready(self) -> None:
        """Return once nothing of this lane is at work that would disturb a job in another one; a failure is the first job's outcome."""
        ...

    def run(self, job: Work, timeout_s: float, memory_bytes: int) -> Outcome:
        """Run one job in a fresh process and return how it ended. Raises nothing: whatever goes wrong is an outcome.

        Args:
            job: What to do.
            timeout_s: The process is killed, with all it started, after this long.
            memory_bytes: What it may allocate.
        """
        ...

    def close(self) -> None:
        """End everything, a running job too. Called from any thread, perhaps twice."""
        ...


def wait_for(lanes: Collection[Lane]) -> None:
    """Start lanes and return once all are ready: a server that still loads torch would disturb whatever is timed in another."""
    for lane in lanes:
        lane.start()
    for lane in lanes:
        lane.wait_until_ready()
