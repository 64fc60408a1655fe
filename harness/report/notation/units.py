"""Units for people: from seconds, bytes, joules and counts to µs, MiB, mJ and G."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class DisplayUnit:
    """A unit that figures are shown in.

    Attributes:
        symbol: What is written beside the number or in a column's header; empty for plain numbers.
        factor: One display unit in the stored unit: `1e-3` for ms over s.
    """

    symbol: str
    factor: float


_SI = {"f": 1e-15, "p": 1e-12, "n": 1e-9, "µ": 1e-6, "m": 1e-3, "": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15}
_BINARY = {"": 1.0, "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40}
_COUNT_PREFIXES = ("", "k", "M", "G", "T", "P")

_FAMILIES: dict[str, tuple[DisplayUnit, ...]] = {
    "s": tuple(DisplayUnit(f"{p}s", _SI[p]) for p in ("n", "µ", "m", "")),
    "g": tuple(DisplayUnit(f"{p}g", _SI[p]) for p in ("f", "p", "n", "µ", "m", "", "k")),
    "J": tuple(DisplayUnit(f"{p}J", _SI[p]) for p in ("f", "p", "n", "µ", "m", "", "k", "M")),
    "J*s": tuple(DisplayUnit(f"{p}J·s", _SI[p]) for p in ("f", "p", "n", "µ", "m", "")),
    "W": tuple(DisplayUnit(f"{p}W", _SI[p]) for p in ("µ", "m", "", "k")),
    "B": tuple(DisplayUnit(f"{p}B", f) for p, f in _BINARY.items()),
    "B/s": tuple(DisplayUnit(f"{p}B/s", _SI[p]) for p in _COUNT_PREFIXES),
    "FLOP/s": tuple(DisplayUnit(f"{p}FLOP/s", _SI[p]) for p in _COUNT_PREFIXES),
    "1": tuple(DisplayUnit(p, _SI[p]) for p in _COUNT_PREFIXES),
}
"""Display units of each stored unit, ascending. A unit that is not here is shown as it is."""


def is_scalable(unit: str) -> bool:
    """Say whether figures in a stored unit are shown with a prefix."""
    return unit in _FAMILIES


def display_unit(unit: str, values: Iterable[float]) -> DisplayUnit:
    """Return the unit in which the middle of `values` reads as 1 to 1000.

    Args:
        unit: The stored unit: `s`, `B`, `J`, `1`, ...
        values: Figures in that unit, to be shown together.

    >>> display_unit("s", [0.0012, 0.004, 0.9])
    DisplayUnit(symbol='ms', factor=0.001)
    >>> display_unit("points", [71.2])
    DisplayUnit(symbol='points', factor=1.0)
    """
    plain = DisplayUnit("" if unit == "1" else unit, 1.0)
    sizes = sorted(abs(v) for v in values if v and math.isfinite(v))
    if unit not in _FAMILIES or not sizes:
        return plain
    middle = sizes[(len(sizes) - 1) // 2]
    family = _FAMILIES[unit]
    return next((u for u in reversed(family) if middle >= u.factor), family[0])
