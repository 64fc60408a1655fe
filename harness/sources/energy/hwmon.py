"""Shunt sensors that Linux shows through hwmon: INA219, INA226, INA260, INA3221 and their kin, on the board or wired into its supply."""

from __future__ import annotations

from pathlib import Path

from harness.sources import sysfs
from harness.sources.energy.board import RailPower
from harness.sources.energy.rails import hwmon_rails, power_rail
from harness.sources.energy.source import AbsentSource, EnergySource

CHIP_PREFIX = "ina"
PERMIT = "run: sudo chmod a+r /sys/class/hwmon/hwmon*/*_input"
WIRE = "wire an INA219 or INA226 into the board's supply and load its driver: sudo modprobe ina2xx"


def sources(sys: Path = sysfs.SYS) -> list[EnergySource]:
    """Return one source a chip, or why there is none. Which part of the board a chip sees, its labels say."""
    found: list[EnergySource] = []
    for chip in sorted((sys / "class/hwmon").glob("hwmon*")):
        if not (sysfs.text(chip / "name") or "").startswith(CHIP_PREFIX):
            continue
        single = power_rail(chip)
        rails = [single] if single is not None else list(hwmon_rails(chip))
        if rails:
            found.append(
                RailPower("hwmon", rails, PERMIT, f"sensor {sysfs.text(chip / 'name')}; what it sees depends on where it is wired")
            )
    return found or [AbsentSource("hwmon", "board supply", "no INA shunt sensor under /sys/class/hwmon", WIRE)]
