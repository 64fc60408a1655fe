"""Published sizes: a figure as its authors print it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.plugin.validate import CardError, check_known, check_text, check_type, frozen_mapping

SIZE_QUANTITIES = ("parameters", "macs", "flops")

_PREFIX = {"": 1.0, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "B": 1e9, "T": 1e12}
_PRINTED = re.compile(r"^(?P<digits>\d[\d,_]*(?:\.(?P<decimals>\d+))?)\s*(?P<prefix>[kKMGBT]?)$")


@dataclass(frozen=True)
class PublishedSize:
    """A size that the authors print, checked on the `meta` device at `paper` scale.

    Attributes:
        variant: The variant that is built.
        quantity: `parameters`, `macs` (multiply-accumulates of matrix-like operations) or `flops`.
        printed: The figure with the authors' own digits: `"28 M"`, `"3.7 G"` or `"27,844,000"`. Its last digit says how exact it is.
        source: Where it is printed: a table, a file.
        params: What `model` and `data` are called with, over the card's default point.
        workload: Which workload is counted; the card's first where it is empty.
        input: The input in words, for people: `"224x224"`.
        convention: How the authors count, where that differs from ours.
        adjust: What that convention adds to our count, an exact number with the sign of the difference (theirs minus ours).
        disputed: Why the print is thought to be wrong, where a difference has been looked into and no other model is meant. It still differs; the
            plugin is not to blame.
    """

    variant: str
    quantity: str
    printed: str
    source: str
    params: Mapping[str, Any] = field(default_factory=dict)
    workload: str = ""
    input: str = ""
    convention: str = ""
    adjust: int = 0
    disputed: str = ""

    def __post_init__(self) -> None:
        owner = f"published size of {self.variant!r}"
        check_text(owner, "variant", self.variant)
        check_known(owner, "quantity", self.quantity, SIZE_QUANTITIES)
        check_text(owner, "printed", self.printed)
        check_text(owner, "source", self.source)
        check_type(owner, "adjust", self.adjust, int)
        if self.adjust and not self.convention:
            raise CardError(f"{owner}: adjust is {self.adjust} but convention is empty; say which convention makes the difference")
        object.__setattr__(self, "params", frozen_mapping(owner, "params", self.params))
        _ = self.value

    @property
    def value(self) -> float:
        """The printed figure as a number."""
        return self._parse()[0]

    @property
    def half_unit(self) -> float:
        """Half a unit of the last printed digit; 0 for an exact integer."""
        return self._parse()[1]

    def _parse(self) -> tuple[float, float]:
        match = _PRINTED.match(self.printed.strip())
        if match is None:
            msg = f"published size of {self.variant!r}: printed is {self.printed!r}; write digits and a prefix, as '28 M' or '27,844,000'"
            raise CardError(msg)
        factor = _PREFIX[match["prefix"]]
        value = float(match["digits"].replace(",", "").replace("_", ""))
        if factor == 1.0 and not match["decimals"]:
            return value, 0.0
        return value * factor, 0.5 * factor * 10.0 ** -len(match["decimals"] or "")
