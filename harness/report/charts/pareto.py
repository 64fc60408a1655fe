"""Quality against what it costs: who is on the Pareto front."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from harness.plugin.card import Better
from harness.report.charts.chart import Chart, field, layered, log_axis, reach, short, whiskers
from harness.report.facts.cards import Card
from harness.report.facts.facts import Facts
from harness.report.facts.figures import Fig, RowKey
from harness.report.facts.places import Place
from harness.report.notation.numbers import quantity as written
from harness.report.notation.points import file_slug
from harness.report.notation.quantities import Quantity, Tier, quantity
from harness.report.notation.units import DisplayUnit, display_unit

MEASURED = ("latency", "energy")
COUNTED = ("macs", "peak_activation")
"""What quality is set against. What does not depend on the place is drawn once, not for every place."""


_WIDE = 30
"""Where costs lie further apart than that, a linear axis would crowd the small ones together."""
_FEW = 8
"""As many labels as find room."""
_MOST_NAMES = 3
"""Names of points on one spot that are written out."""


class Point(NamedTuple):
    """A variant: what it costs and how good it is."""

    row: RowKey
    is_subject: bool
    cost: Fig
    quality: Fig


def pareto_charts(facts: Facts, cards: Sequence[Card], place: Place) -> list[Chart]:
    """Return a chart for each cost, of papers that answer one question and share their first quality.

    Args:
        facts: What the store says.
        cards: Papers with the same task.
        place: Where.
    """
    charts = []
    names = {next(iter(card.qualities), "") for card in cards} - {""}
    for name in sorted(names):
        sharing = [card for card in cards if next(iter(card.qualities), "") == name]
        good = quantity(name, "", sharing[0].qualities, {name})
        for metric in (*MEASURED, *(COUNTED if place is facts.main_place else ())):
            points = _points(facts, sharing, place, metric, name)
            if len(points) > 1:
                charts.append(_chart(points, quantity(metric, points[0].cost.unit, {}, ()), good, sharing, place))
    return charts


def _points(facts: Facts, cards: Sequence[Card], place: Place, metric: str, quality: str) -> list[Point]:
    points = []
    for card in cards:
        subject = card.subject
        for row in facts.rows_by_paper.get(card.slug, ()):
            if row.params != card.default_params(row.scale) or row.workload != next(iter(card.items), ""):
                continue
            cost, good = facts.figure(row, place.key, metric), facts.figure(row, place.key, quality)
            if cost is not None and good is not None:
                points.append(Point(row, row.variant == subject, cost, good))
    return points


def on_front(points: Sequence[Point], better: Better | None) -> list[bool]:
    """Say which points nothing beats.

    A point is beaten by one that is better in cost or quality beyond both intervals, and in the other not worse beyond them.
    """
    sides = [(_ends(p.cost, Better.LOWER), _ends(p.quality, better or Better.HIGHER)) for p in points]
    return [not any(_beats(other, own) for other in sides) for own in sides]


def _ends(figure: Fig, better: Better) -> tuple[float, float]:
    low, high = figure.bounds if figure.low is not None else (figure.value, figure.value)
    return (low, high) if better is Better.LOWER else (-high, -low)


def _beats(a: tuple[tuple[float, float], ...], b: tuple[tuple[float, float], ...]) -> bool:
    ahead = [mine[1] < theirs[0] for mine, theirs in zip(a, b, strict=True)]
    behind = [mine[0] > theirs[1] for mine, theirs in zip(a, b, strict=True)]
    return any(ahead) and not any(behind)


def _chart(points: Sequence[Point], cost: Quantity, good: Quantity, cards: Sequence[Card], place: Place) -> Chart:
    cost_unit = display_unit(points[0].cost.unit, [p.cost.value for p in points])
    good_unit = display_unit(points[0].quality.unit, [p.quality.value for p in points])
    front = on_front(points, good.better)
    values = [_datum(p, cost_unit, good_unit, is_front) for p, is_front in zip(points, front, strict=True)]
    _name(values)
    how = {p.cost.provenance for p in points} & {"estimated", "modelled"}
    cost_title, good_title = ", ".join([_title(cost, cost_unit), *sorted(how)]), _title(good, good_unit)
    best = [f"{p.row.variant} ({written(p.cost.value, p.cost.unit)})" for p, is_front in zip(points, front, strict=True) if is_front]
    key = "-".join(("pareto", *(c.slug for c in cards[:1]), cost.metric, good.metric, place.key, "" if len(cards) == 1 else "family"))
    return Chart(
        file_slug(key),
        f"{good.label} against {cost.label.lower() if cost.tier is Tier.HEADLINE and cost.metric != 'macs' else cost.label}",
        _about(points, good),
        f"On the front: {', '.join(best)}.",
        _spec(values, cost_title, good_title),
        {"paper": "paper", "variant": "variant", "x": cost_title, "x_low": f"{cost_title} low", "x_high": f"{cost_title} high",
         "y": good_title, "y_low": f"{good_title} low", "y_high": f"{good_title} high", "front": "on the front"},
        "Quality against cost",
    )  # fmt: skip


def _about(points: Sequence[Point], good: Quantity) -> str:
    way = good.better.value if good.better else "neither way"
    sure = all(f.low is not None for p in points for f in (p.cost, p.quality))
    bars = "Bars: 95% intervals." if sure else "Bars: 95% intervals; figures without one were read once, and their place may be chance."
    return f"Filled: nothing here beats it in both. {good.label}: {way} is better. {bars}"


def _name(values: Sequence[dict[str, Any]]) -> None:
    """Label the points, or where they are many those worth a name, methods and the front; those on one spot together."""
    few = len(values) <= _FEW
    spots: dict[tuple[float, float], list[dict[str, Any]]] = {}
    for value in values:
        value["label"] = ""
        if few or value["front"] or value["role"] == "method":
            spots.setdefault((value["x"], value["y"]), []).append(value)
    for members in spots.values():
        names = list(dict.fromkeys(member["variant"] for member in members))
        more = f" +{len(names) - _MOST_NAMES}" if len(names) > _MOST_NAMES else ""
        members[0]["label"] = ", ".join(names[:_MOST_NAMES]) + more


def _title(what: Quantity, unit: DisplayUnit) -> str:
    return f"{what.label} ({unit.symbol})" if unit.symbol else what.label


def _datum(point: Point, cost_unit: DisplayUnit, good_unit: DisplayUnit, is_front: bool) -> dict[str, Any]:
    role = "method" if point.is_subject else "baseline"
    datum: dict[str, Any] = {"paper": point.row.paper, "variant": point.row.variant, "role": role, "front": is_front}
    for axis, figure, unit in (("x", point.cost, cost_unit), ("y", point.quality, good_unit)):
        ends = {"": figure.value, "_low": figure.low, "_high": figure.high}
        datum |= {f"{axis}{end}": None if value is None else short(value / unit.factor) for end, value in ends.items()}
    return datum


def _spec(values: Sequence[Mapping[str, Any]], cost_title: str, good_title: str) -> dict[str, Any]:
    middles = [v["x"] for v in values]
    costs = reach(middles, (v[end] for v in values for end in ("x_low", "x_high"))) if min(middles) > 0 else middles
    plain = {"scale": {"zero": False, "padding": 16, "nice": True}, "axis": {"tickCount": 6}}
    is_wide = min(costs) > 0 and max(costs) > _WIDE * min(costs)
    x = field("x", "quantitative", cost_title, **(log_axis(costs) if is_wide else plain))
    y = field("y", "quantitative", good_title, **plain)
    roles = ["method", "baseline"]
    colour = field("role", "nominal", scale={"domain": roles}, legend={"orient": "bottom"})
    tips = [field("paper", "nominal", "Paper"), field("variant", "nominal", "Variant"), field("x", "quantitative", cost_title, format=".4~g"),
            field("y", "quantitative", good_title, format=".4~g")]  # fmt: skip
    fill = {"condition": {"test": "datum.front", "value": 1}, "value": 0}
    marks = {
        "mark": {"type": "point", "filled": True, "strokeWidth": 1.5},
        "encoding": {"x": x, "y": y, "color": colour, "shape": field("role", "nominal", scale={"domain": roles, "range": ["diamond", "circle"]}),
                     "stroke": colour, "fillOpacity": fill, "tooltip": tips},
    }  # fmt: skip
    front = {
        "transform": [{"filter": "datum.front"}],
        "mark": {"type": "line", "strokeDash": [4, 3], "opacity": 0.6, "interpolate": "linear", "strokeWidth": 1, "color": "gray"},
        "encoding": {"x": x, "y": y, "order": {"field": "x"}},
    }
    labels = {
        "transform": [{"filter": "datum.label !== ''"}],
        "mark": {"type": "text", "align": "left", "dx": 9, "dy": -7, "limit": 150},
        "encoding": {
            "x": x,
            "y": y,
            "text": {"field": "label"},
            "opacity": {"condition": {"test": "datum.front", "value": 1}, "value": 0.75},
        },
    }
    low_x, low_y = {**x, "field": "x_low"}, {**y, "field": "y_low"}
    return layered(values, [front, *whiskers(values, "x", y, low_x, colour), *whiskers(values, "y", x, low_y, colour), marks, labels])
