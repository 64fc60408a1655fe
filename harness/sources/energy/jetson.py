"""The supply sensors of NVIDIA Jetson boards: INA3221 chips through hwmon (JetPack 5 and later) or iio (before)."""

from __future__ import annotations

from pathlib import Path

from harness.sources import sysfs
from harness.sources.energy.board import RailPower
from harness.sources.energy.rails import Rail, hwmon_rails, iio_rails
from harness.sources.energy.source import AbsentSource, EnergySource

TOTAL_RAILS = ("VDD_IN", "POM_5V_IN")
"""Rails that carry the whole module (Orin NX and Nano, Xavier NX; Nano). AGX boards have none: their rails side by side are the whole."""
INCLUDED = {"VDDQ_VDD2_1V8AO": "VIN_SYS_5V0"}
"""Rails behind another one, which counts them as well: the memory's supply behind the 5 V of an AGX Orin."""
MODEL = "firmware/devicetree/base/model"
PERMIT = "run: sudo chmod -R a+r /sys/bus/i2c/devices"


def source(sys: Path = sysfs.SYS) -> EnergySource:
    """Return the power of the module, or why there is none."""
    model = sysfs.readable(sys / MODEL) or ""
    if "jetson" not in model.lower():
        return AbsentSource("jetson", "module supply", "this is no Jetson board", "")
    rails = {rail.label: rail for chip in sorted((sys / "bus/i2c/devices").glob("*")) for rail in _rails(chip)}
    if not rails:
        return AbsentSource(
            "jetson", "module supply", f"{model} shows no INA3221 sensor under /sys/bus/i2c", "load its driver: sudo modprobe ina3221"
        )
    total = [rails[name] for name in TOTAL_RAILS if name in rails][:1]
    note = "" if total else "no rail carries the whole module: the sum over its rails"
    parts = [rail for name, rail in rails.items() if INCLUDED.get(name) not in rails]
    return RailPower("jetson", total or parts, PERMIT, note)


def _rails(chip: Path) -> list[Rail]:
    if "ina3221" not in (sysfs.text(chip / "name") or ""):
        return []
    found = [rail for folder in sorted(chip.glob("hwmon/hwmon*")) for rail in hwmon_rails(folder)]
    return found + [rail for folder in sorted(chip.glob("iio:device*")) for rail in iio_rails(folder)]
