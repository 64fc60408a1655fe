"""Requests over the link by width of a row, counted and not measured."""

from __future__ import annotations

from typing import Any

import torch

from .traffic import FLOAT, LINE, requests

ROWS = 4096
"""Rows that an average is over: their places in a line repeat after 32."""


def requests_chart() -> tuple[dict[str, Any], str]:
    """Return a Vega-Lite specification of requests a row over its width, and a caption."""
    idx = torch.arange(ROWS)
    values = [
        {"floats": d, "reads": name, "requests": round(float(count), 3)}
        for d in range(8, 265, 4)
        for name, count in (
            ("shifted to line boundaries", requests(idx, d, shifted=True).double().mean()),
            ("not shifted", requests(idx, d, shifted=False).double().mean()),
            ("bytes / 128", d * FLOAT / LINE),
        )
    ]
    spec = {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "width": 460,
        "height": 260,
        "data": {"values": values},
        "mark": {"type": "line"},
        "encoding": {
            "x": {"field": "floats", "type": "quantitative", "title": "floats a row"},
            "y": {"field": "requests", "type": "quantitative", "title": "128-byte requests a row"},
            "color": {"field": "reads", "type": "nominal", "title": None},
        },
    }
    return (
        spec,
        "Requests that a GPU's warps make for a row in host memory, counted from addresses. Shifted or not, multiples of 32 floats cost the same.",
    )
