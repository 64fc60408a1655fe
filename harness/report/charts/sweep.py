"""How a quantity grows along a sweep axis, with the exponent of its growth."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from harness.report.charts.chart import Chart, field, layered, log_axis, reach, series, shapes, short, whiskers
from harness.report.facts.cards import Card
from harness.report.facts.facts import Facts
from harness.report.facts.figures import Fig
from harness.report.facts.places import Place
from harness.report.notation.numbers import number
from harness.report.notation.points import file_slug
from harness.report.notation.quantities import quantity, spoken
from harness.report.notation.units import display_unit
from harness.stats.estimate import Estimate
from harness.stats.growth import fit_exponent

MEASURED = ("latency",)
COUNTED = ("flops", "peak_activation")
"""What is drawn along an axis. What does not depend on the place is drawn once, not for every place."""
_LEGEND_WIDTH = 270
"""A name with its exponent and interval."""
_FEWEST_POINTS = 2
_FEWEST_TO_FIT = 3
"""A line through two points always fits; its exponent would look like a finding."""


class Along(NamedTuple):
    """A variant's figures along an axis, ascending."""

    variant: str
    x: tuple[float, ...]
    figures: tuple[Fig, ...]


def sweep_charts(facts: Facts, card: Card, place: Place) -> list[Chart]:
    """Return a chart for each axis of numbers, workload and growing quantity of a paper."""
    charts = []
    metrics = (*MEASURED, *(COUNTED if place is facts.main_place else ()))
    for axis in card.sweep:
        for workload in card.items:
            for metric in metrics:
                lines = _lines(facts, card, place, axis, workload, metric)
                if any(len(line.x) >= _FEWEST_POINTS for line in lines):
                    charts.append(_chart(card, place, axis, workload, metric, lines))
    return charts


def _lines(facts: Facts, card: Card, place: Place, axis: str, workload: str, metric: str) -> list[Along]:
    """Collect the points at which only `axis` differs from the default; of several scales the one with the most points."""
    found: dict[str, dict[str, dict[float, Fig]]] = {}
    for row in facts.rows_by_paper.get(card.slug, ()):
        point, default = json.loads(row.params or "{}"), json.loads(card.default_params(row.scale))
        size = point.pop(axis, None)
        default.pop(axis, None)
        figure = facts.figure(row, place.key, metric)
        is_number = isinstance(size, (int, float)) and not isinstance(size, bool) and size > 0
        if row.workload == workload and row.mode == "eager" and is_number and point == default and figure is not None and figure.value > 0:
            found.setdefault(row.scale, {}).setdefault(row.variant, {})[float(size)] = figure
    if not found:
        return []
    most = max(found.values(), key=lambda variants: sum(map(len, variants.values())))
    order = [v.name for v in card.variants if v.name in most]
    return [Along(name, *zip(*sorted(most[name].items()), strict=True)) for name in order]


def _chart(card: Card, place: Place, axis: str, workload: str, metric: str, lines: Sequence[Along]) -> Chart:
    what = quantity(metric, lines[0].figures[0].unit, {}, ())
    unit = display_unit(lines[0].figures[0].unit, [f.value for line in lines for f in line.figures])
    title = f"{what.label} ({unit.symbol})" if unit.symbol else what.label
    fits = {line.variant: _fit(line) for line in lines if len(line.x) >= _FEWEST_TO_FIT}
    names = {line.variant: _legend(line.variant, fits.get(line.variant)) for line in lines}
    values = [datum for line in lines for datum in _data(line, names[line.variant], fits.get(line.variant), unit.factor)]
    of = f", {workload}" if len(card.items) > 1 else ""
    exponents = "; ".join(names.values())
    about = f"Both axes logarithmic: a straight line is a power law. Dashed: the fitted {spoken(axis)}^exponent."
    return Chart(
        file_slug(f"sweep-{card.slug}-{axis}-{workload}-{metric}-{place.key}"),
        f"{what.label} along {spoken(axis)}{of}",
        about if fits else "Both axes logarithmic: a straight line is a power law.",
        exponents,
        _spec(values, axis, title, list(names.values())),
        {"variant": "variant", "x": axis, "y": title, "y_low": f"{title} low", "y_high": f"{title} high", "fit": f"{title} fitted"},
        "Growth",
        says_it_itself=True,
    )


def _fit(line: Along) -> Estimate:
    return fit_exponent(line.x, [figure.estimate for figure in line.figures])


def _legend(variant: str, fit: Estimate | None) -> str:
    if fit is None:
        return variant
    spread = (
        f" ({number(fit.low, fit.low, fit.high)} to {number(fit.high, fit.low, fit.high)})"
        if fit.has_interval and fit.low != fit.high
        else ""
    )
    return f"{variant}: n^{fit.value:.2f}{spread}"


def _data(line: Along, name: str, fit: Estimate | None, factor: float) -> list[dict[str, Any]]:
    centre_x = math.fsum(map(math.log, line.x)) / len(line.x)
    centre_y = math.fsum(math.log(f.value) for f in line.figures) / len(line.x)
    data = []
    for x, figure in zip(line.x, line.figures, strict=True):
        ends = {"y": figure.value, "y_low": figure.low, "y_high": figure.high}
        datum: dict[str, Any] = {"variant": name, "x": x, **{key: None if v is None else short(v / factor) for key, v in ends.items()}}
        if fit is not None:
            datum["fit"] = short(math.exp(centre_y + fit.value * (math.log(x) - centre_x)) / factor)
        data.append(datum)
    return data


def _spec(values: Sequence[Mapping[str, Any]], axis: str, title: str, names: Sequence[str]) -> dict[str, Any]:
    sizes = sorted({v["x"] for v in values})
    x = field(
        "x", "quantitative", spoken(axis), scale={"type": "log", "nice": False, "padding": 12}, axis={"values": sizes, "format": "~s"}
    )
    heights = reach([v["y"] for v in values], (v.get(end) for v in values for end in ("y_low", "y_high", "fit")))
    y = field("y", "quantitative", title, **log_axis(heights))
    colour = series(names)
    tips = [field("variant", "nominal", "Variant"), field("x", "quantitative", spoken(axis)),
            *(field(end, "quantitative", label, format=".4~g") for end, label in (("y", title), ("y_low", "low"), ("y_high", "high")))]  # fmt: skip
    fit = {"mark": {"type": "line", "strokeDash": [4, 3], "strokeWidth": 1, "opacity": 0.8}, "transform": [{"filter": "isValid(datum.fit)"}],
           "encoding": {"x": x, "y": {**y, "field": "fit"}, "color": colour, "detail": {"field": "variant"}}}  # fmt: skip
    line = {"mark": {"type": "line", "strokeWidth": 1.5, "opacity": 0.5}, "encoding": {"x": x, "y": y, "color": colour}}
    points = {"mark": {"type": "point"}, "encoding": {"x": x, "y": y, "color": colour, "shape": shapes(names), "tooltip": tips}}
    return layered(values, [line, fit, *whiskers(values, "y", x, {**y, "field": "y_low"}, colour), points], legend_width=_LEGEND_WIDTH)
