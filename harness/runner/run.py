"""A run from plan to journal."""

from __future__ import annotations

import inspect
import json
import os
import secrets
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from harness.meters.registry import METERS, brought_meters
from harness.plugin.discovery import Plugin
from harness.plugin.events import RunEnded
from harness.plugin.home import source_hash
from harness.plugin.serial import card_to_dict
from harness.runner.case import Status
from harness.runner.content import content_key
from harness.runner.execute import CaseResult, Limits, run_case
from harness.runner.executor import Executor, LocalExecutor
from harness.runner.interruption import interruption
from harness.runner.lane import Lane, wait_for
from harness.runner.observers import Observers
from harness.runner.plan import Planned, take_next
from harness.runner.progress import RunProgress
from harness.runner.roof import measure_roof
from harness.runner.rows import Rows, case_rows, reused_rows
from harness.sources.cooling import cool_down
from harness.store import Store
from harness.targets import Target

_PRELOADED = ("harness.runner.preload",)


def new_run_id() -> str:
    """Return a name for a run that sorts by time: `20261121-090500-3fa1`."""
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


@dataclass(frozen=True)
class Tally:
    """How many cases of a run ended how."""

    cases: Mapping[str, int]
    reused: int
    broken: int

    @property
    def bad(self) -> bool:
        """Say whether any case or plugin did not do what it should."""
        return self.broken > 0 or any(self.cases.get(s, 0) for s in ("failed", "crashed", "timeout", "out_of_memory"))


class Run:
    """One run into one store.

    Args:
        run_id: Its name; an existing one is resumed.
        store: Prepared for writing.
        target: Where the cases run.
        limits: What each case may use.
        environment: Facts of the machine and software.
        fresh: Measure even what the store already has under the same content key, and train anew, once.
        executor: Who runs the jobs; fork servers on this machine where none is given.
    """

    def __init__(
        self,
        run_id: str,
        store: Store,
        target: Target,
        limits: Limits,
        environment: Mapping[str, str],
        fresh: bool = False,
        executor: Executor | None = None,
    ) -> None:
        self.run_id = run_id
        self._store, self._target, self._limits, self._environment, self._fresh = store, target, limits, environment, fresh
        self._executor = executor or LocalExecutor()
        self._tally: Counter[str] = Counter()
        self._reused = 0
        self._observers = Observers(run_id)

    def begin(self, plugins: Sequence[Plugin], planned: Sequence[Planned], options: Mapping[str, Any]) -> None:
        """Record cards, environment, options and plan, before the first case."""
        rows = [
            {
                "paper": p.slug,
                "card": _card_json(p),
                "origin": _origin(p),
                "status": p.status,
                "message": p.error,
                "traceback": p.traceback,
            }
            for p in plugins
        ]
        self._store.write("papers", self.run_id, "papers", rows)
        self._write_facts("environment", self._environment)
        self._store.begin(self.run_id, options, [p.case.case_id for p in planned])

    def _write_facts(self, part: str, facts: Mapping[str, str]) -> None:
        if facts:
            self._store.write("environments", self.run_id, part, [{"key": k, "value": v} for k, v in facts.items()])

    def execute(self, plugins: Sequence[Plugin], planned: Sequence[Planned], progress: RunProgress) -> Tally:
        """Run every planned case that has not ended yet, and seal the run.

        Raises:
            KeyboardInterrupt: after the cases in flight have been stopped; what had ended is kept, and the run can be resumed.
        """
        # A fresh run shares weights only with itself, and leaves none behind.
        own = TemporaryDirectory(prefix="harness-weights-") if self._fresh else nullcontext("")
        with interruption() as self._interruption, own as self._weights:
            return self._execute(plugins, planned, progress)

    def _execute(self, plugins: Sequence[Plugin], planned: Sequence[Planned], progress: RunProgress) -> Tally:
        self._observers.report_broken(progress.note)
        left = self._left(planned, progress)
        bare = [p for p in left if METERS[p.case.meter].bare]
        alone = [p for p in left if METERS[p.case.meter].exclusive]
        shared = [p for p in left if p not in bare and p not in alone]
        with self._started(min(_cores(), len(bare))) as lanes:
            self._run_shared(bare, lanes, progress)
        with self._started(max([min(_cores(), len(shared)), *map(_repetitions, alone)], default=0), _PRELOADED) as lanes:
            self._run_shared(shared, lanes, progress)
            wait_for(lanes)
            if alone:
                self._write_facts("roof", measure_roof(lanes[0], self._target.torch_device, self._limits.threads))
            for item in alone:
                progress.running(item.case.title)
                cool_down(self._target.torch_device)
                self._ended(item, self._run(item, lanes, self._limits), progress)
        self._store.finish(self.run_id)
        tally = Tally(dict(self._tally), self._reused, sum(1 for p in plugins if p.error))
        self._observers.run_ended(RunEnded(self.run_id, tally.cases, tally.reused, tally.broken), progress.note)
        return tally

    def _left(self, planned: Sequence[Planned], progress: RunProgress) -> list[Planned]:
        """Return the cases that must run: not those that ended before, nor those whose figures an earlier run has."""
        done = self._store.finished_cases(self.run_id)
        keys = {} if self._fresh else {self._key(p): p for p in planned if p.case.case_id not in done}
        known = self._store.measured(keys)
        for run_id in sorted({run for run, _ in known.values()}):
            cases = {case_id: keys[key] for key, (run, case_id) in known.items() if run == run_id}
            for case_id, tables in self._store.case_tables(run_id, cases).items():
                self._reuse(cases[case_id], run_id, tables, progress)
                done.add(cases[case_id].case.case_id)
        return [p for p in planned if p.case.case_id not in done]

    def _reuse(self, planned: Planned, run_id: str, tables: Mapping[str, Rows], progress: RunProgress) -> None:
        rows = reused_rows(tables, self.run_id, run_id)
        self._store.write_case(self.run_id, planned.case.case_id, rows)
        self._tally[Status.OK] += 1
        self._reused += 1
        progress.ended(planned.case.title, Status.OK, 0.0, f"reused from {run_id}")
        self._observers.case_ended(rows, progress.note)

    @contextmanager
    def _started(self, count: int, preload: Sequence[str] = ()) -> Iterator[list[Lane]]:
        """Yield lanes that are starting, and end them."""
        lanes = [self._executor.lane(preload) for _ in range(count)]
        try:
            for lane in lanes:
                lane.start()
            yield lanes
        finally:
            for lane in lanes:
                lane.close()

    def _run_shared(self, planned: Sequence[Planned], lanes: Sequence[Lane], progress: RunProgress) -> None:
        """Run cases in which nothing is timed, one on each core, with its share of the threads."""
        if not planned:
            return
        free = list(lanes[: _cores()])
        # Two processes that both use every core wait for each other's threads: many times slower where operators are small.
        limits = replace(self._limits, threads=max(1, self._limits.threads // min(len(free), len(planned))))
        waiting, running = list(planned), dict[Future[CaseResult], tuple[Planned, Lane]]()
        pool = ThreadPoolExecutor(len(free))
        try:
            while waiting or running:
                while waiting and free:
                    item, lane = take_next(waiting, [item.case.paper for item, _ in running.values()]), free.pop()
                    progress.running(item.case.title)
                    running[pool.submit(self._run, item, [lane], limits)] = (item, lane)
                ended, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in ended:
                    item, lane = running.pop(future)
                    free.append(lane)
                    self._ended(item, future.result(), progress)
        except BaseException:
            for _, lane in running.values():
                lane.close()
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _run(self, planned: Planned, lanes: Sequence[Lane], limits: Limits) -> CaseResult:
        if planned.skip:
            return CaseResult(planned.case, Status.SKIPPED, planned.skip)
        return run_case(planned, self._target, lanes, limits, self._weights)

    def _ended(self, planned: Planned, result: CaseResult, progress: RunProgress) -> None:
        rows = case_rows(result, self._key(planned))
        self._store.write_case(self.run_id, result.case.case_id, rows)
        self._tally[result.status] += 1
        progress.ended(result.case.title, result.status, result.seconds, result.message)
        self._observers.case_ended(rows, progress.note)
        self._interruption.check()

    def _key(self, planned: Planned) -> str:
        return content_key(planned.case, planned.plugin, {**self._environment, **_brought_source(planned.case.meter)})


def _brought_source(meter: str) -> dict[str, str]:
    """The source of an extension's meter, so that a meter that has changed measures again; the host's own are part of the host's hash."""
    brought = brought_meters().get(meter)
    return {"meter_source": source_hash(Path(inspect.getfile(type(brought))))} if brought else {}


def _repetitions(planned: Planned) -> int:
    """As many fork servers as a timed case has repetitions, so that each comes from a process started apart."""
    return METERS[planned.case.meter].repetitions(planned.case.scale)


def _cores() -> int:
    return os.cpu_count() or 1


def _card_json(plugin: Plugin) -> str:
    return json.dumps(card_to_dict(plugin.paper)) if plugin.paper else ""


def _origin(plugin: Plugin) -> str:
    """Return where a plugin comes from without a folder of this machine in it."""
    return os.path.basename(plugin.source.path) if plugin.source.path else plugin.source.origin  # noqa: PTH119
