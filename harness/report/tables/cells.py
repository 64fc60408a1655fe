"""Cells: a figure written for people, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass

from harness.report.facts.facts import Facts
from harness.report.facts.figures import Fig, FigureKey, RowKey
from harness.report.notation import marks
from harness.report.notation.marks import Mark
from harness.report.notation.numbers import NOTHING, interval, number, scaled
from harness.report.notation.quantities import Quantity
from harness.report.notation.units import DisplayUnit
from harness.report.tables.relative import Relative, Sense, relative

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
        paired: True where both were measured interleaved in one process.
        provenance: How both figures were had.
    """

    text: str = NOTHING
    interval: str = ""
    sense: str = Sense.UNCLEAR.value
    sign: str = ""
    order: float | None = None
    paired: bool = False
    provenance: Mark = _MEASURED


NO_RATIO = RatioText()
REFERENCE = RatioText(text="baseline")


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell.

    Attributes:
        text: The number in its column's unit; a dash where there is no figure.
        interval: Its interval; empty where there is none.
        order: The stored value, in the stored unit; None sorts last.
        provenance: How it was had.
        marks: Noise and remarks of the meter.
        low: Lower end of the interval, in the stored unit; None where there is none.
        high: Upper end.
        n: Repetitions behind it.
        title: Why there is no figure.
        ratio: Relative to the baseline.
        best: True for the best of its column, ties included.
        missing: What stands in place of a figure: a status such as `timeout`, or nothing.
    """

    text: str = NOTHING
    interval: str = ""
    order: float | None = None
    provenance: Mark = _MEASURED
    marks: tuple[Mark, ...] = ()
    low: float | None = None
    high: float | None = None
    n: int = 0
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
    """Writes figures, each once: the same figure stands on its family's page and on its paper's.

    Args:
        facts: What the figures are part of; kept, so that their ids stay theirs.
    """

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._cells: dict[tuple[int, float, bool], Cell] = {}
        self._ratios: dict[int, RatioText] = {}

    def cell(self, row: RowKey, where: FigureKey, figure: Fig, quantity: Quantity, unit: DisplayUnit, reference: str, best: bool) -> Cell:
        """Write a figure.

        Args:
            row: Whose figure it is.
            where: Its place and metric.
            figure: The figure.
            quantity: What it shows.
            unit: The unit of its column.
            reference: The baseline that its paper's ratios are taken against.
            best: True for the best of its column.
        """
        key = (id(figure), unit.factor, best)
        if key not in self._cells:
            if id(figure) not in self._ratios:
                self._ratios[id(figure)] = self._ratio(row, where.place, quantity, reference)
            self._cells[key] = figure_cell(figure, unit, self._ratios[id(figure)], best)
        return self._cells[key]

    def _ratio(self, row: RowKey, place: str, quantity: Quantity, reference: str) -> RatioText:
        if row.variant == reference:
            return REFERENCE
        compared = relative(self._facts, row, place, quantity, reference)
        return ratio_text(compared) if compared else NO_RATIO


def figure_cell(figure: Fig, unit: DisplayUnit, ratio: RatioText = NO_RATIO, best: bool = False) -> Cell:
    """Write one figure in a column's unit."""
    low, high = (None if v is None else v / unit.factor for v in (figure.low, figure.high))
    return Cell(
        scaled(figure.value, unit, figure.low, figure.high),
        interval(figure.value / unit.factor, low, high),
        figure.value,
        marks.mark_of(marks.PROVENANCE, figure.provenance),
        remarks(figure) if figure.message else (),
        figure.low,
        figure.high,
        figure.n,
        ratio=ratio,
        best=best,
    )


def remarks(figure: Fig) -> tuple[Mark, ...]:
    """Return what stands beside a number: a noise mark, or a note."""
    kind = marks.NOISY if figure.noisy else marks.NOTE
    return (Mark(kind.name, kind.sign, kind.tone, figure.message),) if figure.message else ()


def ratio_text(found: Relative) -> RatioText:
    """Write a comparison."""
    estimate = found.estimate
    written = number(estimate.value, estimate.low, estimate.high)
    spread = interval(estimate.value, estimate.low, estimate.high)
    text = f"{'+' if estimate.value > 0 else ''}{written}" if found.is_difference else f"{written}×"
    how = marks.mark_of(marks.PROVENANCE, found.provenance)
    return RatioText(text, spread, found.sense.value, _SENSE_SIGNS[found.sense], estimate.value, found.paired, how)
