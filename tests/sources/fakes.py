"""Fakes of devices that step, wrap, lie and vanish, on a clock that tests own.

with FakeClock() as clock:
    gpu = FakeGpu(clock, idle_w=70)
    nvml = FakeNvml(gpu)                  # in the place of the module `pynvml`
    gpu.work(seconds=0.02, watts=400)     # the clock moves, the counter steps every 100 ms
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace

import pynvml

from harness.sources.clock import FakeClock


@dataclass
class FakeGpu:
    """A board whose true power is known, seen through a counter that steps and a sensor that looks a part of the time.

    Args:
        clock: Moves when the board works.
        idle_w: Drawn while it does nothing.
        period_s: The counter's.
        duty: Share of each period, at its beginning, in which the sensor looks.
        counter_lie: Factor on what the counter adds.
    """

    clock: FakeClock
    idle_w: float = 70.0
    period_s: float = 0.1
    duty: float = 0.25
    counter_lie: float = 1.0
    name: str = "FAKE H100"
    uuid: str = "GPU-aaaaaaaa-0000-1111-2222-333333333333"
    pci: str = "00000000:01:00.0"
    migs: tuple[str, ...] = ()
    temperature: int = 40
    reasons: int = 0
    sm_mhz: int = 1700
    default_mhz: int = 1600
    pids: tuple[int, ...] = ()
    has_energy: bool = True
    has_power: bool = True
    lost: bool = False
    stuck: bool = False
    trace: list[tuple[float, float]] = field(default_factory=list)
    counted_j: float = 0.0
    ticks: int = 0

    def __post_init__(self) -> None:
        self.start_s = self.clock.now()
        self.trace.append((self.start_s, self.idle_w))

    def draw(self, watts: float) -> None:
        """Draw `watts` from now on."""
        self.trace.append((self.clock.now(), watts))

    def work(self, seconds: float, watts: float) -> None:
        """Work for `seconds`, then be idle."""
        self.draw(watts)
        self.clock.advance(seconds)
        self.draw(self.idle_w)

    def true_joules(self, start_s: float, end_s: float) -> float:
        """What was really drawn."""
        ends = [*(at for at, _ in self.trace[1:]), float("inf")]
        parts = ((max(start_s, at), min(end_s, end), watts) for (at, watts), end in zip(self.trace, ends, strict=True))
        return sum((end - start) * watts for start, end, watts in parts if end > start)

    def power_w(self) -> float:
        return self.trace[-1][1]

    def energy_mj(self) -> int:
        now_ticks = 0 if self.stuck else int((self.clock.now() - self.start_s) / self.period_s + 1e-9)
        while self.ticks < now_ticks:
            begin = self.start_s + self.ticks * self.period_s
            seen = self.true_joules(begin, begin + self.duty * self.period_s) / self.duty
            self.counted_j += seen * self.counter_lie
            self.ticks += 1
        return int(self.counted_j * 1000)

    def reload_driver(self) -> None:
        """Start the counter over."""
        self.energy_mj()
        self.counted_j = 0.0


class FakeNvml:
    """The functions of `pynvml` that are used, over fake boards, with its real error class and constants."""

    NVMLError = pynvml.NVMLError
    NVML_ERROR_NOT_SUPPORTED = pynvml.NVML_ERROR_NOT_SUPPORTED
    NVML_ERROR_FUNCTION_NOT_FOUND = pynvml.NVML_ERROR_FUNCTION_NOT_FOUND
    NVML_FI_DEV_POWER_INSTANT = pynvml.NVML_FI_DEV_POWER_INSTANT
    NVML_TEMPERATURE_GPU = pynvml.NVML_TEMPERATURE_GPU
    NVML_CLOCK_SM = pynvml.NVML_CLOCK_SM

    def __init__(self, *gpus: FakeGpu, driver: bool = True, instant_power: bool = True) -> None:
        self.gpus, self.driver, self.instant_power = gpus, driver, instant_power

    def nvmlInit(self):
        if not self.driver:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)

    def nvmlSystemGetDriverVersion(self):
        return b"580.1"

    def nvmlDeviceGetCount(self):
        return len(self.gpus)

    def nvmlDeviceGetHandleByIndex(self, index):
        return self.gpus[index]

    def nvmlDeviceGetUUID(self, handle):
        return handle if isinstance(handle, str) else handle.uuid

    def nvmlDeviceGetPciInfo(self, gpu):
        return SimpleNamespace(busId=gpu.pci.encode())

    def nvmlDeviceGetName(self, gpu):
        return gpu.name

    def nvmlDeviceGetMigMode(self, gpu):
        return (1, 1) if gpu.migs else self._refuse()

    def nvmlDeviceGetMaxMigDeviceCount(self, gpu):
        return len(gpu.migs) + 2

    def nvmlDeviceGetMigDeviceHandleByIndex(self, gpu, position):
        return gpu.migs[position] if position < len(gpu.migs) else self._fail(pynvml.NVML_ERROR_NOT_FOUND)

    def nvmlDeviceGetTotalEnergyConsumption(self, gpu):
        return self._of(gpu).energy_mj() if gpu.has_energy else self._refuse()

    def nvmlDeviceGetFieldValues(self, gpu, fields):
        status = 0 if self.instant_power and self._of(gpu).has_power else pynvml.NVML_ERROR_NOT_SUPPORTED
        return [SimpleNamespace(nvmlReturn=status, value=SimpleNamespace(uiVal=int(gpu.power_w() * 1000))) for _ in fields]

    def nvmlDeviceGetPowerUsage(self, gpu):
        return int(self._of(gpu).power_w() * 1000) if gpu.has_power else self._refuse()

    def nvmlDeviceGetTemperature(self, gpu, _sensor):
        return self._of(gpu).temperature

    def nvmlDeviceGetCurrentClocksEventReasons(self, gpu):
        return self._of(gpu).reasons

    def nvmlDeviceGetClockInfo(self, gpu, _kind):
        return gpu.sm_mhz

    def nvmlDeviceGetDefaultApplicationsClock(self, gpu, _kind):
        return gpu.default_mhz

    def nvmlDeviceGetComputeRunningProcesses(self, gpu):
        return [SimpleNamespace(pid=pid) for pid in gpu.pids]

    def nvmlDeviceGetGraphicsRunningProcesses(self, _gpu):
        return self._refuse()

    def _of(self, gpu):
        return self._fail(pynvml.NVML_ERROR_GPU_IS_LOST) if gpu.lost else gpu

    def _refuse(self):
        return self._fail(pynvml.NVML_ERROR_NOT_SUPPORTED)

    def _fail(self, code):
        raise pynvml.NVMLError(code)


def write_tree(root, files):
    """Write a recorded tree: `{"class/powercap/intel-rapl:0/name": "package-0"}`."""
    for name, contents in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{contents}\n")
    return root
