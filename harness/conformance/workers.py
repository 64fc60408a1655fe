"""The processes in which plugins are checked: two fork servers, started apart, shared by the checks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar

from harness.conformance.job import CheckJob
from harness.plugin.discovery import Plugin
from harness.runner.case import Status
from harness.runner.execute import default_memory_bytes
from harness.runner.fork_lane import ForkLane
from harness.runner.lane import Outcome, Work

T = TypeVar("T")

TIMEOUT_S = 300.0
"""A question of smoke scale takes seconds; on a loaded machine, minutes."""
_PRELOAD = ("torch._dynamo", "torch.export")
"""What operators on `meta` and exporting import: seconds in every process that does either."""
_SERVERS = 2
"""Servers started apart differ in address layout and hash seed: what depends on either shows in no single one."""


class WorkerError(Exception):
    """A question had no answer: the plugin raised, hung, crashed or ran out of memory."""


class NotAskedError(Exception):
    """A question has no meaning for this plugin."""


class Workers:
    """Fork servers that answer questions about plugins; one at a time each, whatever the number of threads that ask."""

    def __init__(self) -> None:
        self.lanes = [ForkLane(_PRELOAD) for _ in range(_SERVERS)]
        self._free = [threading.Lock() for _ in self.lanes]
        self._next = 0

    def __enter__(self) -> Self:
        for lane in self.lanes:
            lane.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for lane in self.lanes:
            lane.close()

    def run(self, work: Work, server: int | None = None) -> Outcome:
        """Run `work` in a fresh process of a server: the given one, or whichever is free."""
        index = self._take() if server is None else server
        if server is not None:
            self._free[index].acquire()
        try:
            return self.lanes[index].run(work, TIMEOUT_S, default_memory_bytes())
        finally:
            self._free[index].release()

    def _take(self) -> int:
        for index, lock in enumerate(self._free):
            if lock.acquire(blocking=False):
                return index
        self._next = (self._next + 1) % len(self._free)
        index = self._next
        self._free[index].acquire()
        return index


class Examined:
    """A plugin under examination, as its checks see it in the driver: the card, and what workers say of the rest."""

    def __init__(self, plugin: Plugin, scale: str, workers: Workers) -> None:
        self.plugin, self.card, self.scale, self.workers = plugin, plugin.card, scale, workers
        self._known: dict[Callable[[Examined], Any], Any] = {}
        self._knowing = threading.Lock()

    def once(self, find_out: Callable[[Examined], T]) -> T:
        """Return what `find_out` says of this plugin; several checks may need it, and it is found out once."""
        with self._knowing:
            if find_out not in self._known:
                self._known[find_out] = find_out(self)
            found: T = self._known[find_out]
            return found

    def ask(self, function: str, server: int | None = None, **arguments: Any) -> Mapping[str, Any]:
        """Call `module:function` of this package in a fresh process and return what it says.

        Raises:
            WorkerError: when the plugin did not let it come to an end.
            NotAskedError: when the function found that it has no meaning here.
        """
        outcome = self.workers.run(CheckJob(self.plugin.source, function, self.scale, arguments), server)
        if outcome.status == Status.SKIPPED:
            raise NotAskedError(outcome.message)
        if outcome.status != Status.OK:
            raise WorkerError(f"{outcome.status}: {outcome.message}" if outcome.status != Status.FAILED else outcome.message)
        return outcome.observation or {}

    def ask_apart(self, function: str, **arguments: Any) -> list[Mapping[str, Any]]:
        """Ask the same of processes of servers that were started apart."""
        return [self.ask(function, server, **arguments) for server in range(_SERVERS)]
