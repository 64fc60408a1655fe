"""Examine a plugin: every check of the table, two at a time."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from harness.conformance.finding import Finding, Status, Verdict, fails, holds, not_applicable
from harness.conformance.table import CHECKS, LOADS, Check
from harness.conformance.workers import Examined, NotAskedError, WorkerError, Workers
from harness.errors import unknown
from harness.plugin.card import Scale
from harness.plugin.discovery import Plugin

SCALES = (Scale.SMOKE, Scale.SMALL)
"""Published dimensions are never trained: they are checked on `meta` alone."""


class Examination:
    """The checks of one plugin.

    Args:
        plugin: As it was found; a broken one is examined as far as that goes.
        scale: `smoke` or `small`: at which hooks are called.
        workers: Servers to share; without them the examination starts its own when it is entered.

    Raises:
        HarnessError: for another scale.
    """

    def __init__(self, plugin: Plugin, scale: str = Scale.SMOKE, workers: Workers | None = None) -> None:
        if scale not in SCALES:
            raise unknown("scale of a check", scale, SCALES)
        self.plugin, self._scale, self._workers = plugin, scale, workers
        self._stack = ExitStack()
        self._started: dict[str, Future[Verdict]] = {}
        self._examined: Examined | None = None

    def __enter__(self) -> Self:
        if self._workers is None:
            self._workers = self._stack.enter_context(Workers())
        if not self.plugin.error:
            self._examined = Examined(self.plugin, self._scale, self._workers)
        self._pool = self._stack.enter_context(ThreadPoolExecutor(len(self._workers.lanes)))
        self._stack.callback(self._pool.shutdown, wait=True, cancel_futures=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stack.close()

    def findings(self) -> Iterator[Finding]:
        """Yield a finding a check, in the order of the table, each as soon as it is known."""
        for check in CHECKS:
            self.start(check)
        for check in CHECKS:
            yield self.finding(check)

    def start(self, check: Check) -> None:
        """Let a check begin without waiting for its end."""
        if check.name not in self._started:
            self._started[check.name] = self._pool.submit(self._verdict, check)

    def finding(self, check: Check) -> Finding:
        """Return what a check found, once it has ended."""
        self.start(check)
        verdict = self._started[check.name].result()
        how = verdict.how or check.how
        return Finding(check.name, verdict.status, verdict.what, check.why, how if verdict.status in (Status.FAIL, Status.NOTE) else "")

    def _verdict(self, check: Check) -> Verdict:
        if check is LOADS:
            return fails(self.plugin.error) if self.plugin.error else holds(self.plugin.source.origin)
        if self._examined is None:
            return not_applicable("the plugin cannot be loaded")
        try:
            return check.judge(self._examined)
        except NotAskedError as reason:
            return not_applicable(str(reason))
        except WorkerError as error:
            return fails(str(error))
