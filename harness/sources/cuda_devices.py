"""Which physical GPU CUDA calls 0: the order of CUDA, of NVML and of the environment are three different things.

In a worker that holds torch the answer is exact, by UUID. Without torch it follows from `CUDA_VISIBLE_DEVICES` as CUDA reads it: indices,
UUIDs or their beginnings, MIG instances; everything after the first entry that names nothing is ignored; an empty list hides every GPU.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.errors import HarnessError
from harness.sources.nvml import NvmlDevice

VISIBLE = "CUDA_VISIBLE_DEVICES"
ORDER = "CUDA_DEVICE_ORDER"
BY_BUS = "PCI_BUS_ID"


@dataclass(frozen=True)
class CudaDevice:
    """A GPU as CUDA sees it.

    Attributes:
        ordinal: The number behind `cuda:`.
        physical: The board that NVML can be asked about.
        mig_uuid: The instance, where only a part of the board is visible; empty for the whole of it.
    """

    ordinal: int
    physical: NvmlDevice
    mig_uuid: str = ""


def visible(devices: Sequence[NvmlDevice], environ: Mapping[str, str] | None = None) -> list[CudaDevice]:
    """Return the GPUs that CUDA would show, in its order.

    Args:
        devices: Of NVML, in its own order.
        environ: Where `CUDA_VISIBLE_DEVICES` and `CUDA_DEVICE_ORDER` are looked up; the process's own by default.

    Raises:
        HarnessError: when unlike boards are numbered, whose order by speed only CUDA knows; or when one is named twice.
    """
    environ = os.environ if environ is None else environ
    wanted = environ.get(VISIBLE)
    if wanted is None:
        _check_order(devices, environ)
        entries: list[tuple[NvmlDevice, str]] = [_whole(device) for device in devices]
    else:
        entries = _parse(wanted, devices, environ)
    return [CudaDevice(ordinal, device, mig) for ordinal, (device, mig) in enumerate(entries)]


def find(ordinal: int, devices: Sequence[NvmlDevice], environ: Mapping[str, str] | None = None) -> CudaDevice | None:
    """Return the GPU that CUDA calls `ordinal`, or None where there is no such; exact where torch runs in this process.

    Raises:
        HarnessError: see `visible`.
    """
    if uuid := _torch_uuid(ordinal):
        return by_uuid(uuid, ordinal, devices)
    shown = visible(devices, environ)
    return shown[ordinal] if 0 <= ordinal < len(shown) else None


def by_uuid(uuid: str, ordinal: int, devices: Sequence[NvmlDevice]) -> CudaDevice | None:
    """Return the GPU, or the MIG instance, with this UUID, written with or without its `GPU-` or `MIG-`."""
    bare = uuid.removeprefix("GPU-").removeprefix("MIG-")
    for device in devices:
        if device.uuid.removeprefix("GPU-") == bare:
            return CudaDevice(ordinal, *_whole(device))
        for mig in device.mig_uuids:
            if mig.removeprefix("MIG-") == bare:
                return CudaDevice(ordinal, device, mig)
    return None


def _torch_uuid(ordinal: int) -> str:
    """Ask torch, where this process has loaded it anyway."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available() or ordinal >= torch.cuda.device_count():
        return ""
    return str(torch.cuda.get_device_properties(ordinal).uuid)


def _parse(wanted: str, devices: Sequence[NvmlDevice], environ: Mapping[str, str]) -> list[tuple[NvmlDevice, str]]:
    found: list[tuple[NvmlDevice, str]] = []
    for entry in filter(None, (part.strip() for part in wanted.split(","))):
        if entry.lstrip("-").isdigit():
            _check_order(devices, environ)
        match = _match(entry, devices)
        if match is None:
            break
        if match in found:
            raise HarnessError(f"{VISIBLE} names {entry!r} twice in {wanted!r}; name every GPU once")
        found.append(match)
    return found


def _match(entry: str, devices: Sequence[NvmlDevice]) -> tuple[NvmlDevice, str] | None:
    """Return what one entry names. A beginning of a UUID is as good as the whole where it is unique."""
    if entry.isdigit():
        return _whole(devices[int(entry)]) if int(entry) < len(devices) else None
    if entry.startswith("MIG-GPU-"):  # the form of drivers before 470: MIG-GPU-<uuid>/<gpu instance>/<compute instance>
        parents = [d for d in devices if d.uuid == entry.removeprefix("MIG-").split("/")[0]]
        return (parents[0], entry) if parents else None
    if entry.startswith("MIG-"):
        instances = [(d, mig) for d in devices for mig in d.mig_uuids if mig.startswith(entry)]
        return instances[0] if len(instances) == 1 else None
    boards = [d for d in devices if entry.startswith("GPU-") and d.uuid.startswith(entry)]
    return _whole(boards[0]) if len(boards) == 1 else None


def _whole(device: NvmlDevice) -> tuple[NvmlDevice, str]:
    """Return the board; where it is partitioned CUDA shows its first instance only."""
    return device, device.mig_uuids[0] if device.mig_uuids else ""


def _check_order(devices: Sequence[NvmlDevice], environ: Mapping[str, str]) -> None:
    if len({device.name for device in devices}) > 1 and environ.get(ORDER) != BY_BUS:
        names = ", ".join(sorted({device.name for device in devices}))
        raise HarnessError(
            f"CUDA numbers unlike GPUs by speed ({names}), NVML by bus; set {ORDER}={BY_BUS}, or name them by UUID in {VISIBLE}"
        )
