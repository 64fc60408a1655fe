"""Who runs the jobs of a run: fork servers on this machine, or an executor that an extension brings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from harness.errors import HarnessError, unknown
from harness.plugin.extensions import lacks, load_extensions
from harness.runner.fork_lane import ForkLane
from harness.runner.lane import Lane

LOCAL = "local"


class Executor(Protocol):
    """Provides lanes. The driver plans, records and judges; it owns no process of a job.

    Attributes:
        name: As `--executor` knows it. It is recorded with the run, and is part of what figures depend on.
    """

    name: str

    def lane(self, preload: Sequence[str]) -> Lane:
        """Return a lane that is not started yet.

        Args:
            preload: Modules that all its jobs will import: worth loading once where processes are forked.
        """
        ...


class LocalExecutor:
    """Fork servers on this machine."""

    name = LOCAL

    def lane(self, preload: Sequence[str]) -> ForkLane:
        """Return a lane of forked children."""
        return ForkLane(preload)


def find_executor(name: str) -> Executor:
    """Return the executor of a name.

    Raises:
        HarnessError: when none is called so; the message has the nearest names, and the extensions that cannot be used.
    """
    known: dict[str, Executor] = {LOCAL: LocalExecutor()}
    extensions = load_extensions()
    for answer in extensions.ask("executors"):
        for executor in answer.members:
            if missing := lacks(executor, ("name", "lane")):
                extensions.refuse(answer.extension, f"executor {missing}; give it")
            elif executor.name in known:
                extensions.refuse(answer.extension, f"executor {executor.name!r} exists already; give it another name")
            else:
                known[executor.name] = executor
    if name in known:
        return known[name]
    broken = [f"extension {extension!r} cannot be used: {reason}" for extension, reason in extensions.errors.items()]
    raise HarnessError("; ".join([str(unknown("executor", name, known)), *broken]))
