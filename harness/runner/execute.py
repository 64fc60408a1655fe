"""Execute one case: its repetitions in fresh processes, then its meter's summary."""

from __future__ import annotations

import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from harness.meters.base import Effort, Observation, Readings
from harness.meters.registry import METERS
from harness.plugin.card import Scale
from harness.runner.case import Case, Status
from harness.runner.job import Job
from harness.runner.lane import Lane, Outcome
from harness.runner.plan import Planned
from harness.targets import Target

MEASURING_S = {Scale.SMOKE: 0.1, Scale.SMALL: 0.5, Scale.PAPER: 1.0}
"""Measuring seconds a variant and process. The interval is over processes, so more samples within one soon stop narrowing it."""


@dataclass(frozen=True)
class Limits:
    """What a case may use.

    Attributes:
        timeout_s: Wall time of all its repetitions together.
        memory_bytes: Private memory of each of its processes.
        threads: Threads that torch may use.
    """

    timeout_s: float
    memory_bytes: int
    threads: int


@dataclass(frozen=True)
class CaseResult:
    """How a case ended, and what it gave."""

    case: Case
    status: Status
    message: str = ""
    traceback: str = ""
    readings: Readings = field(default_factory=lambda: Readings(()))
    seconds: float = 0.0
    repetitions: int = 0
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    reused_from: str = ""


def run_case(planned: Planned, target: Target, lanes: Sequence[Lane], limits: Limits) -> CaseResult:
    """Run every repetition of a case, each in a fresh process of another lane, and summarize them.

    The first repetition that does not end well ends the case with its status: figures from the rest would hide it.
    """
    case, meter = planned.case, METERS[planned.case.meter]
    started_at, start = datetime.now(UTC), time.monotonic()
    observations: list[Observation] = []
    status, message, trace, readings = Status.OK, "", "", Readings(())
    for repetition in range(meter.repetitions(case.scale)):
        left_s = limits.timeout_s - (time.monotonic() - start)
        outcome = lanes[repetition % len(lanes)].run(_job(planned, target, limits, repetition), max(left_s, 0.0), limits.memory_bytes)
        if outcome.status != Status.OK:
            status, message, trace = outcome.status, outcome.message, outcome.traceback
            break
        observations.append(_seen(outcome))
        if stopped := meter.enough(case.scale, observations, time.monotonic() - start):
            observations[-1] = {**observations[-1], "stopped": stopped}
            break
    if status == Status.OK:
        try:
            readings = meter.summarize(observations)
        except Exception as error:
            status, message, trace = Status.FAILED, f"{meter.name} could not be summarized: {error}", traceback.format_exc()
    return CaseResult(case, status, message, trace, readings, time.monotonic() - start, len(observations), started_at)


def _job(planned: Planned, target: Target, limits: Limits, repetition: int) -> Job:
    scale = Scale(planned.case.scale)
    effort = Effort(repetition, MEASURING_S[scale], scale == Scale.SMOKE)
    device = "meta" if planned.case.meter == "flops" and scale == Scale.PAPER else target.torch_device
    return Job(planned.plugin.source, planned.case, effort, device, limits.threads, seed=0)


def _seen(outcome: Outcome) -> Observation:
    return {**(outcome.observation or {}), "peak_rss_bytes": outcome.peak_rss_bytes, "threads": outcome.threads, "stopped": ""}
