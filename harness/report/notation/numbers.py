"""Numbers for people: as many digits as the interval warrants, and no more."""

from __future__ import annotations

import math

from harness.report.notation.units import DisplayUnit, display_unit

EXACT_DIGITS = 4
"""Digits of an exact count in a table; the whole number is in its tooltip and in every export."""
LONE_DIGITS = 3
"""Digits of a figure without an interval: what a single reading of a noisy machine can at best mean."""
FEWEST_DIGITS, MOST_DIGITS = 2, 6
"""Bounds on digits that come from an interval: one digit hides differences, a seventh is never read."""
_SCIENTIFIC_BELOW, _SCIENTIFIC_FROM = 1e-4, 1e7
"""Outside these a number is written with a power of ten."""
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_DECADE = 10.0
MINUS = "\N{MINUS SIGN}"
NOTHING = "–"


def decimals(value: float, low: float | None, high: float | None) -> int:
    """Return how many decimals of `value` its interval warrants; negative where digits before the point are not warranted.

    The last digit shown is the first digit of the interval's half-width, or the second where the first is 1.
    """
    magnitude = _exponent(value)
    half_width = 0.0 if low is None or high is None else max(value - low, high - value)
    if low is None or high is None:
        return LONE_DIGITS - 1 - magnitude
    if half_width <= 0 or not math.isfinite(half_width):
        return EXACT_DIGITS - 1 - magnitude
    place = _exponent(half_width)
    if half_width / 10.0**place < 2:
        place -= 1
    return min(max(-place, FEWEST_DIGITS - 1 - magnitude), MOST_DIGITS - 1 - magnitude)


def number(value: float | None, low: float | None = None, high: float | None = None) -> str:
    """Write a number with the digits that its interval warrants.

    >>> number(1.23456, 1.21, 1.26)
    '1.23'
    >>> number(1.23456, 1.23456, 1.23456)
    '1.235'
    """
    if value is None or not math.isfinite(value):
        return NOTHING
    return fixed(value, decimals(value, low, high))


def fixed(value: float, places: int) -> str:
    """Write a number with so many decimals (or, when negative, rounded to tens, hundreds, ...)."""
    if value == 0:
        return "0"
    rounded = round(value, places)
    if not _SCIENTIFIC_BELOW <= abs(value) < _SCIENTIFIC_FROM:
        return _scientific(value, max(0, places + _exponent(value)))
    return _grouped(rounded, max(0, places))


def interval(value: float, low: float | None, high: float | None) -> str:
    """Write an interval with the digits of its value: `1.58–1.67`; empty where there is none, or it is a point.

    The ends of one that spans a decade have little to do with its value: each gets its own two digits.

    >>> interval(0.43, 0.00004, 207628.0)
    '4.0×10⁻⁵–210,000'
    """
    if low is None or high is None or low == high or not (math.isfinite(low) and math.isfinite(high)):
        return ""
    places = decimals(value, low, high)
    ends = (places, places)
    if 0 < low < high / _DECADE:
        ends = (FEWEST_DIGITS - 1 - _exponent(low), FEWEST_DIGITS - 1 - _exponent(high))
    return f"{fixed(low, ends[0])}{'–' if low >= 0 else ' to '}{fixed(high, ends[1])}"


def quantity(value: float | None, unit: str, low: float | None = None, high: float | None = None) -> str:
    """Write one figure with a unit of its own choosing.

    >>> quantity(0.00123, "s")
    '1.23 ms'
    """
    if value is None or not math.isfinite(value):
        return NOTHING
    shown = display_unit(unit, [value])
    return joined(scaled(value, shown, low, high), shown)


def scaled(value: float, shown: DisplayUnit, low: float | None = None, high: float | None = None) -> str:
    """Write a figure in a given display unit, without its symbol; an exact count that needs no prefix keeps every digit."""
    if low == high == value and shown.factor == 1 and value == int(value) and abs(value) < _SCIENTIFIC_FROM:
        return _grouped(value, 0)
    return number(*(None if v is None else v / shown.factor for v in (value, low, high)))


def joined(text: str, shown: DisplayUnit) -> str:
    """Join a number and its unit."""
    return f"{text} {shown.symbol}" if shown.symbol else text


def whole(value: float) -> str:
    """Write every digit of a count: `27,844,000`."""
    return f"{value:,.0f}" if math.isfinite(value) and value == int(value) else repr(value)


def _exponent(value: float) -> int:
    return math.floor(math.log10(abs(value))) if value else 0


def _grouped(value: float, places: int) -> str:
    return f"{value:,.{places}f}".replace("-", MINUS)


def _scientific(value: float, places: int) -> str:
    mantissa, exponent = f"{value:.{places}e}".split("e")
    return f"{mantissa}×10{str(int(exponent)).translate(_SUPERSCRIPTS)}".replace("-", MINUS)
