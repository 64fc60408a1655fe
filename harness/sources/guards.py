"""What else went on while something was measured: steal, other load, clocks, throttling, other processes on the GPU.

    guard = Guard("cuda:0")
    guard.before()
    ...                              # the measured work; `guard.look()` now and then catches what is over at the end
    print(guard.after().marks)       # ('noisy: steal 4%',)

A mark never throws a sample away: the case is measured once more (`guarded`), then kept and marked.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from harness.errors import HarnessError
from harness.sources import clock, cpu, sysfs
from harness.sources.availability import SourceError
from harness.sources.cuda_devices import find
from harness.sources.nvml import ClocksEvent, Nvml, NvmlDevice, load

MAX_STEAL = 0.01
"""A hypervisor that takes more than 1% of the time moves a figure by more than the smallest effect ever claimed."""
MAX_OTHER_LOAD = 0.05
"""Share of all cores that other processes may use: more fills caches and memory channels, and takes turbo away."""
MAX_WAIT = 0.05
"""Share of the time that the measuring thread may wait for a processor: told to the nanosecond, so that the shortest window is judged as well."""
MIN_CLOCK = 0.75
"""nvbench's rule: a clock below this share of the default one is throttled."""
MIN_TICKS = 100
"""The kernel counts in ticks of 10 ms: with fewer, one tick of steal would look like more than 1%."""
ATTEMPTS = 2
"""A disturbed measurement is repeated once; a machine that is disturbed twice is a disturbed machine."""
HELD_BACK = (
    ClocksEvent.SW_POWER_CAP
    | ClocksEvent.HW_SLOWDOWN
    | ClocksEvent.SW_THERMAL_SLOWDOWN
    | ClocksEvent.HW_THERMAL_SLOWDOWN
    | ClocksEvent.HW_POWER_BRAKE
)
"""Reasons that slow the work down. Being idle, or at clocks that somebody chose, is none of them."""
QUIET = ClocksEvent(0)

T = TypeVar("T")


@dataclass(frozen=True)
class GuardReading:
    """What happened between `before` and `after`. A figure that the machine does not tell is None.

    Attributes:
        seconds: How long that was.
        steal: Share of processor time that the hypervisor gave to others.
        other_load: Cores that other processes kept busy.
        waited: Share of the time in which the measuring thread was ready and had no processor.
        load_1m: The kernel's load average over a minute.
        clock_share: The processor's clock at the end over its base clock.
        throttle_events: Times that a core was slowed down for heat.
        gpu_events: Why the GPU's clocks were held back.
        gpu_clock_share: The GPU's lowest seen clock over its default one.
        foreign_processes: Other processes on the GPU.
        cores: Logical processors of the machine.
        attempts: How often the work was measured until this reading.
    """

    seconds: float
    steal: float | None = None
    other_load: float | None = None
    waited: float | None = None
    load_1m: float | None = None
    clock_share: float | None = None
    throttle_events: int | None = None
    gpu_events: ClocksEvent = QUIET
    gpu_clock_share: float | None = None
    foreign_processes: int = 0
    cores: int = 1
    attempts: int = 1

    @property
    def marks(self) -> tuple[str, ...]:
        """What a reader of the figure must know, as `noisy: steal 4%`; empty for a quiet measurement."""
        marks = [f"noisy: {disturbance}" for disturbance in self._disturbances()]
        if marks and self.attempts > 1:
            marks.append(f"noisy: no quiet sample in {self.attempts} attempts")
        return tuple(marks)

    def _disturbances(self) -> Iterator[str]:
        if self.steal is not None and self.steal > MAX_STEAL:
            yield f"steal {self.steal:.0%}"
        if self.other_load is not None and self.other_load > MAX_OTHER_LOAD * self.cores:
            yield f"other load {self.other_load:.1f} cores"
        if self.waited is not None and self.waited > MAX_WAIT:
            yield f"waited {self.waited:.0%} of the time for a processor"
        if self.clock_share is not None and self.clock_share < MIN_CLOCK:
            yield f"clock at {self.clock_share:.0%} of base"
        if self.throttle_events:
            yield f"{self.throttle_events} thermal throttle events"
        if self.gpu_events:
            yield "gpu " + ", ".join(str(event.name).lower().replace("_", " ") for event in self.gpu_events)
        if self.gpu_clock_share is not None and self.gpu_clock_share < MIN_CLOCK:
            yield f"gpu clock at {self.gpu_clock_share:.0%} of default"
        if self.foreign_processes:
            yield f"{self.foreign_processes} other processes on the gpu"


@dataclass
class Guard:
    """Watches the machine around a measurement.

    Args:
        device: `cpu` or `cuda:n`; the processor is watched for both.
        proc: Where the kernel's /proc is.
        sys: Where the kernel's /sys is.
        loader: Gives NVML; asked for a GPU only.
        uses_gpu: Whether this process holds the GPU meanwhile, so that one of the processes on it is ours.
    """

    device: str = "cpu"
    proc: Path = sysfs.PROC
    sys: Path = sysfs.SYS
    loader: Callable[[], Nvml] = load
    uses_gpu: bool = True
    _gpu: NvmlDevice | None = field(default=None, init=False, repr=False)
    _events: ClocksEvent = field(default=QUIET, init=False, repr=False)
    _clocks: list[float] = field(default_factory=list, init=False, repr=False)

    def __post_init__(self) -> None:
        kind, _, ordinal = self.device.partition(":")
        if kind == "cuda":
            self._gpu = _gpu(int(ordinal or 0), self.loader)

    def before(self) -> None:
        """Note the counters."""
        self._events, self._clocks = QUIET, []
        self._throttled = cpu.throttle_count(self.sys)
        self._times = cpu.times(self.proc)
        self._own_s = cpu.process_seconds()
        self._waited_s = cpu.waited_seconds(self.proc)
        self._start_s = clock.now()

    def look(self) -> None:
        """Note the state of the GPU at this moment. Between blocks, never inside one: the question takes milliseconds."""
        if self._gpu is None:
            return
        try:
            self._events |= self._gpu.clocks_events() & HELD_BACK
            self._clocks.append(self._gpu.sm_clock_mhz() / self._gpu.default_clock_mhz())
        except SourceError:  # a board that does not tell is not disturbed for that
            return

    def after(self) -> GuardReading:
        """Return what happened since `before`."""
        seconds = clock.now() - self._start_s
        waited_s = cpu.waited_seconds(self.proc)
        own_s = cpu.process_seconds() - self._own_s
        steal, busy = self._shares(cpu.times(self.proc))
        cores = os.cpu_count() or 1
        self.look()
        throttled = cpu.throttle_count(self.sys)
        frequency, base = cpu.frequency_mhz(self.proc, self.sys), cpu.base_frequency_mhz(self.sys)
        return GuardReading(
            seconds=seconds,
            steal=steal,
            other_load=None if busy is None or not seconds else max(busy * cores - own_s / seconds, 0.0),
            waited=None if waited_s is None or self._waited_s is None or not seconds else (waited_s - self._waited_s) / seconds,
            load_1m=sysfs.number(self.proc / "loadavg"),
            clock_share=None if frequency is None or not base else frequency / base,
            throttle_events=None if throttled is None or self._throttled is None else throttled - self._throttled,
            gpu_events=self._events,
            gpu_clock_share=min(self._clocks, default=None),
            foreign_processes=_foreign(self._gpu, self.uses_gpu),
            cores=cores,
        )

    def _shares(self, after: cpu.CpuTimes | None) -> tuple[float | None, float | None]:
        """Return the shares of processor time that were stolen and that were busy."""
        before = self._times
        if before is None or after is None or after.total - before.total < MIN_TICKS:
            return None, None
        total = after.total - before.total
        steal = after.steal - before.steal
        return steal / total, (total - steal - (after.idle - before.idle)) / total


def guarded(measure: Callable[[], T], guard: Guard, attempts: int = ATTEMPTS) -> tuple[T, GuardReading]:
    """Measure between readings of the guard, again while it is disturbed and attempts are left; then keep what there is, marked.

    The second measurement also comes after the first has spun up the clocks: an idle GPU looks throttled.
    """
    for attempt in range(1, attempts + 1):
        guard.before()
        result = measure()
        reading = replace(guard.after(), attempts=attempt)
        if not reading.marks:
            break
    return result, reading


def _gpu(ordinal: int, loader: Callable[[], Nvml]) -> NvmlDevice | None:
    try:
        found = find(ordinal, loader().devices())
    except (SourceError, HarnessError):  # the energy source and the target say so; here there is nothing to watch
        return None
    return None if found is None else found.physical


def _foreign(gpu: NvmlDevice | None, used: bool) -> int:
    """Count the processes on the GPU that are not ours.

    Inside a container NVML gives the host's numbers, none of which is ours: then one of them is this process, if it uses the GPU.
    """
    if gpu is None:
        return 0
    try:
        there = gpu.process_ids()
    except SourceError:
        return 0
    own = cpu.family()
    return len(there - own) if there & own or not used else max(len(there) - 1, 0)
