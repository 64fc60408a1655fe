"""What a chart is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
"""Names the grammar; nothing is ever fetched from it."""
HEIGHT = 220
_MOST_ROOM = 4.0
"""Error bars may stretch a logarithmic axis by that factor beyond the outermost figures, and are cut there."""
_MOST_TICKS = 9
"""More labels than that on an axis are thinned to powers of ten."""


@dataclass(frozen=True)
class Chart:
    """A chart.

    Attributes:
        key: Its name as an identifier and a file, unique in the site.
        title: What it shows.
        about: How to read it, in a sentence or two.
        words: Its content in words, for those who cannot see it.
        spec: Vega-Lite, without a width and without colours: the page gives those.
        fields: Data field to the heading it has when the data are saved, with unit.
        part: The part of a page it belongs to.
        is_plugins: True for a chart that a plugin gave: nothing about it is sure.
        says_it_itself: True where `words` would only repeat what can be read in the drawing.
    """

    key: str
    title: str
    about: str
    words: str
    spec: Mapping[str, Any]
    fields: Mapping[str, str]
    part: str = ""
    says_it_itself: bool = False
    is_plugins: bool = False

    @property
    def height(self) -> int:
        """Height that the drawing will take, in pixels, as far as its specification tells."""
        height = self.spec.get("height")
        return int(height) if isinstance(height, (int, float)) else HEIGHT


@dataclass(frozen=True)
class ChartGroup:
    """The charts of one place, shown together."""

    place: str
    label: str
    charts: tuple[Chart, ...]

    @property
    def parts(self) -> list[tuple[str, list[Chart]]]:
        """The charts, part by part."""
        return [(part, list(charts)) for part, charts in groupby(self.charts, lambda chart: chart.part)]


def short(value: float) -> float:
    """Return a value to six digits: more cannot be seen in a drawing, and a site has a million of them."""
    return float(f"{value:.6g}")


def layered(
    values: Sequence[Mapping[str, Any]], layers: Sequence[Mapping[str, Any]], height: int = HEIGHT, legend_width: int = 150
) -> dict[str, Any]:
    """Return a specification of layers over one set of data.

    Args:
        values: The data.
        layers: The layers.
        height: Of the plot itself, in pixels; legend and axes come on top.
        legend_width: Pixels that an entry of the legend needs: whoever draws sets its columns by it.
    """
    return {
        "$schema": SCHEMA,
        "height": height,
        "usermeta": {"legendWidth": legend_width},
        "data": {"values": list(values)},
        "layer": list(layers),
    }


def field(name: str, kind: str, title: str | None = None, **more: Any) -> dict[str, Any]:
    """Return an encoding of one field: `kind` is Vega-Lite's `quantitative`, `nominal`, `ordinal` or `temporal`."""
    return {"field": name, "type": kind, **({} if title is None else {"title": title}), **more}


def whiskers(
    values: Sequence[Mapping[str, Any]], along: str, across: Mapping[str, Any], ends: Mapping[str, Any], colour: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Return a layer of error bars, or none where no figure has an interval.

    Args:
        values: The data.
        along: `x` or `y`: the direction of the bars.
        across: The encoding of the other direction.
        ends: The encoding of `<along>_low`; the other end is the field `<along>_high`.
        colour: The encoding of colour.
    """
    if all(value.get(f"{along}_low") is None for value in values):
        return []
    other = "y" if along == "x" else "x"
    encoding = {along: ends, f"{along}2": {"field": f"{along}_high"}, other: across, "color": colour, "tooltip": {"value": None}}
    return [
        {
            "mark": {"type": "rule", "opacity": 0.75, "clip": True},
            "encoding": encoding,
            "transform": [{"filter": f"isValid(datum.{along}_low)"}],
        }
    ]


def series(names: Sequence[str], title: str = "Variant") -> dict[str, Any]:
    """Return colour by variant: the method first, then its baselines, the same in every chart of a paper."""
    return field("variant", "nominal", title, scale={"domain": list(names)}, legend={"orient": "bottom", "labelLimit": 300, "title": None})


def ticks(values: Sequence[float]) -> list[float]:
    """Return the 1, 2, 5 steps that hold `values` between them, or where those are many the powers of ten: calmer than every step of a decade."""
    low, high = min(values), max(values)
    first, last = math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1
    fine = _holding([m * 10.0**e for e in range(first, last) for m in (1, 2, 5)], low, high)
    if len(fine) <= _MOST_TICKS:
        return fine
    return _holding([10.0**e for e in range(first, last + 1)], low, high)


def _holding(steps: Sequence[float], low: float, high: float) -> list[float]:
    """Return the steps from the last at or below `low` to the first at or above `high`."""
    below = max(i for i, step in enumerate(steps) if step <= low)
    above = min(i for i, step in enumerate(steps) if step >= high)
    return [short(step) for step in steps[below : above + 1]]


def reach(middles: Sequence[float], ends: Iterable[float | None]) -> list[float]:
    """Return what an axis has to hold: the figures, and their intervals as far as a hopelessly wide one does not squeeze the rest.

    Args:
        middles: The figures, positive.
        ends: Ends of their intervals.
    """
    low, high = min(middles) / _MOST_ROOM, max(middles) * _MOST_ROOM
    return [*middles, *(min(max(end, low), high) for end in ends if end is not None)]


def log_axis(values: Sequence[float], form: str = "~g") -> dict[str, Any]:
    """Return scale and axis of a logarithmic encoding that holds `values`."""
    ends = ticks(values)
    return {"scale": {"type": "log", "domain": [ends[0], ends[-1]], "nice": False}, "axis": {"format": form, "values": ends}}


def shapes(names: Sequence[str], title: str = "Variant") -> dict[str, Any]:
    """Return shape by variant, so that colour is never the only difference."""
    return field("variant", "nominal", title, scale={"domain": list(names)}, legend={"title": None})
