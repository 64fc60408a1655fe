"""What a worker does for `profile` and `compare`: check the callables, then let a meter observe them. Runs in a forked process."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from harness.meters.registry import METERS
from harness.profiling.payload import CallBench, CallJob
from harness.runner.job import take_device, write_outcome

CHECKED_CALLS = 3
"""Callables are called this often before anything is measured: caches and counters that break a later call show."""


class CallError(Exception):
    """A callable that cannot be measured."""


def execute(job_text: str, result: Path) -> None:
    """Run a job and write its outcome to `result`."""
    job = CallJob.from_json(job_text)
    write_outcome(lambda: observe(job), job.payload, result)


def observe(job: CallJob) -> Mapping[str, Any]:
    """Lay the callables on a bench and let the meter observe them."""
    take_device(job.device)
    torch.set_num_threads(job.threads)
    bench = CallBench.unpack(job)
    if job.effort.repetition == 0:
        for name in job.names:
            check(bench, name)
    seen = METERS[job.meter].observe(bench, job.names, "infer", job.effort)
    return {"observation": seen, "threads": torch.get_num_threads()}


def check(bench: CallBench, name: str) -> None:
    """Call a few times and refuse what cannot be measured.

    Raises:
        CallError: when a call raises, returns nothing, or changes its inputs; names the callable, the call and the cure.
        MemoryError: passed on as it is.
    """
    subject = bench.subject("infer", name)
    before = _fingerprints(bench.inputs)
    for number in range(1, CHECKED_CALLS + 1):
        with subject.guarded():
            result = _call(subject.work.run, name, number)
        if result is None:
            raise CallError(f"{name!r} returned nothing; return what it computes, so that it is known to have been computed")
    for index, (old, new) in enumerate(zip(before, _fingerprints(bench.inputs), strict=True)):
        if old != new:
            raise CallError(f"{name!r} changes its inputs (tensor {index}): every call would measure something else; copy them first")


def _call(run: Any, name: str, number: int) -> Any:
    try:
        return run()
    except Exception as error:
        text = str(error)
        if isinstance(error, MemoryError) or "can't allocate memory" in text:
            raise
        gradient = "does not require grad" in text or "Inference tensors" in text
        hint = "; it differentiates: give gradients=True" if gradient else ""
        raise CallError(f"{name!r} raised in call {number}: {type(error).__name__}: {text}{hint}") from error


def _fingerprints(inputs: Any) -> list[tuple[int, float]]:
    """Return each tensor's version counter and a checksum: either shows a change."""
    from harness.sources.allocator import tensors_of

    return [(t._version, float(t.detach().double().sum().item()) if t.numel() and not t.is_complex() else 0.0) for t in tensors_of(inputs)]
