"""RAPL: the energy counters of Intel and AMD processors, through the powercap folder of Linux.

Packages and DRAM are added up. `core` and `uncore` are parts of a package, `psys` holds the packages, and `intel-rapl-mmio` mirrors the
same registers: none of these is counted a second time. Counters wrap (a busy server's after 10 to 20 minutes), each domain's at its own
value.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from harness.sources import sysfs
from harness.sources.availability import AVAILABLE, Availability, SourceError
from harness.sources.energy.counter import EnergyCounter
from harness.sources.energy.source import AbsentSource, Basis, EnergySource, Quantity

MICRO = 1e-6
PERIOD_S = 0.001
"""The registers move about every millisecond (Intel SDM, volume 3B, 15.10)."""
PERMIT = (
    "run: sudo chmod a+r /sys/class/powercap/intel-rapl:*/energy_uj /sys/class/powercap/intel-rapl:*:*/energy_uj "
    "(until the next start; a udev rule makes it last)"
)
NOWHERE = "measure on the metal: virtual machines and containers hide it; or load the module: sudo modprobe intel_rapl_msr"


@dataclass
class RaplDomain:
    """One counter: a package or its DRAM."""

    label: str
    folder: Path
    counter: EnergyCounter

    def read(self) -> float:
        """Return joules since the first reading.

        Raises:
            SourceError: when the file has gone, or may not be read.
        """
        try:
            micro_j = sysfs.number(self.folder / "energy_uj")
        except PermissionError as error:
            raise SourceError(f"the RAPL counter of {self.label} may not be read") from error
        if micro_j is None:
            raise SourceError(f"the RAPL counter of {self.label} has gone")
        return self.counter.advance(int(micro_j))


@dataclass
class RaplEnergy:
    """Joules of all packages and their DRAM."""

    domains: list[RaplDomain]
    name: str = "rapl"
    domain: str = field(init=False)
    basis: Basis = Basis.MEASURED
    quantity: Quantity = Quantity.JOULES
    resolution_s: float = PERIOD_S
    note: str = "the whole machine's processors, whoever uses them"

    def __post_init__(self) -> None:
        self.domain = "+".join(domain.label for domain in self.domains)

    def available(self) -> Availability:
        """Return whether every domain may be read: kernels since 2020 let only root do so."""
        try:
            self.read()
        except SourceError as error:
            return Availability(False, str(error), PERMIT)
        return AVAILABLE

    def read(self) -> float:
        """Return joules since the first reading, over all domains.

        Raises:
            SourceError: when one of them does not answer: a sum with a part missing would be a wrong figure.
        """
        return sum(domain.read() for domain in self.domains)


def source(sys: Path = sysfs.SYS) -> EnergySource:
    """Return the machine's RAPL counters, or why there are none."""
    domains = [d for folder in sorted((sys / "class/powercap").glob("intel-rapl:*")) if (d := _domain(folder)) is not None]
    if not any(domain.label.startswith("package") for domain in domains):
        return AbsentSource("rapl", "cpu package and dram", "the kernel shows no RAPL counter under /sys/class/powercap", NOWHERE)
    return RaplEnergy(domains)


def _domain(folder: Path) -> RaplDomain | None:
    label = sysfs.text(folder / "name") or ""
    if not label.startswith(("package", "dram")):
        return None
    if label == "dram":  # named alike in every package; the package's number is in the folder: intel-rapl:0:1
        label = f"dram-{folder.name.split(':')[1]}"
    range_uj = sysfs.number(folder / "max_energy_range_uj")
    return RaplDomain(label, folder, EnergyCounter(MICRO, None if range_uj is None else int(range_uj)))
