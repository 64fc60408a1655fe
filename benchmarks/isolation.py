"""What does a process of its own cost a case?"""

from __future__ import annotations

import json
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from benchmarks.empty_case import EmptyCase, execute
from benchmarks.fresh import ROOT
from benchmarks.section import Extent, Goal, Section, Table
from harness.runner.case import Status
from harness.runner.fork_lane import ForkLane
from harness.stats.estimate import Estimate
from harness.stats.location import median_estimate
from harness.stats.ratio import ratio_of

TITLE = "Cost of isolation per case"
TIMES_CHEAPER = 25.0
SPAWNS, FORKS_A_SPAWN = 20, 5
QUICK_SPAWNS = 3
_GIB = 2**30

_METHOD = (
    "An empty case (import torch, add two numbers, write the result) from asking for it to having its result: in a forked child"
    " of a warm fork server, as every case runs, and in a process of `multiprocessing`'s spawn method. {forks} of the one and"
    " {spawns} of the other, in turn; medians with 95% intervals."
)


def run(extent: Extent) -> Section:
    """Time both in turn, and the start of the server once."""
    spawns = QUICK_SPAWNS if extent.quick else SPAWNS
    forked, spawned = [], []
    with _reachable(), tempfile.TemporaryDirectory() as folder:
        lane = ForkLane()
        try:
            first_s = _seconds(lambda: _fork(lane))
            for i in range(spawns):
                forked += [_seconds(lambda: _fork(lane)) for _ in range(FORKS_A_SPAWN)]
                spawned.append(_seconds(partial(_spawn, Path(folder) / f"{i}.json")))
        finally:
            lane.close()
    fork, spawn = median_estimate(forked, independent=True), median_estimate(spawned, independent=True)
    table = Table(
        ["a case in", "time", "95% interval"],
        [
            ["a forked child of a warm server", *_milliseconds(fork)],
            ["a spawned process", *_milliseconds(spawn)],
            ["(starting the server, once a run and lane)", f"{first_s * 1e3:.0f} ms", ""],
        ],
    )
    return Section(TITLE, _METHOD.format(forks=len(forked), spawns=len(spawned)), [table], [judge(fork, spawn)])


def judge(fork: Estimate, spawn: Estimate) -> Goal:
    """Hold the ratio of medians against the goal."""
    ratio = ratio_of(spawn, fork)
    low, high = ratio.bounds
    figure = f"{ratio.value:.0f} times" + (f" ({low:.0f} to {high:.0f})" if ratio.has_interval else "")
    return Goal(f"at least {TIMES_CHEAPER:g} times cheaper than a spawned process", ratio.value >= TIMES_CHEAPER, figure)


def _fork(lane: ForkLane) -> None:
    outcome = lane.run(EmptyCase(), 120.0, 4 * _GIB)
    if outcome.status != Status.OK:
        raise RuntimeError(f"the empty case ended as {outcome.status}: {outcome.message} {outcome.traceback}")


def _spawn(result: Path) -> None:
    process = multiprocessing.get_context("spawn").Process(target=execute, args=("{}", result))
    process.start()
    process.join()
    json.loads(result.read_text())


def _seconds(work: Callable[[], None]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


@contextmanager
def _reachable() -> Iterator[None]:
    """Let the server's children import this folder, wherever the driver was started."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), before]))
    try:
        yield
    finally:
        os.environ.pop("PYTHONPATH")
        if before is not None:
            os.environ["PYTHONPATH"] = before


def _milliseconds(estimate: Estimate) -> tuple[str, str]:
    low, high = estimate.bounds
    return f"{estimate.value * 1e3:.1f} ms", f"{low * 1e3:.1f} to {high * 1e3:.1f} ms" if estimate.has_interval else "none"
