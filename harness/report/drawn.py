"""Charts as SVG files, for pages without JavaScript and for documents, while there are few enough to wait for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.report.charts.chart import Chart
from harness.report.charts.theme import chart_config

MOST = 60
"""vl-convert takes 20 to 100 ms a chart: sixty are a few seconds, and the thousand of a large site would be minutes.
The browser draws every chart all the same, and saves any of them as SVG."""
_WIDTH = 560


def write_drawings(charts: Sequence[Chart], folder: Path) -> frozenset[str]:
    """Write the charts as SVG, unless they are many, and return the keys of those written; a plugin's broken chart is left out."""
    if not charts or len(charts) > MOST:
        return frozenset()
    folder.mkdir(parents=True)
    written = set()
    for chart in charts:
        try:
            svg = drawing(chart)
        except ValueError:
            if not chart.is_plugins:
                raise
            continue  # the page says what is wrong with it, where it would be drawn
        (folder / f"{chart.key}.svg").write_text(svg, encoding="utf-8")
        written.add(chart.key)
    return frozenset(written)


def drawing(chart: Chart) -> str:
    """Draw a chart on white; nothing is fetched, whatever a plugin's chart asks for."""
    import vl_convert

    spec: dict[str, Any] = {**chart.spec, "background": "white"}
    if is_single(spec):
        spec["width"] = _WIDTH
    config = chart_config(dark=False)
    config["legend"]["columns"] = legend_columns(spec)
    svg: str = vl_convert.vegalite_to_svg(spec, config=config, allowed_base_urls=[])
    return svg


def is_single(spec: Mapping[str, Any]) -> bool:
    """Say whether a specification is one drawing, which can take a width, and not several side by side."""
    encoding = spec.get("encoding")
    facets = {"row", "column", "facet"} & set(encoding if isinstance(encoding, dict) else ())
    return "layer" in spec or ("mark" in spec and not facets)


def legend_columns(spec: Mapping[str, Any]) -> int:
    """Return how many entries of a chart's legend stand side by side."""
    meta = spec.get("usermeta")
    width = meta.get("legendWidth") if isinstance(meta, dict) else None
    return max(1, _WIDTH // width) if isinstance(width, int) and width > 0 else 1
