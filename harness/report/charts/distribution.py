"""How latencies are spread: every block of calls, not only the middle one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from harness.report.charts.chart import Chart, field, layered, series, short
from harness.report.facts.breakdowns import Block, Scene
from harness.report.facts.cards import Card
from harness.report.facts.facts import Facts
from harness.report.facts.places import Place
from harness.report.notation.numbers import quantity as written
from harness.report.notation.points import file_slug
from harness.report.notation.units import display_unit

_LEVELS = np.unique(np.concatenate([np.linspace(0, 1, 31), [0.5, 0.9, 0.95, 0.99]]))
"""Quantiles that are drawn: a curve through thirty is as smooth as the screen."""
_FEWEST = 8
"""Fewer blocks are a list, not a distribution."""


def distribution_charts(facts: Facts, card: Card, place: Place) -> list[Chart]:
    """Return the cumulative distribution of block times at the default point, one chart a workload."""
    charts = []
    for workload in card.items:
        blocks = facts.blocks.get(Scene(card.slug, place.key, workload), {})
        known = {v.name: blocks[v.name] for v in card.variants if len(blocks.get(v.name, ())) >= _FEWEST}
        if known:
            charts.append(_chart(card, place, workload, known))
    return charts


def _chart(card: Card, place: Place, workload: str, blocks: Mapping[str, Sequence[Block]]) -> Chart:
    quantiles = {name: np.quantile([block.seconds for block in own], _LEVELS) for name, own in blocks.items()}
    unit = display_unit("s", [float(q[len(q) // 2]) for q in quantiles.values()])
    values = [
        {"variant": name, "x": short(float(seconds) / unit.factor), "share": short(float(level))}
        for name, found in quantiles.items()
        for level, seconds in zip(_LEVELS, found, strict=True)
    ]
    title = f"Latency ({unit.symbol})"
    of = f", {workload}" if len(card.items) > 1 else ""
    return Chart(
        file_slug(f"spread-{card.slug}-{workload}-{place.key}"),
        f"Distribution of latency{of}",
        "Share of blocks of calls that took at most so long. A steep curve is a steady method; a step is a second mode; a long top is a tail.",
        "; ".join(_in_words(name, own) for name, own in blocks.items()) + ".",
        _spec(values, title, list(blocks)),
        {"variant": "variant", "x": title, "share": "share of blocks at most this"},
        "Spread and history",
    )


def _in_words(name: str, blocks: Sequence[Block]) -> str:
    tails = np.quantile([block.seconds for block in blocks], [0.5, 0.9, 0.99])
    p50, p90, p99 = (written(float(seconds), "s") for seconds in tails)
    processes = len({block.process for block in blocks})
    return f"{name}: p50 {p50}, p90 {p90}, p99 {p99}, {len(blocks)} blocks in {processes} process{'es' if processes != 1 else ''}"


def _spec(values: Sequence[dict[str, Any]], title: str, names: Sequence[str]) -> dict[str, Any]:
    x = field("x", "quantitative", title, scale={"zero": False, "nice": True, "padding": 8}, axis={"tickCount": 6})
    y = field("share", "quantitative", "Share of blocks", axis={"values": [0, 0.25, 0.5, 0.75, 0.9, 1], "format": "%"})
    tips = [
        field("variant", "nominal", "Variant"),
        field("x", "quantitative", title, format=".4~g"),
        field("share", "quantitative", "Share", format=".0%"),
    ]
    dash = field("variant", "nominal", scale={"domain": list(names)})
    line = {"mark": {"type": "line", "interpolate": "linear"}, "encoding": {"x": x, "y": y, "color": series(names), "strokeDash": dash}}
    hover = {"mark": {"type": "point", "opacity": 0, "size": 120}, "encoding": {"x": x, "y": y, "color": series(names), "tooltip": tips}}
    return layered(values, [line, hover])
