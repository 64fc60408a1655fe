"""How near each method comes to what the device can do: operations a second over operations a byte."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from harness.report.charts.chart import Chart, field, layered, log_axis, short
from harness.report.facts.cards import Card
from harness.report.facts.facts import Facts
from harness.report.facts.places import Place
from harness.report.notation.numbers import quantity as written
from harness.report.notation.points import file_slug
from harness.report.notation.units import display_unit

_PEAKS = ("peak_flops", "peak_bandwidth")
"""Facts of a run's environment: FLOP/s and B/s. Without both there is no roof to draw."""


def roofline_charts(facts: Facts, cards: Sequence[Card], place: Place, name: str) -> list[Chart]:
    """Return the roofline of a place with some papers' variants under it, or nothing where its peaks are not known.

    Args:
        facts: What the store says.
        cards: The papers.
        place: Where.
        name: What the chart belongs to.
    """
    try:
        peak, bandwidth = (float(place.environment()[key]) for key in _PEAKS)
    except (KeyError, ValueError):
        return []
    points = [point for card in cards for point in _points(facts, card, place)]
    if not points or peak <= 0 or bandwidth <= 0:
        return []
    unit = display_unit("FLOP/s", [peak])
    ridge = peak / bandwidth
    ends = [min(ridge / 8, *(p["x"] / 2 for p in points)), ridge, max(ridge * 8, *(p["x"] * 2 for p in points))]
    roof = [{"x": x, "y": min(peak, bandwidth * x) / unit.factor, "role": "roof"} for x in ends]
    values = [{**p, "y": short(p["y"] / unit.factor), "reached": short(p["y"] / min(peak, bandwidth * p["x"]))} for p in points]
    title = f"Performance ({unit.symbol})"
    most = max(values, key=lambda v: v["reached"])
    about = f"The line is what {place.machine or place.target} can do at best: {written(peak, 'FLOP/s')}, {written(bandwidth, 'B/s')}."
    words = f"Nearest to the roof: {most['paper']} {most['variant']} at {most['reached']:.0%}."
    fields = {"paper": "paper", "variant": "variant", "x": "FLOPs a byte", "y": title, "reached": "share of the roof"}
    return [
        Chart(
            file_slug(f"roofline-{name}-{place.key}"),
            f"Roofline, {place.label}",
            about,
            words,
            _spec(values, roof, title),
            fields,
            "Roofline",
        )
    ]


def _points(facts: Facts, card: Card, place: Place) -> list[dict[str, Any]]:
    points = []
    for row in facts.rows_by_paper.get(card.slug, ()):
        if row.params != card.default_params(row.scale) or row.workload != next(iter(card.items), ""):
            continue
        found = [facts.figure(row, place.key, metric) for metric in ("flops", "bytes_moved", "latency")]
        flops, moved, seconds = (figure.value if figure else math.nan for figure in found)
        if flops > 0 and moved > 0 and seconds > 0:
            role = "method" if row.variant == card.subject else "baseline"
            points.append({"paper": card.slug, "variant": row.variant, "role": role, "x": short(flops / moved), "y": flops / seconds})
    return points


def _spec(values: Sequence[dict[str, Any]], roof: Sequence[dict[str, Any]], title: str) -> dict[str, Any]:
    x = field("x", "quantitative", "FLOPs a byte moved", **log_axis([v["x"] for v in (*values, *roof)]))
    y = field("y", "quantitative", title, **log_axis([v["y"] for v in (*values, *roof)]))
    roles = ["method", "baseline"]
    tips = [field("paper", "nominal", "Paper"), field("variant", "nominal", "Variant"), field("x", "quantitative", "FLOPs a byte", format=".3~g"),
            field("y", "quantitative", title, format=".3~g"), field("reached", "quantitative", "Of the roof", format=".1%")]  # fmt: skip
    line = {
        "data": {"values": list(roof)},
        "mark": {"type": "line", "color": "gray"},
        "encoding": {"x": x, "y": y, "order": {"field": "x"}},
    }
    points = {
        "mark": {"type": "point", "opacity": 0.9},
        "encoding": {
            "x": x,
            "y": y,
            "color": field("role", "nominal", scale={"domain": roles}, legend={"orient": "bottom"}),
            "shape": field("role", "nominal", scale={"domain": roles, "range": ["diamond", "circle"]}),
            "tooltip": tips,
        },
    }
    return layered(values, [line, points])
