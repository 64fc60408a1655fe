"""NVIDIA's management library, typed and thin: one object a GPU, joules and watts instead of milli-units, one kind of error.

    from harness.sources.nvml import load

    for device in load().devices():            # raises NvmlAbsentError where there is no driver, and says what to install
        print(device.name, device.energy_mj() / 1000, "J")

The library is imported when it is first asked for. `harness.sources.cuda_devices` says which of these devices CUDA calls 0.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntFlag
from typing import Any

from harness.sources.availability import Availability, SourceError

INSTALL = "install NVIDIA's driver, which brings libnvidia-ml.so.1; in a container, start it with --gpus all"


class NvmlError(SourceError):
    """NVML answered with an error: the GPU was lost, the question is not supported, or not permitted."""


class NvmlUnsupportedError(NvmlError):
    """This GPU or this driver has no answer to the question."""


class NvmlAbsentError(SourceError):
    """There is no NVML here; `availability` says why and what to install."""

    def __init__(self, reason: str, remedy: str) -> None:
        self.availability = Availability(False, reason, remedy)
        super().__init__(str(self.availability))


class ClocksEvent(IntFlag):
    """Why a GPU's clocks are not at their highest: the bits of `nvmlDeviceGetCurrentClocksEventReasons`."""

    GPU_IDLE = 0x1
    APPLICATIONS_CLOCKS = 0x2
    SW_POWER_CAP = 0x4
    HW_SLOWDOWN = 0x8
    SYNC_BOOST = 0x10
    SW_THERMAL_SLOWDOWN = 0x20
    HW_THERMAL_SLOWDOWN = 0x40
    HW_POWER_BRAKE = 0x80
    DISPLAY_CLOCKS = 0x100


@dataclass(frozen=True)
class NvmlDevice:
    """One physical GPU.

    Attributes:
        index: Of NVML, in the order of the PCI bus: not CUDA's.
        uuid: `GPU-...`.
        pci_bus_id: `00000000:3B:00.0`.
        name: As the vendor sells it.
        mig_uuids: Its MIG instances, `MIG-...`; empty where it is not partitioned.
    """

    index: int
    uuid: str
    pci_bus_id: str
    name: str
    mig_uuids: tuple[str, ...]
    _library: Nvml
    _handle: Any

    def energy_mj(self) -> int:
        """Return millijoules since the driver was loaded (Volta and later)."""
        return int(self._library.ask("nvmlDeviceGetTotalEnergyConsumption", self._handle))

    def power_w(self) -> float:
        """Return the power of this moment in watts.

        The plain power query is a one-second average on Ampere and later, so the field value for instant power is asked first.
        """
        try:
            return self._instant_mw() / 1000.0
        except NvmlUnsupportedError:
            return float(self._library.ask("nvmlDeviceGetPowerUsage", self._handle)) / 1000.0

    def _instant_mw(self) -> int:
        field = self._library.constant("NVML_FI_DEV_POWER_INSTANT")
        (answer,) = self._library.ask("nvmlDeviceGetFieldValues", self._handle, [field])
        if answer.nvmlReturn != 0:
            raise NvmlUnsupportedError(f"NVML has no instant power for GPU {self.index}")
        return int(answer.value.uiVal)

    def temperature_c(self) -> float:
        """Return the core's temperature in degrees Celsius."""
        return float(self._library.ask("nvmlDeviceGetTemperature", self._handle, self._library.constant("NVML_TEMPERATURE_GPU")))

    def clocks_events(self) -> ClocksEvent:
        """Return the reasons why the clocks are held back at this moment."""
        try:
            bits = self._library.ask("nvmlDeviceGetCurrentClocksEventReasons", self._handle)
        except NvmlUnsupportedError:
            bits = self._library.ask("nvmlDeviceGetCurrentClocksThrottleReasons", self._handle)
        return ClocksEvent(int(bits) & sum(ClocksEvent))

    def sm_clock_mhz(self) -> float:
        """Return the clock of the multiprocessors."""
        return float(self._library.ask("nvmlDeviceGetClockInfo", self._handle, self._library.constant("NVML_CLOCK_SM")))

    def default_clock_mhz(self) -> float:
        """Return the clock that the vendor sets by default, which nvbench takes as the measure of throttling."""
        return float(self._library.ask("nvmlDeviceGetDefaultApplicationsClock", self._handle, self._library.constant("NVML_CLOCK_SM")))

    def process_ids(self) -> frozenset[int]:
        """Return who computes or draws on the GPU: process ids as the host's kernel numbers them."""
        found = [*self._processes("nvmlDeviceGetComputeRunningProcesses"), *self._processes("nvmlDeviceGetGraphicsRunningProcesses")]
        return frozenset(found)

    def _processes(self, question: str) -> list[int]:
        try:
            return [int(p.pid) for p in self._library.ask(question, self._handle)]
        except NvmlUnsupportedError:
            return []


class Nvml:
    """The library, initialised.

    Args:
        api: The module `pynvml` of the package `nvidia-ml-py`, or a fake of it.

    Raises:
        NvmlAbsentError: when it cannot be initialised.
    """

    def __init__(self, api: Any) -> None:
        self._api = api
        try:
            api.nvmlInit()
        except api.NVMLError as error:
            raise NvmlAbsentError(f"no NVIDIA driver answers ({error})", INSTALL) from error

    def ask(self, question: str, *arguments: Any) -> Any:
        """Call a function of the library.

        Raises:
            NvmlUnsupportedError: when the library or the GPU does not know it.
            NvmlError: when it fails otherwise.
        """
        function: Callable[..., Any] | None = getattr(self._api, question, None)
        if function is None:
            raise NvmlUnsupportedError(f"this nvidia-ml-py has no {question}")
        try:
            return function(*arguments)
        except self._api.NVMLError as error:
            unsupported = {self._api.NVML_ERROR_NOT_SUPPORTED, self._api.NVML_ERROR_FUNCTION_NOT_FOUND}
            kind = NvmlUnsupportedError if error.value in unsupported else NvmlError
            raise kind(f"NVML answers {question} with {str(error)!r}") from error

    def constant(self, name: str) -> Any:
        """Return a constant of the library.

        Raises:
            NvmlUnsupportedError: when this version has none of that name.
        """
        value = getattr(self._api, name, None)
        if value is None:
            raise NvmlUnsupportedError(f"this nvidia-ml-py has no {name}")
        return value

    def driver_version(self) -> str:
        """Return the version of the kernel driver."""
        return _text(self.ask("nvmlSystemGetDriverVersion"))

    def devices(self) -> list[NvmlDevice]:
        """Return every physical GPU, in NVML's order."""
        return [self._device(index) for index in range(int(self.ask("nvmlDeviceGetCount")))]

    def _device(self, index: int) -> NvmlDevice:
        handle = self.ask("nvmlDeviceGetHandleByIndex", index)
        return NvmlDevice(
            index=index,
            uuid=_text(self.ask("nvmlDeviceGetUUID", handle)),
            pci_bus_id=_text(self.ask("nvmlDeviceGetPciInfo", handle).busId),
            name=_text(self.ask("nvmlDeviceGetName", handle)),
            mig_uuids=tuple(self._mig_uuids(handle)),
            _library=self,
            _handle=handle,
        )

    def _mig_uuids(self, handle: Any) -> list[str]:
        try:
            current, _pending = self.ask("nvmlDeviceGetMigMode", handle)
            count = int(self.ask("nvmlDeviceGetMaxMigDeviceCount", handle)) if current else 0
        except NvmlUnsupportedError:
            return []
        found = []
        for position in range(count):
            try:
                found.append(_text(self.ask("nvmlDeviceGetUUID", self.ask("nvmlDeviceGetMigDeviceHandleByIndex", handle, position))))
            except NvmlError:  # an empty slot: instances need not fill them all
                continue
        return found


def load() -> Nvml:
    """Import and initialise the library.

    Raises:
        NvmlAbsentError: when the package or the driver is missing.
    """
    try:
        api = importlib.import_module("pynvml")
    except ModuleNotFoundError as error:
        raise NvmlAbsentError("the package nvidia-ml-py is not installed", "run: pip install nvidia-ml-py") from error
    return Nvml(api)


def _text(value: str | bytes) -> str:
    """Old versions of the library answer in bytes."""
    return value.decode() if isinstance(value, bytes) else value
