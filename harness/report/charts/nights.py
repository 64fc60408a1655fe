"""What latency was in every run, so that a step or a drift is seen."""

from __future__ import annotations

from collections.abc import Sequence

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
    workload = next(iter(card.items), "")
    moments = [m for m in facts.history.get(card.slug, ()) if m.place == place.key and m.workload == workload]
    scales = [m.scale for m in moments]
    chosen = [m for m in moments if m.scale == max(set(scales), key=scales.count)] if moments else []
    if len({m.at for m in chosen}) < FEWEST_RUNS:
        return []
    names = [v.name for v in card.variants if any(m.variant == v.name for m in chosen)]
    unit = display_unit("s", [m.value for m in chosen])
    title = f"Latency ({unit.symbol})"
    values = [
        {"variant": m.variant, "at": f"{m.at:%Y-%m-%dT%H:%MZ}", "run": m.run_id, "y": short(m.value / unit.factor),
         "y_low": None if m.low is None else short(m.low / unit.factor), "y_high": None if m.high is None else short(m.high / unit.factor)}
        for m in chosen if m.variant in names
    ]  # fmt: skip
    days = (max(m.at for m in chosen) - min(m.at for m in chosen)).days
    every = {"interval": "day", "step": max(1, days // 6)}
    x = field("at", "temporal", "Run, UTC", scale={"type": "utc"}, axis={"format": "%-d %b", "tickCount": every})
    y = field("y", "quantitative", title, scale={"zero": False, "padding": 8})
    colour = series(names)
    tips = [field("variant", "nominal", "Variant"), field("run", "nominal", "Run"), field("y", "quantitative", title, format=".4~g")]
    band = {"mark": {"type": "area", "opacity": 0.18}, "transform": [{"filter": "isValid(datum.y_low)"}],
            "encoding": {"x": x, "y": {**y, "field": "y_low"}, "y2": {"field": "y_high"}, "color": colour}}  # fmt: skip
    line = {"mark": {"type": "line", "strokeWidth": 1.5}, "encoding": {"x": x, "y": y, "color": colour}}
    points = {"mark": {"type": "point", "size": 24}, "encoding": {"x": x, "y": y, "color": colour, "shape": shapes(names), "tooltip": tips}}
    runs = len({m.at for m in chosen})
    fields = {"variant": "variant", "run": "run", "at": "at", "y": title, "y_low": f"{title} low", "y_high": f"{title} high"}
    about = "Band: the 95% interval of each run."
    return [
        Chart(
            file_slug(f"nights-{card.slug}-{place.key}"),
            f"Latency over {runs} runs",
            about,
            _in_words(chosen, names),
            layered(values, [band, line, points]),
            fields,
            PART,
        )
    ]


def _in_words(moments: Sequence[Moment], names: Sequence[str]) -> str:
    """Say what each variant was in the first run and in the last."""
    parts = []
    for name in names:
        own = sorted((m for m in moments if m.variant == name), key=lambda m: m.at)
        parts.append(f"{name}: {written(own[0].value, 's')} at first, {written(own[-1].value, 's')} at last")
    return "; ".join(parts) + "."
