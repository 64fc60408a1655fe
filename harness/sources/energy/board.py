"""Power of a whole board from its supply rails."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.sources.availability import Availability, SourceError
from harness.sources.energy.rails import Rail
from harness.sources.energy.source import Basis, Quantity, probe


@dataclass
class RailPower:
    """Watts over one or several rails that do not contain one another."""

    name: str
    rails: list[Rail]
    remedy: str
    note: str = ""
    domain: str = field(init=False)
    basis: Basis = Basis.MEASURED
    quantity: Quantity = Quantity.WATTS
    resolution_s: float = field(init=False)

    def __post_init__(self) -> None:
        self.domain = "+".join(rail.label for rail in self.rails)
        self.resolution_s = max(rail.period_s for rail in self.rails)

    def available(self) -> Availability:
        """Return whether every rail answers."""
        return probe(self, self.remedy)

    def read(self) -> float:
        """Return watts of this moment, over all rails.

        Raises:
            SourceError: when a rail has gone or may not be read.
        """
        return sum(self._power_w(rail) for rail in self.rails)

    def _power_w(self, rail: Rail) -> float:
        try:
            watts = rail.power_w()
        except PermissionError as error:
            raise SourceError(f"the sensor of rail {rail.label} may not be read") from error
        if watts is None:
            raise SourceError(f"the sensor of rail {rail.label} has gone")
        return watts
