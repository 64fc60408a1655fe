"""What a worker does: load one plugin, let one meter observe it, write down what it saw. Runs in a forked process."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

from harness.meters.base import Effort, NotMeasurableError, Observation
from harness.plugin.discovery import Source, load
from harness.plugin.faults import explain
from harness.runner.case import NATIVE, Case, Status
from harness.targets import Target, TargetKind, check_in_worker


@dataclass(frozen=True)
class Job:
    """One repetition of one case, as plain data.

    Attributes:
        source: Where the plugin is imported from.
        case: What is measured.
        effort: Which repetition, and how much of it.
        device: The torch device of the case's target.
        threads: Threads that torch may use.
        seed: Given to every hook.
        weights: Folder in which trained weights are shared between jobs; empty: the one that all runs of the machine share.
        code: Hash of the plugin's source: reading it once spares every job a tenth of a second.
    """

    entry: ClassVar[str] = __name__

    source: Source
    case: Case
    effort: Effort
    device: str
    threads: int
    seed: int
    weights: str = ""
    code: str = ""

    def to_json(self) -> str:
        """Return the job as JSON."""
        plain = asdict(self) | {"case": {**vars(self.case), "params": dict(self.case.params)}}
        return json.dumps(plain)

    @classmethod
    def from_json(cls, text: str) -> Job:
        """Return the job that `to_json` wrote."""
        plain: dict[str, Any] = json.loads(text)
        case = plain["case"] | {"variants": tuple(plain["case"]["variants"])}
        return cls(
            Source(**plain["source"]),
            Case(**case),
            Effort(**plain["effort"]),
            plain["device"],
            plain["threads"],
            plain["seed"],
            plain["weights"],
            plain["code"],
        )


def execute(job_text: str, result: Path) -> None:
    """Run a job and write its outcome to `result`, whatever happens."""
    job = Job.from_json(job_text)
    write_outcome(lambda: observe(job), job.source.path or job.source.module, result)


def write_outcome(work: Callable[[], Mapping[str, Any]], origin: str, result: Path) -> None:
    """Do `work` and write `{"status", "message", "traceback", ...what it returned}` to `result`.

    Args:
        work: Observes something.
        origin: Whose code it runs, so that a message can point into it.
        result: A file that appears only when it is whole.
    """
    try:
        outcome = {"status": Status.OK, "message": "", "traceback": "", **work()}
    except NotMeasurableError as error:
        outcome = {"status": Status.SKIPPED, "message": str(error), "traceback": ""}
    except Exception as error:
        message, trace = explain(error, origin)
        outcome = {"status": _status(error), "message": message, "traceback": trace}
    temporary = result.with_suffix(".tmp")
    temporary.write_text(json.dumps(outcome))
    temporary.replace(result)


def observe(job: Job) -> Mapping[str, Any]:
    """Build the paper's bench and let the case's meter observe it."""
    import torch

    from harness.meters.registry import METERS
    from harness.meters.weights import default_folder
    from harness.meters.workbench import Workbench

    take_device(job.device)
    torch.set_num_threads(job.threads)
    plugin = load(job.source)
    dtype = None if job.case.dtype == NATIVE else getattr(torch, job.case.dtype)
    kept = Path(job.weights) if job.weights else default_folder()
    bench = Workbench(plugin, job.case.scale, job.case.params, job.seed, job.device, dtype, job.case.mode, kept, job.code)
    observation: Observation = METERS[job.case.meter].observe(bench, job.case.variants, job.case.workload, job.effort)
    return {"observation": observation, "threads": torch.get_num_threads(), "inputs": bench.inputs}


def take_device(device: str) -> None:
    """Hold what NVML said of a GPU in the driver against torch, and make it the one that events and synchronisation without a device mean.

    Raises:
        NothingToMeasureError: when torch cannot use it.
    """
    if device.startswith(TargetKind.CUDA):
        import torch

        check_in_worker(Target(device, TargetKind.CUDA, device))
        torch.cuda.set_device(device)


def _status(error: Exception) -> Status:
    """Tell running out of memory from every other failure; torch raises a plain RuntimeError for it on the CPU."""
    text = str(error)
    starved = isinstance(error, MemoryError) or "can't allocate memory" in text or type(error).__name__ == "OutOfMemoryError"
    return Status.OUT_OF_MEMORY if starved else Status.FAILED
