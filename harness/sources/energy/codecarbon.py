"""Energy of the CPU where no counter exists, from codecarbon's table of nominal powers and the processor time of this process.

An estimate, not a measurement: nominal power (TDP) times the share of the machine's processor time that this process and its children took.
That is the model of codecarbon's `process` mode: other load on a shared machine is not counted as the paper's, idle power is not in it, nor
is memory, for which codecarbon has only a constant by installed size. Of codecarbon the table and the constants are used, not the tracker:
it would run two threads beside the work, write `emissions.csv` and take 1.5 s to find out the processor's name. Nothing is written here,
and no network is used.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from harness.errors import HarnessError, require
from harness.sources import cpu, sysfs
from harness.sources.availability import AVAILABLE, Availability
from harness.sources.energy.source import AbsentSource, Basis, EnergySource, Quantity

TICK_S = 0.01
"""The kernel counts the processor time of other processes in ticks of 10 ms."""
INSTALL = "codecarbon"


@dataclass(frozen=True)
class NominalPower:
    """What codecarbon takes the processor to draw at full load.

    Attributes:
        watts: Of the whole machine's processors.
        constant: How it was had, in words.
    """

    watts: float
    constant: str


@cache  # its table has thousands of rows, and a fork server's children find it answered
def nominal_power(model: str, sockets: int, threads: int) -> NominalPower:
    """Look the processor up in codecarbon's table; an unknown one is given codecarbon's constant a thread.

    Raises:
        HarnessError: when codecarbon is not installed.
    """
    module = require("codecarbon.core.cpu", "estimating the energy of a CPU", INSTALL)
    with _quiet():
        # Made without its constructor, which spends 1.5 s on finding out the model's name, known here already.
        table: Any = module.TDP.__new__(module.TDP)
        watts = table._get_cpu_power_from_registry(model)
    if watts:
        many = f" x {sockets} sockets" if sockets > 1 else ""
        return NominalPower(watts * sockets, f"TDP {watts:g} W of {model!r}{many}")
    each = float(module.DEFAULT_POWER_PER_CORE)
    return NominalPower(each * threads, f"assumed {each:g} W a thread x {threads}, the processor {model!r} is not in its table")


@dataclass
class CodecarbonCpu:
    """Joules that this process and its children are estimated to have drawn.

    Attributes:
        watts_a_thread: Nominal power over the number of logical processors.
        note: The constant behind it.
        cpu_seconds: Tells the processor time used so far.
    """

    watts_a_thread: float
    note: str
    cpu_seconds: Callable[[], float] = field(default=cpu.process_seconds, repr=False)
    name: str = "codecarbon"
    domain: str = "cpu share of this process"
    basis: Basis = Basis.ESTIMATED
    quantity: Quantity = Quantity.JOULES
    resolution_s: float = TICK_S

    def available(self) -> Availability:
        """Return that it always answers."""
        return AVAILABLE

    def read(self) -> float:
        """Return joules since the process began."""
        return self.watts_a_thread * self.cpu_seconds()


def source(proc: Path = sysfs.PROC, sys: Path = sysfs.SYS) -> EnergySource:
    """Return the estimate for this process, or why there is none."""
    # Every logical processor of the machine, whichever of them this process may use: its share is one of all.
    threads = len(cpu.fields(proc)) or cpu.usable()
    try:
        power = nominal_power(cpu.model(proc, sys), cpu.sockets(proc), threads)
    except HarnessError as error:
        return AbsentSource("codecarbon", "cpu", str(error), "", Basis.ESTIMATED)
    return CodecarbonCpu(power.watts / threads, f"{power.constant}; processor time of this process, without idle power and memory")


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep codecarbon's advice out of the user's terminal: what it would say is in `note`."""
    logger = logging.getLogger("codecarbon")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)
