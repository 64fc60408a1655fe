"""What an energy source is, and the object that stands where there is none."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable

from harness.sources.availability import AVAILABLE, Availability, SourceError


class Basis(StrEnum):
    """How a source comes by its joules: the words that figures carry as their provenance."""

    MEASURED = "measured"
    """A sensor or counter of the hardware."""
    ESTIMATED = "estimated"
    """A model of the machine, such as its nominal power times its load."""
    MODELLED = "modelled"
    """A table of operation costs."""


class Quantity(StrEnum):
    """What `read` returns."""

    JOULES = "joules"
    """A counter that never falls: two reads give the energy between them."""
    WATTS = "watts"
    """The power of this moment: many reads have to be integrated."""


class EnergySource(Protocol):
    """Something that tells the energy or the power of a device. Third-party packages may bring their own.

    Attributes:
        name: Short, as it stands behind `energy/` in the column `meter`.
        domain: What part of the machine it covers, in words.
        basis: Measured, estimated or modelled.
        quantity: What `read` returns.
        resolution_s: How often the reading is expected to change; meters measure the real period.
        note: Constants and conditions that belong beside every figure of it; empty where there are none.
    """

    @property
    def name(self) -> str: ...  # noqa: D102 - read-only attributes, documented above
    @property
    def domain(self) -> str: ...  # noqa: D102
    @property
    def basis(self) -> Basis: ...  # noqa: D102
    @property
    def quantity(self) -> Quantity: ...  # noqa: D102
    @property
    def resolution_s(self) -> float: ...  # noqa: D102
    @property
    def note(self) -> str: ...  # noqa: D102

    def available(self) -> Availability:
        """Return whether it answers here and now. Asks the hardware; never raises."""
        ...

    def read(self) -> float:
        """Return joules since an arbitrary start, or watts, as `quantity` says.

        Raises:
            SourceError: when the reading cannot be had or cannot be true.
        """
        ...


@runtime_checkable
class PowerBeside(Protocol):
    """A counter that has an independent reading of power beside it, to be held against it."""

    def power_w(self) -> float:
        """Return the power of this moment in watts."""
        ...


@runtime_checkable
class Thermometer(Protocol):
    """A source that knows how hot its device is."""

    def temperature_c(self) -> float:
        """Return degrees Celsius."""
        ...


@dataclass(frozen=True)
class AbsentSource:
    """The source of a machine that has none: says why, and what would have to be done."""

    name: str
    domain: str
    reason: str
    remedy: str
    basis: Basis = Basis.MEASURED
    quantity: Quantity = Quantity.JOULES
    resolution_s: float = float("inf")
    note: str = ""

    def available(self) -> Availability:
        """Return the absence, with its reason and its remedy."""
        return Availability(False, self.reason, self.remedy)

    def read(self) -> float:
        """Raise.

        Raises:
            SourceError: always.
        """
        raise SourceError(str(self.available()))


def probe(source: EnergySource, remedy: str) -> Availability:
    """Return whether one read works: a library that loads may still answer every question with "not supported"."""
    try:
        source.read()
    except SourceError as error:
        return Availability(False, str(error), remedy)
    return AVAILABLE
