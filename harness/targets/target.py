"""A place where cases run, and how it is found by name."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from importlib import metadata

from harness.errors import HarnessError, NothingToMeasureError, unknown
from harness.plugin.extensions import load_extensions
from harness.sources import cpu
from harness.sources.availability import SourceError
from harness.sources.cuda_devices import CudaDevice, visible
from harness.sources.nvml import Nvml, load

CUDA_NAME = re.compile(r"cuda(?::(?P<ordinal>\d+))?")
CPU_BUILD = "+cpu"
BROUGHT_NAME = re.compile(r"(?P<kind>cpu|cuda):[a-z][a-z0-9_-]*")
"""Names that extensions may give: the kind in front is what a claim's condition on the device is held against."""


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
        return _find_brought(name, loader)
    ordinal = int(match["ordinal"] or 0)
    shown = _cuda_devices(name, loader)
    if ordinal >= len(shown):
        have = ", ".join(f"cuda:{device.ordinal}" for device in shown)
        raise NothingToMeasureError(f"no device {name!r} here; CUDA shows {have or 'none: CUDA_VISIBLE_DEVICES hides every GPU'}")
    return _cuda(shown[ordinal])


def list_targets(loader: Callable[[], Nvml] = load) -> list[Target]:
    """Return the targets that this machine has: the CPU, each GPU that CUDA shows (`why_no_cuda` says why there is none), then what extensions bring."""
    own = [_cpu()]
    with suppress(HarnessError):
        own += map(_cuda, _cuda_devices("cuda", loader))
    there = {target.torch_device for target in own}
    return own + [target for target in brought_targets() if target.torch_device in there]


def brought_targets() -> list[Target]:
    """Return the targets of extensions, whether or not their device is there; one that cannot be right is refused with the reason."""
    extensions, found = load_extensions(), dict[str, Target]()
    for answer in extensions.ask("targets"):
        for target in answer.members:
            reason = _unfit(target, found)
            if reason:
                extensions.refuse(answer.extension, reason)
            else:
                found[target.name] = target
    return list(found.values())


def why_no_cuda(loader: Callable[[], Nvml] = load) -> str:
    """Return why there is no GPU to measure on, and what to do; empty where there is one."""
    try:
        find_target(TargetKind.CUDA.value, loader)
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


def _find_brought(name: str, loader: Callable[[], Nvml]) -> Target:
    for target in brought_targets():
        if target.name == name:
            find_target(target.torch_device, loader)
            return target
    broken = [f"extension {extension!r} cannot be used: {reason}" for extension, reason in load_extensions().errors.items()]
    known = {TargetKind.CPU, TargetKind.CUDA, *(t.name for t in list_targets(loader))}
    raise HarnessError("; ".join([str(unknown("device", name, known)), *broken]))


def _unfit(target: object, taken: Mapping[str, Target]) -> str:
    """Say why the host cannot take a target from an extension; empty where it can."""
    if not isinstance(target, Target):
        return f"hook 'targets' gave a {type(target).__name__}; give harness.targets.Target objects"
    match = BROUGHT_NAME.fullmatch(target.name)
    if match is None or match["kind"] != target.kind:
        return f"target {target.name!r}: write its kind, a colon and a word, as '{target.kind}:bench'"
    if target.name in taken:
        return f"target {target.name!r} is already brought by another extension; give it another name"
    device = (
        TargetKind.CPU if target.torch_device == TargetKind.CPU else TargetKind.CUDA if CUDA_NAME.fullmatch(target.torch_device) else ""
    )
    if device != target.kind:
        return f"target {target.name!r}: torch_device is {target.torch_device!r}; the host has clocks for 'cpu' and 'cuda:N' alone, of the target's own kind"
    return ""


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
