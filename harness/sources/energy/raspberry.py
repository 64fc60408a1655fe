"""The power chip of the Raspberry Pi 5, through the firmware's own tool."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field

from harness.sources.availability import Availability, SourceError
from harness.sources.energy.source import AbsentSource, Basis, EnergySource, Quantity, probe

CHANNEL = re.compile(r"^\s*(?P<rail>\S+)_[AV]\s+(?P<kind>current|volt)\(\d+\)=(?P<value>[\d.]+)[AV]\s*$")
COMMAND = ("vcgencmd", "pmic_read_adc")
TIMEOUT_S = 5.0
PERIOD_S = 0.1
"""One reading takes the firmware some 23 ms (Zeus' measurement): ten a second leave the board to the work."""
NOWHERE = "only a Raspberry Pi 5 has it; elsewhere wire an INA sensor into the supply"


def pmic_text() -> str:
    """Return what the firmware says of its converters.

    Raises:
        SourceError: when there is no such tool, or it fails.
    """
    try:
        done = subprocess.run(COMMAND, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except (OSError, subprocess.SubprocessError) as error:
        raise SourceError(f"{' '.join(COMMAND)} cannot be run here") from error
    if done.returncode != 0:
        raise SourceError(f"{' '.join(COMMAND)} ended with status {done.returncode}")
    return done.stdout


def rails_w(listing: str) -> dict[str, float]:
    """Return watts by rail from `VDD_CORE_A current(7)=0.81A` and its `_V volt(..)`; rails with only one of the two have no power."""
    found: dict[str, dict[str, float]] = {}
    for line in listing.splitlines():
        if match := CHANNEL.match(line):
            found.setdefault(match["rail"], {})[match["kind"]] = float(match["value"])
    return {rail: both["current"] * both["volt"] for rail, both in found.items() if len(both) == len(("current", "volt"))}


@dataclass
class PmicPower:
    """Watts of all rails of the board."""

    ask: Callable[[], str] = field(default=pmic_text, repr=False)
    name: str = "pmic"
    domain: str = "board rails"
    basis: Basis = Basis.MEASURED
    quantity: Quantity = Quantity.WATTS
    resolution_s: float = PERIOD_S
    note: str = "without what hangs on the USB ports"

    def available(self) -> Availability:
        """Return whether the firmware answers."""
        return probe(self, NOWHERE)

    def read(self) -> float:
        """Return watts of this moment.

        Raises:
            SourceError: when the tool fails, or lists no rail with both voltage and current.
        """
        rails = rails_w(self.ask())
        if not rails:
            raise SourceError("the firmware lists no rail with both voltage and current")
        return sum(rails.values())


def source(ask: Callable[[], str] = pmic_text) -> EnergySource:
    """Return the board's power, or why there is none."""
    found = PmicPower(ask)
    state = found.available()
    return found if state else AbsentSource("pmic", "board rails", state.reason, state.remedy)
