"""How far the figures of a place can be trusted: noise marks and the width of intervals."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from harness.report.facts.facts import Facts
from harness.report.facts.places import Place
from harness.report.notation.marks import Mark

_MUCH_NOISE = 0.1
"""Where one timed figure in ten carries a noise mark, the machine had other work to do."""
_WIDE = 0.05
"""Latencies known to 5% cannot show the effects of a few percent that most claims are about."""


@dataclass(frozen=True)
class Trust:
    """How trustworthy a place's timings are.

    Attributes:
        mark: In a word.
        timed: Latencies there are.
        noisy: Those that carry a noise mark.
        half_width: Median half-width of their intervals over their values; None where none has an interval.
        words: In a sentence.
    """

    mark: Mark
    timed: int
    noisy: int
    half_width: float | None
    words: str


def trust_in(facts: Facts, place: Place) -> Trust:
    """Judge the latencies of a place."""
    latencies = [f for row in facts.figures.values() for key, f in row.items() if key.place == place.key and key.metric == "latency"]
    noisy = sum(f.noisy for f in latencies)
    widths = [(f.high - f.low) / 2 / f.value for f in latencies if f.low is not None and f.high is not None and f.value > 0]
    half_width = median(widths) if widths else None
    spread = _spread(half_width)
    fitness = place.environment().get("fitness_verdict", "")
    timed = f"{noisy} of {len(latencies)} latencies carry a noise mark; {spread}" if latencies else "nothing was timed"
    words = f"{timed}; before the run: {fitness}" if fitness else timed
    return Trust(_mark(len(latencies), noisy, half_width), len(latencies), noisy, half_width, words)


def _spread(half_width: float | None) -> str:
    if half_width is None:
        return "latencies have no interval"
    return f"latencies are known to ±{half_width:.1%} (median)" if half_width < 1 else "half of the latencies are not known to ±100%"


def _mark(timed: int, noisy: int, half_width: float | None) -> Mark:
    if not timed:
        return Mark("not timed", "·", "mute", "Nothing was timed here.")
    if noisy > _MUCH_NOISE * timed:
        return Mark("noisy", "≋", "poor", f"More than {_MUCH_NOISE:.0%} of the latencies carry a noise mark.")
    if half_width is None or half_width > _WIDE:
        return Mark("coarse", "~", "fair", f"Half of the latencies are known to no better than {_WIDE:.0%}.")
    return Mark("steady", "✓", "good", "Little noise, narrow intervals.")
