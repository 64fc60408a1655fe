"""Colours and type of charts, for light and for dark pages."""

from __future__ import annotations

from typing import Any

_SERIES = {
    False: ["#0b5cad", "#c2410c", "#2f7d4f", "#8b3a8f", "#7a6a00", "#5b6470", "#00767a", "#a3195b"],
    True: ["#6cb0f5", "#f59e6b", "#7cc796", "#d48fd8", "#d3bf4a", "#a9b3bf", "#5cc8cc", "#f08ab8"],
}
"""Each at 4.5 to 1 or more against its page; told apart under the common colour deficiencies for the first four, and always by shape."""
_INK = {False: ("#1c2127", "#59636e", "#d9dee4"), True: ("#e6e9ed", "#a0aab5", "#39424d")}
_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"


def chart_config(dark: bool) -> dict[str, Any]:
    """Return the Vega-Lite configuration of a page's charts."""
    ink, muted, line = _INK[dark]
    text = {"labelColor": muted, "titleColor": ink, "labelFontSize": 11, "titleFontSize": 11, "titleFontWeight": 500}
    return {
        "background": None,
        "font": _FONT,
        "view": {"stroke": None},
        "axis": {**text, "gridColor": line, "domainColor": muted, "tickColor": line, "gridOpacity": 0.6, "titlePadding": 8},
        "legend": {**text, "symbolSize": 80, "symbolOpacity": 1, "title": None},
        "range": {"category": _SERIES[dark]},
        "point": {"filled": True, "size": 70},
        "line": {"strokeWidth": 2},
        "rule": {"color": muted},
        "text": {"color": ink, "fontSize": 11},
        "bar": {"discreteBandSize": 18},
    }
