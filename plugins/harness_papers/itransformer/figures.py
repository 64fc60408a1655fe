"""What is worth looking at: forecasts against truth, where errors sit, and who attends to whom."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from harness import Chart
from harness_papers._kit.series import MAX_LAG

from .network import ITransformer
from .quality import naive

SHOWN = 3
"""Variates whose forecast is drawn."""
MAPPED = 24
"""Variates in the maps of attention and correlation."""
SAMPLED = 32
"""Windows over which attention is averaged."""


def forecasts(past: Tensor, future: Tensor, forecast: Tensor) -> Chart:
    """Draw the middle window of the test part: past and future in truth, and the forecast. (W, T, N), (W, S, N), (W, S, N)."""
    window, T = len(past) // 2, past.shape[1]
    rows = []
    for i in range(min(SHOWN, past.shape[2])):
        truth = torch.cat([past[window, :, i], future[window, :, i]])
        rows += _line(truth, -T, i, "truth") + _line(forecast[window, :, i], 0, i, "forecast")
    spec = {
        "data": {"values": rows},
        "mark": {"type": "line", "strokeWidth": 1.5},
        "encoding": {
            "row": {"field": "variate", "title": None},
            "x": {"field": "step", "type": "quantitative", "title": "steps from now", "scale": {"nice": False}},
            "y": {"field": "value", "type": "quantitative", "title": "z-score", "scale": {"zero": False}},
            "color": {"field": "of", "title": None, "scale": {"domain": ["truth", "forecast"], "range": ["#9aa0a6", "#d93025"]}},
        },
        "width": 480,
        "height": 110,
    }
    return Chart(spec, "One window of the test part: what came, and what was forecast from the steps before 0.")


def error_ahead(past: Tensor, future: Tensor, forecast: Tensor) -> Chart:
    """Draw the mean squared error at each step ahead, beside that of repeating the last 24."""
    rows = []
    for of, guess in (("model", forecast), ("the last 24 steps again", naive(past, future.shape[1]))):
        errors = (guess - future).square().mean((0, 2))
        rows += [{"step": s + 1, "mse": round(e, 4), "of": of} for s, e in enumerate(errors.tolist())]
    spec = {
        "data": {"values": rows},
        "mark": "line",
        "encoding": {
            "x": {"field": "step", "type": "quantitative", "title": "steps ahead"},
            "y": {"field": "mse", "type": "quantitative", "title": "mean squared error"},
            "color": {"field": "of", "title": None},
        },
        "width": 480,
        "height": 200,
    }
    return Chart(spec, "How the error grows with the distance of the step that is forecast.")


def attention(model: ITransformer, past: Tensor, marks: Tensor) -> Chart:
    """Draw the last layer's attention between variates, mean over heads and windows, beside how they correlate at the best lag."""
    some = slice(None, None, max(1, len(past) // SAMPLED))
    count = min(MAPPED, past.shape[2])
    weights = model.attention_maps(past[some], marks[some])[-1].mean((0, 1))[:count, :count]  # the calendar's tokens come last
    related = lagged_correlation(past[some][..., :count])
    spec = {
        "hconcat": [_map(weights.numpy(), "attention"), _map(related, "strongest correlation at any lag of a day")],
        "resolve": {"scale": {"color": "independent"}},
    }
    return Chart(
        spec,
        f"Rows ask, columns are asked. Left: attention of the last layer among the first {count} variates. Right: what it could have found.",
    )


def lagged_correlation(past: Tensor) -> np.ndarray:
    """Return the largest absolute correlation of row variate now with column variate 0 to 24 steps before, within windows: (W, T, n) -> (n, n)."""
    x = (past - past.mean(1, keepdim=True)) / past.std(1, keepdim=True)
    T = x.shape[1]
    lags = [torch.einsum("wti,wtj->ij", x[:, lag:], x[:, : T - lag]) / (len(x) * (T - lag)) for lag in range(min(MAX_LAG + 1, T - 1))]
    return torch.stack(lags).abs().amax(0).numpy()


def _line(values: Tensor, start: int, variate: int, of: str) -> list[dict[str, Any]]:
    return [{"step": start + t, "value": round(v, 3), "variate": f"variate {variate}", "of": of} for t, v in enumerate(values.tolist())]


def _map(values: np.ndarray, title: str) -> dict[str, Any]:
    rows = [{"asks": i, "asked": j, "weight": round(float(v), 4)} for (i, j), v in np.ndenumerate(values)]
    return {
        "title": title,
        "data": {"values": rows},
        "mark": "rect",
        "encoding": {
            "x": {"field": "asked", "type": "ordinal", "title": "variate asked"},
            "y": {"field": "asks", "type": "ordinal", "title": "variate asking"},
            "color": {"field": "weight", "type": "quantitative", "title": None, "scale": {"scheme": "viridis"}},
        },
        "width": 280,
        "height": 280,
    }
