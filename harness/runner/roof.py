"""What a device can do at best, measured before anything is timed: the roof of a roofline chart."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

from harness.runner.case import Status
from harness.runner.job import take_device, write_outcome
from harness.runner.lane import Lane

PEAK_FLOPS, PEAK_BANDWIDTH = "peak_flops", "peak_bandwidth"
"""Facts of a run's environment: float32 operations a second of a large matrix product, bytes a second of a large copy."""
_SIDE = {"cpu": 1024, "cuda": 8192}
"""Rows of a square product that keeps every unit busy: 2 and 1,100 billion operations."""
_COPIED_BYTES = {"cpu": 2**27, "cuda": 2**30}
"""Larger than any last-level cache."""
_TRIES = 12
"""The fastest of so many counts: a roof is what can be reached."""
_LIMIT_S = 60.0
_MEMORY_BYTES = 4 * 2**30


@dataclass(frozen=True)
class RoofJob:
    """The measurement as a job of a lane.

    Attributes:
        device: `cpu` or `cuda:n`.
        threads: Threads that torch may use.
    """

    entry: ClassVar[str] = __name__

    device: str
    threads: int

    def to_json(self) -> str:
        """Return the job as JSON."""
        return json.dumps(asdict(self))


def measure_roof(lane: Lane, device: str, threads: int) -> dict[str, str]:
    """Return the two facts; nothing where the device could not show them."""
    outcome = lane.run(RoofJob(device, threads), _LIMIT_S, _MEMORY_BYTES)
    if outcome.status != Status.OK or outcome.observation is None:
        return {}
    return {name: f"{value:.4g}" for name, value in outcome.observation.items()}


def execute(text: str, result: Path) -> None:
    """Measure in a worker and write the outcome to `result`."""
    job = RoofJob(**json.loads(text))
    write_outcome(lambda: {"observation": _peaks(job)}, __name__, result)


def _peaks(job: RoofJob) -> Mapping[str, float]:
    import torch

    take_device(job.device)
    torch.set_num_threads(job.threads)
    kind = job.device.partition(":")[0]
    side, size = _SIDE[kind], _COPIED_BYTES[kind]
    left = torch.full((side, side), 0.5, device=job.device)
    product, copied = torch.empty_like(left), torch.ones(size // 4, device=job.device)
    target = torch.empty_like(copied)
    return {
        PEAK_FLOPS: 2 * side**3 / _fastest_s(lambda: torch.mm(left, left, out=product), job.device),
        PEAK_BANDWIDTH: 2 * size / _fastest_s(lambda: target.copy_(copied), job.device),
    }


def _fastest_s(run: Callable[[], Any], device: str) -> float:
    from harness.meters.timers import timer_for
    from harness.meters.workbench import Subject
    from harness.plugin.values import Data, Work

    timer, subject = timer_for(device), Subject("roof", None, Data(()), Work(run), gradients=False)
    return min(timer.block(subject, 1).seconds for _ in range(_TRIES))
