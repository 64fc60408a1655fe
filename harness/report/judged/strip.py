"""Where claimed and measured figures lie beside one another: the geometry of a small drawing."""

from __future__ import annotations

import math
from dataclasses import dataclass

_MARGIN = 0.1
"""Share of the drawing left free at either end, so that marks are never cut."""
_LEAST_SPAN = {"ratio": math.log(1.1), "difference": 1e-9}
"""A drawing never magnifies ratios closer than 10%: a hair's breadth would look like a gulf."""
_NO_EFFECT = {"ratio": 1.0, "order": 1.0, "difference": 0.0}


@dataclass(frozen=True)
class Strip:
    """Positions in percent of the drawing's width.

    Attributes:
        measured: The measured figure.
        low: Lower end of its interval.
        high: Upper end.
        claimed_low: The claimed figure, or the lower end of a claimed range; None for an ordering.
        claimed_high: The same, or the upper end.
        no_effect: Where subject and baseline are equal; None where that has no meaning or lies outside the drawing.
        words: The drawing in words.
    """

    measured: float
    low: float
    high: float
    claimed_low: float | None
    claimed_high: float | None
    no_effect: float | None
    words: str


def draw_strip(
    form: str, claimed: float | tuple[float, float] | None, measured: float | None, low: float | None, high: float | None
) -> Strip | None:
    """Lay out a claim; ratios on a logarithmic scale. None where nothing was measured.

    Args:
        form: The claim's form.
        claimed: The claimed figure or range.
        measured: The measured figure.
        low: Lower end of its interval; the figure itself where it has none.
        high: Upper end.
    """
    if measured is None or not math.isfinite(measured):
        return None
    ends = claimed if isinstance(claimed, tuple) else (claimed, claimed)
    low, high = (measured if bound is None or not math.isfinite(bound) else bound for bound in (low, high))
    no_effect = _NO_EFFECT.get(form)
    marks = [m for m in (measured, low, high, *ends, no_effect) if m is not None]
    is_log = form in ("ratio", "order") and min(marks) > 0
    along = math.log if is_log else float
    start, stop = min(map(along, marks)), max(map(along, marks))
    least = _LEAST_SPAN["ratio"] if is_log else _LEAST_SPAN["difference"]
    middle, span = (start + stop) / 2, max(stop - start, least) / (1 - 2 * _MARGIN)

    def at(mark: float | None) -> float | None:
        return None if mark is None else round(100 * (along(mark) - middle) / span + 50, 2)

    words = f"measured {measured:.4g}, interval {low:.4g} to {high:.4g}"
    if claimed is not None:
        words += f", claimed {' to '.join(f'{end:.4g}' for end in dict.fromkeys(ends) if end is not None)}"
    return Strip(at(measured) or 0.0, at(low) or 0.0, at(high) or 0.0, at(ends[0]), at(ends[1]), at(no_effect), words)
