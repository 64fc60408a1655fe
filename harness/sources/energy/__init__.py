"""Where joules come from, best first.

    from harness.sources.energy import energy_sources

    for source in energy_sources("cpu"):
        print(source.name, source.basis, source.available())

| source | device | quantity | basis |
| --- | --- | --- | --- |
| `nvml`, `nvml-power` | cuda | counter, power | measured |
| `rapl` | cpu | counters of packages and DRAM | measured |
| `jetson`, `pmic`, `hwmon` | the board | power of supply rails | measured |
| `codecarbon` | cpu | nominal power x processor time | estimated |

Every kind is always in the list: what this machine does not have answers why, and what to install or permit. `operations` turns counted
operations into modelled joules; it needs no device.

A package of its own may bring a source: anything with the attributes and methods of `EnergySource`. It goes before ours of the same basis.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.sources import sysfs
from harness.sources.energy import codecarbon, hwmon, jetson, nvml, rapl, raspberry
from harness.sources.energy.source import Basis, EnergySource

_RANK = {Basis.MEASURED: 0, Basis.ESTIMATED: 1, Basis.MODELLED: 2}


def energy_sources(device: str, extra: Sequence[EnergySource] = (), sys: Path = sysfs.SYS, proc: Path = sysfs.PROC) -> list[EnergySource]:
    """Return the energy sources of a device, the best first: those that answer before those that do not, measured before estimated.

    Args:
        device: `cpu`, `cuda`, `cuda:1`.
        extra: Sources that other packages bring.
        sys: Where the kernel's /sys is.
        proc: Where the kernel's /proc is.
    """
    kind, _, ordinal = device.partition(":")
    own = nvml.sources(int(ordinal or 0)) if kind == "cuda" else [rapl.source(sys)]
    board = [jetson.source(sys), raspberry.source()]
    # The chips of a Jetson are in hwmon as well, rail by rail, the total beside its parts.
    shunts = [] if board[0].available() else hwmon.sources(sys)
    estimates = [codecarbon.source(proc, sys)] if kind == "cpu" else []
    return ranked([*extra, *own, *board, *shunts, *estimates])


def ranked(sources: Sequence[EnergySource]) -> list[EnergySource]:
    """Return the sources that answer before those that do not, measured before estimated before modelled, else in the order given."""
    return sorted(sources, key=lambda source: (not source.available(), _RANK[source.basis]))
