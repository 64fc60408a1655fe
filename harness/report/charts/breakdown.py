"""Where time, operations and bytes go: each variant's share by operator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.report.charts.chart import Chart, field, layered, short
from harness.report.facts.breakdowns import Scene
from harness.report.facts.cards import Card
from harness.report.facts.facts import Facts
from harness.report.facts.places import Place
from harness.report.notation.numbers import quantity as written
from harness.report.notation.points import file_slug
from harness.report.notation.units import display_unit

MEASURED = {"time": "s"}
COUNTED = {"flops": "1", "bytes_moved": "B"}
"""What is broken down, and its stored unit. What is counted is drawn once, not for every place."""
_LABELS = {"time": "Time", "flops": "FLOPs", "bytes_moved": "Bytes moved"}
_MOST_OPERATORS = 7
"""An eighth colour could no longer be told from the first seven; the rest is one."""
_REST = "other"
_ROW_HEIGHT, _FRAME = 34, 20


def breakdown_charts(facts: Facts, card: Card, place: Place) -> list[Chart]:
    """Return a chart for each workload and broken-down quantity at the default point."""
    metrics = {**MEASURED, **(COUNTED if place is facts.main_place else {})}
    charts = []
    for workload in card.items:
        shares = facts.shares.get(Scene(card.slug, place.key, workload), {})
        charts += [_chart(card, place, workload, metric, unit, shares[metric]) for metric, unit in metrics.items() if metric in shares]
    return charts


def _chart(card: Card, place: Place, workload: str, metric: str, stored: str, shares: Mapping[str, Mapping[str, float]]) -> Chart:
    variants = [v.name for v in card.variants if v.name in shares]
    totals = {name: sum(own.get(name, 0.0) for own in shares.values()) for own in shares.values() for name in own}
    kept = sorted(totals, key=lambda name: -totals[name])[:_MOST_OPERATORS]
    rest = len(totals) > len(kept)
    unit = display_unit(stored, [sum(shares[v].values()) for v in variants])
    values = []
    for variant in variants:
        own = {name: shares[variant].get(name, 0.0) for name in kept}
        if rest:
            own[_REST] = sum(value for name, value in shares[variant].items() if name not in own)
        values += [
            {"variant": variant, "operator": operator_name(name), "value": short(value / unit.factor), "rank": rank}
            for rank, (name, value) in enumerate(own.items())
            if value > 0
        ]
    title = f"{_LABELS[metric]} ({unit.symbol})" if unit.symbol else _LABELS[metric]
    of = f", {workload}" if len(card.items) > 1 else ""
    return Chart(
        file_slug(f"ops-{card.slug}-{workload}-{metric}-{place.key}"),
        f"{_LABELS[metric]} by operator{of}",
        f"The {_MOST_OPERATORS} largest operators over all variants, at the default point.",
        "; ".join(_in_words(variant, shares[variant], stored) for variant in variants) + ".",
        _spec(values, title, variants, [*map(operator_name, kept), *([_REST] if rest else [])]),
        {"variant": "variant", "operator": "operator", "value": title},
        "Where the work goes",
    )


def _in_words(variant: str, shares: Mapping[str, float], stored: str) -> str:
    total, most = sum(shares.values()), max(shares, key=lambda name: shares[name])
    return f"{variant}: {written(total, stored)}, {shares[most] / total:.0%} in {operator_name(most)}"


def operator_name(operator: str) -> str:
    """Write an operator for people: torch's own without their namespace."""
    return operator.removeprefix("aten::").removeprefix("aten.")


def _spec(values: Sequence[dict[str, Any]], title: str, variants: Sequence[str], operators: Sequence[str]) -> dict[str, Any]:
    encoding = {
        "y": field("variant", "nominal", "", sort=list(variants), axis={"labelLimit": 160, "ticks": False, "domain": False}),
        "x": field("value", "quantitative", title, stack="zero"),
        "color": field(
            "operator", "nominal", sort=list(operators), scale={"domain": list(operators)}, legend={"orient": "bottom", "labelLimit": 150}
        ),
        "order": {"field": "rank"},
        "tooltip": [
            field("variant", "nominal", "Variant"),
            field("operator", "nominal", "Operator"),
            field("value", "quantitative", title, format=".4~g"),
        ],
    }
    bars = {"mark": {"type": "bar", "stroke": "white", "strokeWidth": 0.5}, "encoding": encoding}
    return layered(values, [bars], _ROW_HEIGHT * len(variants) + _FRAME)
