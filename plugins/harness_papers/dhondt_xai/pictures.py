"""The parliament as a half circle, its seats beside Shapley values, and one row's attributions."""

from __future__ import annotations

import numpy as np

from harness import Artifact, Chart

from .election import Parliament
from .explainers import LOCAL, RULES, Explainer

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
ROWS = 12
"""Of seats in the half circle."""
INNER = 0.4
"""Radius of its innermost row; the outermost has 1."""
BLUE, RED = "#2166ac", "#b2182b"
SHOWN = 12
"""Features of a row's attributions that are drawn."""


def pictures(explainer: Explainer, rows: tuple[np.ndarray, np.ndarray], train: tuple[np.ndarray, np.ndarray]) -> dict[str, Artifact]:
    """Return what there is to see of this way to explain; `rows` and `train` are (x, y) of the test and the training split."""
    if explainer.variant in LOCAL:
        return {"row": _row(explainer, rows[0][:1])}
    if explainer.variant not in RULES:
        return {}
    positive = dict(zip(explainer.names, correlations(*train) >= 0, strict=True))
    shown: dict[str, Artifact] = {"parliament": _half_circle(explainer.parliament(), positive, "features")}
    if explainer.variant == "dhondt":
        shown["seats_and_shap"] = _against_shap(explainer, rows, positive)
        if explainer.alliances:
            shown["alliances"] = _half_circle(explainer.parliament(explainer.alliances), positive, "alliances")
    return shown


def correlations(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return each feature's Pearson correlation with the label, (N, n), (N,) -> (n,); its sign is all the colours say."""
    centred, label = x - x.mean(0), y - y.mean()
    return centred.T @ label / np.maximum(np.linalg.norm(centred, axis=0) * np.linalg.norm(label), 1e-12)


def half_circle(seats: int) -> np.ndarray:
    """Return places (S, 2) in a half circle, from left to right, rows as evenly filled as their lengths allow."""
    rows = min(ROWS, seats)
    radii = np.linspace(INNER, 1.0, rows) if rows > 1 else np.ones(1)
    ends = np.rint(np.cumsum(radii) / radii.sum() * seats).astype(int)
    counts = np.diff(ends, prepend=0)
    polar = [(angle, r) for r, count in zip(radii, counts, strict=True) for angle in np.linspace(np.pi, 0, max(count, 1))[:count]]
    ordered = np.array(sorted(polar, key=lambda place: (-place[0], place[1])))
    return np.stack([ordered[:, 1] * np.cos(ordered[:, 0]), ordered[:, 1] * np.sin(ordered[:, 0])], 1)


def _half_circle(parliament: Parliament, positive: dict[str, bool], kind: str) -> Chart:
    order = np.argsort(-parliament.seats, kind="stable")
    places = half_circle(int(parliament.seats.sum()))
    taken = [g for g in order for _ in range(parliament.seats[g])]
    values = [
        {"x": round(float(x), 4), "y": round(float(y), 4), "party": _name(parliament, g), "shade": int(np.flatnonzero(order == g)[0]) % 2}
        | {"sign": _sign(parliament.parties[g], positive), "seats": int(parliament.seats[g])}
        for (x, y), g in zip(places, taken, strict=True)
    ]
    bare = {"type": "quantitative", "axis": None}
    colour = {"domain": ["positive", "negative", "mixed"], "range": [BLUE, RED, "#777777"]}
    spec = {
        "$schema": SCHEMA,
        "width": 480,
        "height": 240,
        "data": {"values": values},
        "mark": {"type": "circle", "size": 45},
        "encoding": {
            "x": {"field": "x", **bare},
            "y": {"field": "y", **bare},
            "color": {"field": "sign", "type": "nominal", "title": "correlation with the label", "scale": colour},
            "opacity": {"field": "shade", "type": "nominal", "legend": None, "scale": {"domain": [0, 1], "range": [1.0, 0.55]}},
            "tooltip": [{"field": "party"}, {"field": "seats"}],
        },
    }
    largest = ", ".join(f"{_name(parliament, g)} {parliament.seats[g]}" for g in order[:5])
    caption = f"{int(parliament.seats.sum())} seats for {kind}, the largest party on the left, neighbours in two shades: {largest}."
    return Chart(spec, caption)


def _name(parliament: Parliament, g: int) -> str:
    return " + ".join(parliament.parties[g])


def _sign(party: tuple[str, ...], positive: dict[str, bool]) -> str:
    signs = {positive[name] for name in party}
    return "mixed" if len(signs) > 1 else "positive" if True in signs else "negative"


def _against_shap(explainer: Explainer, rows: tuple[np.ndarray, np.ndarray], positive: dict[str, bool]) -> Chart:
    seats, shap = explainer.parliament().seats, explainer.by("tree_shap")(*rows)
    values = [
        {"feature": name, "seats": int(s), "shap": round(float(v), 5), "sign": "positive" if positive[name] else "negative"}
        for name, s, v in zip(explainer.names, seats, shap, strict=True)
    ]
    spec = {
        "$schema": SCHEMA,
        "width": 420,
        "height": 320,
        "data": {"values": values},
        "mark": {"type": "circle", "size": 80},
        "encoding": {
            "x": {"field": "shap", "type": "quantitative", "title": "mean |SHAP| of the score"},
            "y": {"field": "seats", "type": "quantitative", "scale": {"type": "symlog"}},
            "color": {"field": "sign", "type": "nominal", "scale": {"domain": ["positive", "negative"], "range": [BLUE, RED]}},
            "tooltip": [{"field": name} for name in ("feature", "seats", "shap")],
        },
    }
    return Chart(spec, f"Seats of each feature beside its mean |SHAP|; {int((seats == 0).sum())} of {len(seats)} features have no seat.")


def _row(explainer: Explainer, x: np.ndarray) -> Chart:
    told = explainer.local(x)
    A = told.attributions[0]
    order = np.argsort(-np.abs(A), kind="stable")[:SHOWN]
    values = [{"feature": explainer.names[f], "attribution": round(float(A[f]), 5)} for f in order]
    spec = {
        "$schema": SCHEMA,
        "width": 420,
        "height": {"step": 20},
        "data": {"values": values},
        "mark": "bar",
        "encoding": {
            "x": {"field": "attribution", "type": "quantitative"},
            "y": {"field": "feature", "type": "nominal", "sort": None},
            "color": {"condition": {"test": "datum.attribution < 0", "value": RED}, "value": BLUE},
        },
    }
    caption = (
        f"The first test row: its score is {told.delta[0]:+.3f} away from the background's mean, which all attributions add up to. Seats alone leave "
        f"{told.residual[0]:+.3f} of it, a ratio of {told.residual_ratio[0]:.2f}, that was spread over them."
    )
    return Chart(spec, caption)
