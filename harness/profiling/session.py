"""Fork servers and a payload, for as long as callables are being measured."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from harness.errors import HarnessError
from harness.meters.base import Effort, Meter
from harness.plugin.card import Scale
from harness.profiling.payload import CallJob, pack
from harness.runner.execute import Limits, Observed, default_memory_bytes, observe
from harness.runner.fork_lane import ForkLane
from harness.runner.lane import Lane, wait_for
from harness.targets import find_target

SCALE = Scale.SMALL
"""Callables are measured with the effort of an honest experiment."""
MEASURING_S = 0.5
"""Measuring seconds a callable and process: more than a case of a run has, which is one of hundreds."""
LANES = 4
"""Processes come in turn from this many fork servers that were started apart, each with an address-space layout of its own."""
TIMEOUT_S = 600.0
"""For all processes of one meter."""
_GIB = 2**30


class ProfileError(HarnessError):
    """What was given cannot be measured; no part of a profile is returned."""


@dataclass(frozen=True)
class Session:
    """Callables, packed, and the servers that will run them."""

    job: CallJob
    lanes: Sequence[Lane]
    limits: Limits

    def observe(self, meter: Meter) -> Observed:
        """Observe the callables with one meter, each repetition in a fresh process."""
        return observe(meter, SCALE, lambda i: self.job.at(meter.name, Effort(i, MEASURING_S)), self.lanes, self.limits)


@contextmanager
def open_session(
    functions: Mapping[str, Callable[..., Any]],
    inputs: Sequence[Any],
    device: str,
    items: float | None,
    threads: int | None,
    gradients: bool,
    mode: str,
    memory_limit_gib: float | None,
) -> Iterator[Session]:
    """Pack callables and start fork servers; everything is gone afterwards.

    Raises:
        HarnessError: when something cannot be sent to another process.
    """
    target = find_target(device)
    count = threads or len(os.sched_getaffinity(0))
    memory_bytes = default_memory_bytes() if memory_limit_gib is None else int(memory_limit_gib * _GIB)
    with tempfile.TemporaryDirectory(prefix="harness-profile-") as folder:
        payload = pack(functions, inputs, folder)
        path = tuple(os.path.abspath(p) for p in sys.path)  # noqa: PTH100  "" is the current folder
        job = CallJob(payload, "", tuple(functions), Effort(), target.torch_device, count, items, gradients, mode, path)
        lanes = [ForkLane() for _ in range(LANES)]
        try:
            wait_for(lanes)
            yield Session(job, lanes, Limits(TIMEOUT_S, memory_bytes, count))
        finally:
            for lane in lanes:
                lane.close()
