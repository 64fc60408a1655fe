"""The energy counter of an NVIDIA GPU, and its power where it has no counter (before Volta)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from harness.errors import HarnessError
from harness.sources.availability import Availability, SourceError
from harness.sources.cuda_devices import find
from harness.sources.energy.counter import EnergyCounter
from harness.sources.energy.source import AbsentSource, Basis, EnergySource, Quantity, probe
from harness.sources.nvml import Nvml, NvmlAbsentError, NvmlDevice, load

PERIOD_S = 0.1
"""NVML's counter moves about every 100 ms (Zeus' documentation; some boards every 10-20 ms, so meters measure it)."""
MILLI = 1e-3
SENSOR_NOTE = "the power sensor of A100 and H100 sees a quarter of the time (arXiv 2312.02741)"
REMEDY = "use the board's own sensors, or a GPU and driver that answer (Volta or later)"


@dataclass
class NvmlEnergy:
    """Joules of the whole board since the driver was loaded."""

    device: NvmlDevice
    name: str = "nvml"
    domain: str = "gpu board"
    basis: Basis = Basis.MEASURED
    quantity: Quantity = Quantity.JOULES
    resolution_s: float = PERIOD_S
    note: str = SENSOR_NOTE
    _counter: EnergyCounter = field(default_factory=lambda: EnergyCounter(MILLI), repr=False)

    def available(self) -> Availability:
        """Return whether the counter answers: on a Jetson the library loads and every question is refused."""
        return probe(self, REMEDY)

    def read(self) -> float:
        """Return joules since the first reading.

        Raises:
            SourceError: when the GPU does not answer, or its counter was reset.
        """
        return self._counter.advance(self.device.energy_mj())

    def power_w(self) -> float:
        """Return the board's instant power in watts, from another path than the counter."""
        return self.device.power_w()

    def temperature_c(self) -> float:
        """Return the core's temperature in degrees Celsius."""
        return self.device.temperature_c()


@dataclass
class NvmlPower:
    """Watts of the whole board, for GPUs without a counter."""

    device: NvmlDevice
    name: str = "nvml-power"
    domain: str = "gpu board"
    basis: Basis = Basis.MEASURED
    quantity: Quantity = Quantity.WATTS
    resolution_s: float = PERIOD_S
    note: str = SENSOR_NOTE

    def available(self) -> Availability:
        """Return whether the sensor answers."""
        return probe(self, REMEDY)

    def read(self) -> float:
        """Return watts of this moment."""
        return self.device.power_w()

    def temperature_c(self) -> float:
        """Return the core's temperature in degrees Celsius."""
        return self.device.temperature_c()


def sources(ordinal: int, loader: Callable[[], Nvml] = load) -> list[EnergySource]:
    """Return the sources of the GPU that CUDA calls `ordinal`: the counter, then the power; or the reason why there is none."""
    try:
        device = find(ordinal, loader().devices())
    except NvmlAbsentError as error:
        return [_absent(error.availability.reason, error.availability.remedy)]
    except SourceError as error:
        return [_absent(str(error), REMEDY)]
    except HarnessError as error:  # the environment does not say which GPU is which; the message says what to set
        return [_absent(str(error), "")]
    if device is None:
        return [_absent(f"CUDA shows no GPU {ordinal} here", "look at CUDA_VISIBLE_DEVICES")]
    if device.mig_uuid:
        reason = f"cuda:{ordinal} is a part of a GPU (MIG), and the counter is that of the whole board"
        return [_absent(reason, "measure on a GPU that is not partitioned")]
    return [NvmlEnergy(device.physical), NvmlPower(device.physical)]


def _absent(reason: str, remedy: str) -> AbsentSource:
    return AbsentSource("nvml", "gpu board", reason, remedy)
