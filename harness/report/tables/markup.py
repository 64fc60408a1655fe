"""Cells as HTML. A large site has 150,000 of them, and a template macro takes ten times as long for each; everything else is in templates."""

from __future__ import annotations

from markupsafe import Markup, escape

from harness.report.notation.marks import Mark
from harness.report.tables.cells import Cell, RatioText

_EXACT_BELOW = 2.0**53
"""A script's numbers are exact below it."""


def plain_digits(value: float) -> str:
    """Write a stored value for a script: every digit of a count, nine of anything else."""
    return str(int(value)) if value == int(value) and abs(value) < _EXACT_BELOW else f"{value:.9g}"


def cell_markup(cell: Cell, at_edge: bool) -> Markup:
    """Return a table's cell.

    Args:
        cell: What it says.
        at_edge: True for the first column under a heading.
    """
    edge = " edge" if at_edge else ""
    if cell.order is None:
        title = f' title="{escape(cell.title)}"' if cell.title else ""
        inside = _badge(cell.missing) if cell.missing else escape(cell.text)
        return Markup(f'<td class="fig none{edge}" data-order=""{title}>{inside}</td>')
    best = f'<b>{cell.text}</b><span class="sr"> best</span>' if cell.best else cell.text
    spread = f'<span class="ci">{cell.interval}</span>' if cell.interval else ""
    remarks = "".join(map(_remark, cell.marks))
    return Markup(
        f'<td class="fig{edge}" data-order="{plain_digits(cell.order)}" data-n="{cell.n}"{_attributes(cell)}>'
        f'<span class="v">{remarks}{best}{spread}</span><span class="r">{_ratio(cell.ratio)}</span></td>'
    )


def _attributes(cell: Cell) -> str:
    parts = []
    if cell.low is not None and cell.high is not None:
        exact = cell.low == cell.high
        parts.append(' data-ci="exact"' if exact else f' data-ci="{plain_digits(cell.low)} {plain_digits(cell.high)}"')
    if cell.provenance.sign:
        parts.append(f' data-p="{escape(cell.provenance.name)}"')
    if cell.ratio.order is not None:
        parts.append(f' data-ratio="{cell.ratio.order:.6g}"{" data-paired" if cell.ratio.paired else ""}')
    return "".join(parts)


def _ratio(ratio: RatioText) -> str:
    spread = f'<span class="ci">{ratio.interval}</span>' if ratio.interval else ""
    return f'<span class="sense-{ratio.sense}">{ratio.text}</span>{spread}' if ratio.sign else f"{ratio.text}{spread}"


def _remark(mark: Mark) -> str:
    about, name = escape(mark.about), escape(mark.name)
    return (
        f'<abbr class="mark {mark.tone}" title="{about}"><span aria-hidden="true">{mark.sign}</span><span class="sr">{name} </span></abbr> '
    )


def _badge(mark: Mark) -> str:
    sign = f'<span class="sign" aria-hidden="true">{mark.sign}</span>'
    return f'<span class="badge {mark.tone}">{sign}{escape(mark.name)}</span>'
