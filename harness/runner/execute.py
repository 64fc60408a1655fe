"""Execute one case: its repetitions in fresh processes, then its meter's summary."""

from __future__ import annotations

import os
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from harness.claims.sizes import META
from harness.meters.base import Effort, Meter, Observation, Readings
from harness.meters.registry import METERS
from harness.plugin.card import Scale
from harness.plugin.home import home_of, source_hash
from harness.runner.case import Case, Status
from harness.runner.job import Job
from harness.runner.lane import Lane, Outcome, Work
from harness.runner.plan import Planned
from harness.targets import Target

MEASURING_S = {Scale.SMOKE: 0.03, Scale.SMALL: 0.25, Scale.PAPER: 1.0}
"""Measuring seconds a variant and process. The interval is over processes, so more samples within one soon stop narrowing it."""


MEMORY_SHARE = 0.8


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


def default_memory_bytes() -> int:
    """Return what a process may allocate when nobody says: past it the kernel would begin to end other programs."""
    return int(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") * MEMORY_SHARE)


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
    threads: int = 0
    inputs: str = ""
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    reused_from: str = ""


@dataclass(frozen=True)
class Observed:
    """What the repetitions of one meter saw, or how the first that did not end well ended."""

    status: Status
    message: str
    traceback: str
    observations: Sequence[Observation]


def observe(meter: Meter, scale: str, job: Callable[[int], Work], lanes: Sequence[Lane], limits: Limits) -> Observed:
    """Run repetitions, each in a fresh process of another lane, until the meter has enough.

    The first repetition that does not end well ends them all: figures from the rest would hide it.
    """
    start, observations = time.monotonic(), list[Observation]()
    for repetition in range(meter.repetitions(scale)):
        left_s = max(limits.timeout_s - (time.monotonic() - start), 0.0)
        outcome = lanes[repetition % len(lanes)].run(job(repetition), left_s, limits.memory_bytes)
        if outcome.status != Status.OK:
            return Observed(outcome.status, outcome.message, outcome.traceback, observations)
        observations.append(_seen(outcome))
        if stopped := meter.enough(scale, observations, time.monotonic() - start):
            observations[-1] = {**observations[-1], "stopped": stopped}
            break
    return Observed(Status.OK, "", "", observations)


def run_case(planned: Planned, target: Target, lanes: Sequence[Lane], limits: Limits, weights: str = "") -> CaseResult:
    """Run every repetition of a case and summarize them.

    Args:
        planned: The case.
        target: Where it runs.
        lanes: One for each repetition that is to come from a process started apart.
        limits: What it may use.
        weights: Folder in which it shares trained weights; empty: the one that all runs of the machine share.
    """
    case, meter = planned.case, METERS[planned.case.meter]
    started_at, start = datetime.now(UTC), time.monotonic()
    seen = observe(meter, case.scale, lambda repetition: _job(planned, target, limits, repetition, weights), lanes, limits)
    status, message, trace, readings = seen.status, seen.message, seen.traceback, Readings(())
    if status == Status.OK:
        try:
            readings = meter.summarize(seen.observations)
        except Exception as error:
            status, message, trace = Status.FAILED, f"{meter.name} could not be summarized: {error}", traceback.format_exc()
    threads, inputs = _told(seen.observations)
    if len(inputs) > 1 and not message:
        message = "the inputs are others in each process; make data of split 'profile' deterministic in the seed"
    took_s, count = time.monotonic() - start, len(seen.observations)
    return CaseResult(case, status, message, trace, readings, took_s, count, threads, ",".join(sorted(inputs)), started_at)


def _told(observations: Sequence[Observation]) -> tuple[int, set[str]]:
    """Return how many threads the processes used, and what their inputs were, if they had any."""
    return max((int(o["threads"]) for o in observations), default=0), {o["inputs"] for o in observations} - {""}


def is_built_on_meta(case: Case) -> bool:
    """Say whether a case's models are built without memory: nothing of published dimensions is counted on a real device."""
    return case.meter == "flops" and case.scale == Scale.PAPER


def _job(planned: Planned, target: Target, limits: Limits, repetition: int, weights: str) -> Job:
    scale = Scale(planned.case.scale)
    effort = Effort(repetition, MEASURING_S[scale], scale == Scale.SMOKE)
    device = META if is_built_on_meta(planned.case) else target.torch_device
    home = home_of(planned.plugin.source)
    return Job(planned.plugin.source, planned.case, effort, device, limits.threads, 0, weights, source_hash(home) if home else "")


def _seen(outcome: Outcome) -> Observation:
    told = {"peak_rss_bytes": outcome.peak_rss_bytes, "threads": outcome.threads, "inputs": outcome.inputs, "stopped": ""}
    return {**(outcome.observation or {}), **told}
