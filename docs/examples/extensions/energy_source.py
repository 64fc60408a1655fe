"""An energy source: a wattmeter at the wall whose logger keeps writing watts to the file that WATTMETER names."""

import os
from pathlib import Path

from harness import hookimpl
from harness.sources.availability import AVAILABLE, Availability, SourceError
from harness.sources.energy.source import Basis, Quantity


class Wattmeter:
    """The power that the whole machine draws."""

    name = "wattmeter"
    domain = "the machine at the wall"
    basis = Basis.MEASURED
    quantity = Quantity.WATTS
    resolution_s = 0.1
    note = "includes the power supply's own losses"

    def __init__(self, path):
        self.path = path

    def available(self):
        if not self.path:
            return Availability(False, "WATTMETER is not set", "set it to the file that the logger writes")
        try:
            self.read()
        except SourceError as error:
            return Availability(False, str(error), "start the logger")
        return AVAILABLE

    def read(self):
        try:
            return float(Path(self.path).read_text())
        except (OSError, ValueError) as error:
            raise SourceError(f"{self.path} holds no watts: {error}") from error


@hookimpl
def energy_sources(device):
    return [Wattmeter(os.environ.get("WATTMETER", ""))]
