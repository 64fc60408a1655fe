"""What latency was in every run, so that a step or a drift is seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.report.charts.chart import Chart, field, layered, series, shapes, short
from harness.report.facts.cards import Card
from harness.report.facts.facts import Facts
from harness.report.facts.history import FEWEST_RUNS, Moment
from harness.report.facts.places import Place
from harness.report.notation.numbers import quantity as written
from harness.report.notation.points import file_slug
from harness.report.notation.units import display_unit

PART = "Spread and history"


def night_charts(facts: Facts, card: Card, place: Place) -> list[Chart]:
    """Return the history of latency at the default point, or nothing where there is none; of several scales the one with the most."""
    moments = _moments(facts, card, place)
    runs = len({moment.at for moment in moments})
    if runs < FEWEST_RUNS:
        return []
    names = [v.name for v in card.variants if any(m.variant == v.name for m in moments)]
    unit = display_unit("s", [m.value for m in moments])
    title = f"Latency ({unit.symbol})"
    values = [_datum(moment, unit.factor) for moment in moments]
    days = (max(m.at for m in moments) - min(m.at for m in moments)).days
    return [
        Chart(
            file_slug(f"nights-{card.slug}-{place.key}"),
            f"Latency over {runs} runs",
            "Band: the 95% interval of each run.",
            _in_words(moments, names),
            layered(values, _layers(names, title, days)),
            {"variant": "variant", "run": "run", "at": "at", "y": title, "y_low": f"{title} low", "y_high": f"{title} high"},
            PART,
        )
    ]


def _moments(facts: Facts, card: Card, place: Place) -> list[Moment]:
    known, workload = {variant.name for variant in card.variants}, next(iter(card.items), "")
    found = [m for m in facts.history.get(card.slug, ()) if m.place == place.key and m.workload == workload and m.variant in known]
    scales = [m.scale for m in found]
    most = max(dict.fromkeys(scales), key=scales.count, default="")
    return [m for m in found if m.scale == most]


def _datum(moment: Moment, factor: float) -> dict[str, Any]:
    ends = {"y": moment.value, "y_low": moment.low, "y_high": moment.high}
    numbers = {name: None if end is None else short(end / factor) for name, end in ends.items()}
    return {"variant": moment.variant, "at": f"{moment.at:%Y-%m-%dT%H:%MZ}", "run": moment.run_id, **numbers}


def _layers(names: Sequence[str], title: str, days: int) -> list[dict[str, Any]]:
    """Return band, line and points; the axis counts days, or hours where all runs are of one or two days."""
    ticks: dict[str, Any] = {"format": "%H:%M", "tickCount": 6}
    if days > 1:
        ticks = {"format": "%-d %b", "tickCount": {"interval": "day", "step": max(1, days // 6)}}
    x = field("at", "temporal", "Run, UTC", scale={"type": "utc"}, axis=ticks)
    y = field("y", "quantitative", title, scale={"zero": False, "padding": 8})
    colour = series(names)
    tips = [field("variant", "nominal", "Variant"), field("run", "nominal", "Run"), field("y", "quantitative", title, format=".4~g")]
    band = {"mark": {"type": "area", "opacity": 0.18}, "transform": [{"filter": "isValid(datum.y_low)"}],
            "encoding": {"x": x, "y": {**y, "field": "y_low"}, "y2": {"field": "y_high"}, "color": colour}}  # fmt: skip
    line = {"mark": {"type": "line", "strokeWidth": 1.5}, "encoding": {"x": x, "y": y, "color": colour}}
    points = {"mark": {"type": "point", "size": 24}, "encoding": {"x": x, "y": y, "color": colour, "shape": shapes(names), "tooltip": tips}}
    return [band, line, points]


def _in_words(moments: Sequence[Moment], names: Sequence[str]) -> str:
    """Say what each variant was in the first run and in the last."""
    parts = []
    for name in names:
        own = sorted((m for m in moments if m.variant == name), key=lambda m: m.at)
        parts.append(f"{name}: {written(own[0].value, 's')} at first, {written(own[-1].value, 's')} at last")
    return "; ".join(parts) + "."
