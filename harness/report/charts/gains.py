"""What each method gains over its baseline: ratios with intervals, paper by paper, unlike papers side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.report.charts.chart import Chart, field, layered, reach, short
from harness.report.facts.cards import Card
from harness.report.facts.facts import Facts
from harness.report.facts.figures import RowKey
from harness.report.facts.places import Place
from harness.report.notation.points import file_slug
from harness.report.notation.quantities import quantity
from harness.report.tables.relative import Relative, relative

METRICS = ("latency", "macs", "peak_activation", "energy")
_ROW_HEIGHT, _FRAME = 34, 30
"""A paper's four bars need 34 pixels to stay apart."""
_CLOSEST, _ROOM = (0.9, 1.1), 1.05
"""The axis reaches a tenth to either side of 1, and a little beyond the outermost bar."""
_MOST_PAPERS = 60
"""More rows than a screen or two are read in the table."""


def headline_row(facts: Facts, card: Card, place: Place) -> RowKey | None:
    """Return the row of the method at the default point, first workload, largest scale that ran; None where nothing did."""
    rows = [
        row
        for row in facts.rows_by_paper.get(card.slug, ())
        if row.variant == card.subject and row.workload == next(iter(card.items), "") and row.params == card.default_params(row.scale)
    ]
    here = [row for row in rows if any(key.place == place.key for key in facts.figures[row])]
    ranks = ("smoke", "small", "paper")
    return max(here, key=lambda row: (ranks.index(row.scale) if row.scale in ranks else -1, row.mode == "eager"), default=None)


def gains(facts: Facts, card: Card, place: Place) -> dict[str, Relative]:
    """Return the method over its reference baseline, metric by metric."""
    row = headline_row(facts, card, place)
    if row is None:
        return {}
    found = {metric: relative(facts, row, place.key, quantity(metric, "1", {}, ()), card.reference) for metric in METRICS}
    return {metric: one for metric, one in found.items() if one is not None}


def gains_chart(facts: Facts, cards: Sequence[Card], place: Place, name: str) -> list[Chart]:
    """Return the chart of some papers' gains on a place, or nothing where there are none.

    Args:
        facts: What the store says.
        cards: The papers.
        place: Where.
        name: What the chart belongs to.
    """
    values = [_datum(card, metric, one) for card in cards[:_MOST_PAPERS] for metric, one in gains(facts, card, place).items()]
    if not values:
        return []
    fields = {"paper": "paper", "baseline": "baseline", "metric": "metric", "ratio": "method / baseline", "low": "low", "high": "high"}
    about = "Method over its paper's first baseline, logarithmic. Left of 1: the method needs less. Bars are 95% intervals."
    words = "; ".join(f"{v['paper']} {v['metric']} {v['ratio']:.3g}" for v in values)
    papers, labels = (list(dict.fromkeys(v[name] for v in values)) for name in ("paper", "metric"))
    spec = layered(values, _layers(papers, labels, _domain(values)), _ROW_HEIGHT * len(papers) + _FRAME)
    return [
        Chart(
            file_slug(f"gains-{name}-{place.key}"),
            "Gains over the baseline",
            about,
            words,
            spec,
            fields,
            "Against the baseline",
            says_it_itself=True,
        )
    ]


def _datum(card: Card, metric: str, found: Relative) -> dict[str, Any]:
    estimate = found.estimate
    ends = {"ratio": estimate.value, "low": estimate.low, "high": estimate.high}
    numbers = {name: None if end is None else short(end) for name, end in ends.items()}
    return {"paper": card.slug, "baseline": found.baseline, "metric": _label(metric, found.provenance), **numbers}


def _label(metric: str, provenance: str) -> str:
    """Name a metric; what was not measured or counted says so."""
    return quantity(metric, "1", {}, ()).label + (f" ({provenance})" if provenance in ("estimated", "modelled") else "")


def _domain(values: Sequence[dict[str, Any]]) -> list[float]:
    """Return the ends of the axis: 1 is always seen, and a hair's breadth is never drawn as a gulf."""
    ends = reach([v["ratio"] for v in values], (v[end] for v in values for end in ("low", "high")))
    return [short(min(*ends, _CLOSEST[0]) / _ROOM), short(max(*ends, _CLOSEST[1]) * _ROOM)]


def _layers(papers: Sequence[str], labels: Sequence[str], domain: Sequence[float]) -> list[dict[str, Any]]:
    y = field("paper", "nominal", "", sort=list(papers), axis={"labelLimit": 170, "ticks": False, "domain": False})
    offset = {"field": "metric", "sort": labels}
    x = field(
        "ratio",
        "quantitative",
        "Method / baseline",
        scale={"type": "log", "nice": False, "domain": list(domain)},
        axis={"format": "~g", "tickCount": 6},
    )
    colour = field("metric", "nominal", sort=labels, scale={"domain": labels}, legend={"orient": "bottom"})
    tips = [field("paper", "nominal", "Paper"), field("baseline", "nominal", "Baseline"), field("metric", "nominal", "Metric"),
            *(field(end, "quantitative", title, format=".3~g") for end, title in (("ratio", "Ratio"), ("low", "Low"), ("high", "High")))]  # fmt: skip
    place = {"y": y, "yOffset": offset, "color": colour}
    return [
        {"data": {"values": [{}]}, "mark": {"type": "rule", "strokeDash": [3, 3]}, "encoding": {"x": {"datum": 1}}},
        {"mark": {"type": "rule", "strokeWidth": 1.5, "clip": True}, "transform": [{"filter": "isValid(datum.low)"}],
         "encoding": {**place, "x": {**x, "field": "low"}, "x2": {"field": "high"}}},
        {"mark": {"type": "point", "size": 55}, "encoding": {**place, "x": x, "tooltip": tips,
         "shape": field("metric", "nominal", sort=labels, scale={"domain": labels})}},
    ]  # fmt: skip
