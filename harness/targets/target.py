"""A place where cases run, and how it is found by name."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from importlib import metadata

from harness.errors import HarnessError, NothingToMeasureError, unknown
from harness.sources import cpu
from harness.sources.availability import SourceError
from harness.sources.cuda_devices import CudaDevice, visible
from harness.sources.nvml import Nvml, load

CUDA_NAME = re.compile(r"cuda(?::(?P<ordinal>\d+))?")
CPU_BUILD = "+cpu"


class TargetKind(StrEnum):
    """What kind of place a target is."""

    CPU = "cpu"
    CUDA = "cuda"


@dataclass(frozen=True)
class Target:
    """Where a case runs.

    Attributes:
        name: As the user writes it and the store keeps it: `cpu`, `cuda:0`.
        kind: What kind of place it is.
        torch_device: What torch calls it there.
        description: The processor's or the board's name.
    """

    name: str
    kind: TargetKind
    torch_device: str
    description: str = field(default="", compare=False)


def find_target(name: str, loader: Callable[[], Nvml] = load) -> Target:
    """Return the target of a name; `cuda` is `cuda:0`. Never another one in its place.

    Raises:
        HarnessError: when no target is called so; the message has the nearest names.
        NothingToMeasureError: when the name is right and this machine has no such device.
    """
    if name == TargetKind.CPU:
        return _cpu()
    match = CUDA_NAME.fullmatch(name)
    if match is None:
        raise unknown("device", name, {TargetKind.CPU, TargetKind.CUDA, *(t.name for t in list_targets(loader))})
    ordinal = int(match["ordinal"] or 0)
    shown = _cuda_devices(name, loader)
    if ordinal >= len(shown):
        have = ", ".join(f"cuda:{device.ordinal}" for device in shown)
        raise NothingToMeasureError(f"no device {name!r} here; CUDA shows {have or 'none: CUDA_VISIBLE_DEVICES hides every GPU'}")
    return _cuda(shown[ordinal])


def list_targets(loader: Callable[[], Nvml] = load) -> list[Target]:
    """Return the targets that this machine has: always the CPU, then each GPU that CUDA shows; `why_no_cuda` says why there is none."""
    try:
        return [_cpu(), *map(_cuda, _cuda_devices("cuda", loader))]
    except HarnessError:
        return [_cpu()]


def why_no_cuda(loader: Callable[[], Nvml] = load) -> str:
    """Return why there is no GPU to measure on, and what to do; empty where there is one."""
    try:
        find_target(TargetKind.CUDA, loader)
    except HarnessError as error:
        return str(error)
    return ""


def check_in_worker(target: Target) -> None:
    """Hold what NVML said in the driver against torch, in a process that may load it.

    Raises:
        NothingToMeasureError: when torch cannot use the device.
    """
    if target.kind is not TargetKind.CUDA:
        return
    import torch

    if not torch.cuda.is_available():
        reason = "was built without CUDA" if torch.version.cuda is None else f"finds no working driver for CUDA {torch.version.cuda}"
        raise NothingToMeasureError(f"no device {target.name!r} for torch: torch {torch.__version__} {reason}")
    ordinal = int(target.torch_device.removeprefix("cuda:"))
    if ordinal >= torch.cuda.device_count():
        raise NothingToMeasureError(f"no device {target.name!r} for torch: it sees {torch.cuda.device_count()} GPUs")


def _cpu() -> Target:
    return Target("cpu", TargetKind.CPU, "cpu", cpu.model())


def _cuda(device: CudaDevice) -> Target:
    part = " (MIG instance)" if device.mig_uuid else ""
    name = f"cuda:{device.ordinal}"
    return Target(name, TargetKind.CUDA, name, device.physical.name + part)


def _cuda_devices(name: str, loader: Callable[[], Nvml]) -> list[CudaDevice]:
    """Return the GPUs that CUDA shows, from NVML and the environment: without torch.

    Raises:
        NothingToMeasureError: when there is no driver, or torch was built without CUDA.
        HarnessError: when the environment does not say which GPU is which.
    """
    try:
        shown = visible(loader().devices())
    except SourceError as error:
        raise NothingToMeasureError(f"no device {name!r} here: {error}") from error
    version = metadata.version("torch")
    if version.endswith(CPU_BUILD):
        mend = "install one with CUDA from pytorch.org"
        raise NothingToMeasureError(f"no device {name!r} here: torch {version} was built without CUDA; {mend}")
    return shown
