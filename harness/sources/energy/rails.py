"""Supply rails that a shunt sensor watches: voltage times current, as INA chips report it through hwmon and iio."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.sources import sysfs

MILLI = 1e-3
MICRO = 1e-6
DEFAULT_PERIOD_S = 0.1
"""For a chip that does not tell its update interval: slower than any INA driver's default (1 to 35 ms), so that windows are long enough."""
UNCONNECTED = "NC"
CHANNELS = (1, 2, 3)
"""Of an INA3221. Its `in4` to `in7` are voltages over the shunts, its `curr4` is the sum of the currents: no rails."""
OFF = 0
"""In `in1_enable`: the files of such a channel are there, and reading them fails."""


@dataclass(frozen=True)
class Rail:
    """One rail: a power file, or a voltage and a current to be multiplied.

    Attributes:
        label: As the board names it: `VDD_IN`.
        files: One file in watts, or two whose product is.
        unit: What the contents are multiplied with to give watts.
        period_s: How often the chip converts.
    """

    label: str
    files: tuple[Path, ...]
    unit: float
    period_s: float

    def power_w(self) -> float | None:
        """Return watts, or None where a file has gone. The sign of a reversed shunt is kept.

        Raises:
            PermissionError: when a file may not be read.
        """
        watts = self.unit
        for file in self.files:
            value = sysfs.number(file)
            if value is None:
                return None
            watts *= value
        return watts


def hwmon_rails(chip: Path) -> Iterator[Rail]:
    """Yield the rails of one hwmon chip: power in microwatts, or millivolts and milliamperes."""
    interval_ms = sysfs.number(chip / "update_interval")
    period_s = interval_ms * MILLI if interval_ms else DEFAULT_PERIOD_S
    for number in CHANNELS:
        voltage, current = chip / f"in{number}_input", chip / f"curr{number}_input"
        label = sysfs.text(chip / f"in{number}_label") or f"rail {number}"
        off = sysfs.number(chip / f"in{number}_enable") == OFF
        if voltage.exists() and current.exists() and not off and UNCONNECTED not in label.split():
            yield Rail(label, (voltage, current), MILLI * MILLI, period_s)


def power_rail(chip: Path) -> Rail | None:
    """Return the one rail of a chip that multiplies by itself (INA219, INA226, INA260), or None."""
    file = chip / "power1_input"
    if not file.exists():
        return None
    interval_ms = sysfs.number(chip / "update_interval")
    return Rail(sysfs.text(chip / "power1_label") or "supply", (file,), MICRO, interval_ms * MILLI if interval_ms else DEFAULT_PERIOD_S)


def iio_rails(device: Path) -> Iterator[Rail]:
    """Yield the rails of one iio device, as JetPack 4 and before show them: power in milliwatts."""
    for name in sorted(device.glob("rail_name_*")):
        number = name.name.removeprefix("rail_name_")
        label = sysfs.text(name) or f"rail {number}"
        yield Rail(label, (device / f"in_power{number}_input",), MILLI, DEFAULT_PERIOD_S)
