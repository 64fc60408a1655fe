"""Cells: a figure written for people, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass, replace

from harness.report.facts.figures import Fig
from harness.report.notation import marks
from harness.report.notation.marks import Mark
from harness.report.notation.numbers import NOTHING, interval, number, scaled, whole
from harness.report.notation.units import DisplayUnit
from harness.report.tables.relative import Relative, Sense

_SENSE_SIGNS = {Sense.BETTER: "▲", Sense.WORSE: "▼", Sense.SAME: "=", Sense.UNCLEAR: ""}
_MEASURED = marks.PROVENANCE["measured"]


@dataclass(frozen=True, slots=True)
class RatioText:
    """A comparison with the baseline, written.

    Attributes:
        text: `0.62×`, `+0.012`; a dash where there is none.
        interval: `0.60–0.64`.
        sense: `better`, `worse`, `same`, `unclear`.
        sign: A character for the sense.
        order: What it is sorted by; None sorts last.
        title: Its tooltip.
    """

    text: str = NOTHING
    interval: str = ""
    sense: str = Sense.UNCLEAR.value
    sign: str = ""
    order: float | None = None
    title: str = ""


NO_RATIO = RatioText()
REFERENCE = RatioText(text="baseline", title="what the others are compared with")


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell.

    Attributes:
        text: The number in its column's unit; a dash where there is no figure.
        interval: Its interval; empty where there is none.
        order: The stored value, in the stored unit; None sorts last.
        provenance: How it was had.
        marks: Noise and remarks of the meter.
        title: Every digit, the interval, how often; or why there is no figure.
        ratio: Relative to the baseline.
        best: True for the best of its column, ties included.
        missing: What stands in place of a figure: a status such as `timeout`, or nothing.
    """

    text: str = NOTHING
    interval: str = ""
    order: float | None = None
    provenance: Mark = _MEASURED
    marks: tuple[Mark, ...] = ()
    title: str = ""
    ratio: RatioText = NO_RATIO
    best: bool = False
    missing: Mark | None = None


EMPTY = Cell(title="not measured")


def failed_cell(status: str, message: str) -> Cell:
    """Return the cell of a case that gave no figure."""
    mark = marks.mark_of(marks.STATUSES, status)
    return Cell(text=mark.name, title=message or mark.about, missing=mark)


class CellWriter:
    """Writes figures, each once: the same figure stands on its family's page and on its paper's."""

    def __init__(self) -> None:
        self._written: dict[tuple[int, float, RatioText], Cell] = {}
        self._kept: list[Fig] = []  # keeps the figures alive, so that their ids stay theirs

    def cell(self, figure: Fig, unit: DisplayUnit, ratio: RatioText, best: bool) -> Cell:
        """Write a figure.

        Args:
            figure: The figure.
            unit: The unit of its column.
            ratio: Relative to the baseline.
            best: True for the best of its column.
        """
        key = (id(figure), unit.factor, ratio)
        found = self._written.get(key)
        if found is None:
            found = self._written[key] = figure_cell(figure, unit, ratio)
            self._kept.append(figure)
        return replace(found, best=True) if best else found


def figure_cell(figure: Fig, unit: DisplayUnit, ratio: RatioText = NO_RATIO) -> Cell:
    """Write one figure in a column's unit."""
    low, high = (None if v is None else v / unit.factor for v in (figure.low, figure.high))
    return Cell(
        scaled(figure.value, unit, figure.low, figure.high),
        interval(figure.value / unit.factor, low, high),
        figure.value,
        marks.mark_of(marks.PROVENANCE, figure.provenance),
        remarks(figure) if figure.message else (),
        tooltip(figure),
        ratio,
    )


def remarks(figure: Fig) -> tuple[Mark, ...]:
    """Return what stands beside a number: a noise mark, or a note."""
    kind = marks.NOISY if figure.noisy else marks.NOTE
    return (Mark(kind.name, kind.sign, kind.tone, figure.message),) if figure.message else ()


def tooltip(figure: Fig) -> str:
    """Say how sure a figure is; its meter and run stand in the column's heading and on the paper's page."""
    unit = "" if figure.unit == "1" else f" {figure.unit}"
    if figure.low is None or figure.high is None:
        return f"{whole(figure.value)}{unit}, no interval (n = {figure.n})"
    if figure.low == figure.high:
        return f"{whole(figure.value)}{unit}, exact"
    return f"{figure.value:.6g}{unit}, 95% interval {figure.low:.6g} to {figure.high:.6g} (n = {figure.n})"


def ratio_text(found: Relative) -> RatioText:
    """Write a comparison."""
    estimate = found.estimate
    written = number(estimate.value, estimate.low, estimate.high)
    spread = interval(estimate.value, estimate.low, estimate.high)
    how = "interleaved in one process" if found.paired else "from two separate figures"
    what = "minus" if found.is_difference else "over"
    text = f"{'+' if estimate.value > 0 else ''}{written}" if found.is_difference else f"{written}×"
    title = f"{'cannot tell' if found.sense is Sense.UNCLEAR else found.sense.value}: {what} {found.baseline}, {how}"
    return RatioText(text, spread, found.sense.value, _SENSE_SIGNS[found.sense], estimate.value, title)
