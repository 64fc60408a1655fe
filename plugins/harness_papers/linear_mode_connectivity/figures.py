"""What is worth looking at: the loss on the path, the descent of a pair, the study, and the toy landscape from above."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import torch
from torch import Tensor

from harness import Chart, Image
from harness_papers.linear_mode_connectivity.barrier import estimate
from harness_papers.linear_mode_connectivity.experiment import PARTS, Images, path_table
from harness_papers.linear_mode_connectivity.pair import Pair
from harness_papers.linear_mode_connectivity.study import LAYER_COLUMNS, PAIR_COLUMNS, Study
from harness_papers.linear_mode_connectivity.toy import Descents, descend_pairs, landscape
from harness_papers.linear_mode_connectivity.training import QUANTITIES

SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
FLOOR = 1e-5
"""Smallest barrier on a logarithmic axis, in nats: below it a mean loss in float32 is rounding."""


def draw(variant: str, pair: Pair, train_set: Images, test_set: Images, seed: int) -> dict[str, Chart | Image]:
    """Return the figures that have a meaning for a variant."""
    shown: dict[str, Chart | Image] = {}
    if pair.history is not None or variant == "aligned":
        shown["path"] = path_chart(pair, train_set, test_set)
    if pair.history is not None:
        shown["descent"] = descent_chart(pair.history)
    if pair.study is not None and variant == "spawn_late":
        shown["barrier over k"] = trend_chart(pair.study)
        shown["estimate"] = agreement_chart(pair.study)
        shown["layers"] = layers_chart(pair.study)
    if variant in PARTS:
        shown["toy"] = toy_picture(descend_pairs(PARTS[variant], seed), PARTS[variant])
    return shown


def path_chart(pair: Pair, train_set: Images, test_set: Images) -> Chart:
    """Losses and error on the straight path, the chords between their ends, and what the two ends foretell for the midpoint."""
    table = path_table(pair, train_set, test_set)
    rows = []
    for name, values in table.items():
        for index, value in enumerate(values):
            alpha = index / (len(values) - 1)
            chord = alpha * values[-1] + (1 - alpha) * values[0]
            rows.append({"alpha": alpha, "measure": name, "value": value, "chord": chord})
    losses = table["training loss"]
    foretold = (losses[0] + losses[-1]) / 2 + float(estimate(pair.network.loss_on(*train_set), *pair.ends))
    colour = {"field": "measure", "type": "nominal", "title": None, "sort": list(table)}
    along = {"field": "alpha", "type": "quantitative", "title": "alpha, from theta_2 to theta_1"}
    spec = {
        "$schema": SCHEMA,
        "data": {"values": rows},
        "encoding": {"x": along},
        "layer": [
            {"mark": "line", "encoding": {"y": {"field": "value", "type": "quantitative", "title": "nats; share wrong"}, "color": colour}},
            {
                "mark": {"type": "line", "strokeDash": [4, 3], "opacity": 0.6},
                "encoding": {"y": {"field": "chord", "type": "quantitative"}, "color": colour},
            },
            {
                "data": {"values": [{"alpha": 0.5, "value": foretold}]},
                "mark": {"type": "point", "shape": "diamond", "size": 90, "filled": True, "color": "black"},
                "encoding": {"y": {"field": "value", "type": "quantitative"}},
            },
        ],
    }
    return Chart(
        spec, "On the straight line between the two networks; dashed, the chord; the diamond is what B_hat foretells for the training loss."
    )


def descent_chart(history: Tensor) -> Chart:
    """What was measured along the training, from the spawn point on: one small plot a quantity."""
    step = history[:, 0].tolist()
    titles = {
        "loss": "loss of the copies",
        "midpoint_loss": "loss half way",
        "distance": "distance",
        "cosine": "cosine of displacements",
        "sharpness": "top eigenvalue",
        "ridge": "barrier to the spawn point",
    }
    rows = [
        {"step": at, "quantity": titles[name], "value": value}
        for name in QUANTITIES[1:]
        for at, value in list(zip(step, history[:, QUANTITIES.index(name)].tolist(), strict=True))[1:]
    ]
    spec = {
        "$schema": SCHEMA,
        "data": {"values": rows},
        "facet": {"field": "quantity", "type": "nominal", "title": None, "sort": list(titles.values())},
        "columns": 3,
        "spec": {
            "width": 180,
            "height": 110,
            "mark": {"type": "line", "point": {"size": 12}},
            "encoding": {
                "x": {"field": "step", "type": "quantitative", "scale": {"zero": False}},
                "y": {"field": "value", "type": "quantitative", "title": None},
            },
        },
        "resolve": {"scale": {"y": "independent"}},
    }
    return Chart(spec, "The two copies after they part, on the training images: mountainside or ridge.")


def trend_chart(study: Study) -> Chart:
    """The barrier over k, a line for each learning rate and width."""
    rows = [dict(zip(PAIR_COLUMNS, row, strict=True)) for row in study.pairs.tolist()]
    for row in rows:
        row["setting"] = f"lr {row['lr']:g}, width {row['width']:g}"
        row["barrier"] = max(row["barrier"], FLOOR)
    spec = {
        "$schema": SCHEMA,
        "data": {"values": rows},
        "mark": {"type": "line", "point": True},
        "encoding": {
            "x": {"field": "percent", "type": "quantitative", "scale": {"type": "symlog"}, "title": "k, % of the training in common"},
            "y": {"field": "barrier", "type": "quantitative", "scale": {"type": "log"}, "title": f"barrier, nats (at least {FLOOR:g})"},
            "color": {"field": "setting", "type": "nominal", "title": None},
        },
    }
    return Chart(spec, "The later two copies part, the lower the barrier between them.")


def agreement_chart(study: Study) -> Chart:
    """B_hat against B, a point a pair."""
    rows = [dict(zip(PAIR_COLUMNS, row, strict=True)) for row in study.pairs[study.parted].tolist()]
    return _against(
        rows, {"field": "percent", "type": "ordinal", "title": "k, %"}, "B_hat against the barrier, over all pairs of the study."
    )


def layers_chart(study: Study) -> Chart:
    """B_hat_l against B_l, a point a layer of a pair."""
    rows = [
        {"layer": layer + 1, **dict(zip(LAYER_COLUMNS, values, strict=True))}
        for pair in study.layers[study.parted].tolist()
        for layer, values in enumerate(pair)
    ]
    return _against(
        rows, {"field": "layer", "type": "ordinal"}, "One layer averaged: estimate against measurement, over the layers of all pairs."
    )


def _against(rows: list[dict[str, Any]], colour: dict[str, Any], caption: str) -> Chart:
    """A scatter of `estimate` over `barrier`, both raised to `FLOOR` where they are lower, with the diagonal."""
    for row in rows:
        row["estimate"], row["barrier"] = max(row["estimate"], FLOOR), max(row["barrier"], FLOOR)
    top = max(max(row["estimate"], row["barrier"]) for row in rows)
    axis = {"type": "quantitative", "scale": {"type": "log"}}
    diagonal = {
        "data": {"values": [{"barrier": end, "estimate": end} for end in (FLOOR, top)]},
        "mark": {"type": "line", "strokeDash": [4, 3], "color": "gray"},
    }
    points = {"data": {"values": rows}, "mark": {"type": "point", "filled": True, "size": 50}, "encoding": {"color": colour}}
    encoding = {
        "x": {"field": "barrier", "title": "measured, nats", **axis},
        "y": {"field": "estimate", "title": "estimated, nats", **axis},
    }
    return Chart({"$schema": SCHEMA, "encoding": encoding, "layer": [diagonal, points]}, caption)


# The toy landscape from above -----------------------------------------------------------------------------------------------------------

SPAN = ((-1.7, 1.7), (-2.4, 3.6))
"""What the picture shows of x and y."""
SIZE = (600, 340)
"""Its height and width in pixels."""
SHADES = np.array([(0.13, 0.22, 0.33), (0.23, 0.42, 0.45), (0.55, 0.66, 0.52), (0.88, 0.83, 0.67), (0.98, 0.96, 0.92)])
"""Colours from the valley's floor to the heights."""
TRUNK, COPIES, STRAIGHT = (0.10, 0.10, 0.10), ((0.90, 0.35, 0.13), (0.98, 0.75, 0.10)), (1.0, 1.0, 1.0)
CONTOURS = 14
CEILING = 4.0
"""Loss from which on the picture is as bright as it gets."""
SHOWN = 4
"""Pairs that are drawn."""


def toy_picture(descents: Descents, parting: str) -> Image:
    """The landscape with the descents of a few pairs: what the two copies share is dark, each copy has a colour of its own, the line joins them."""
    canvas = _relief()
    for pair in descents.tracks[:, :SHOWN].unbind(1):  # (steps + 1, 2 copies, 2 coordinates)
        _paint(canvas, pair[-1], STRAIGHT)
        _paint(canvas, pair[: descents.part + 1, 0], TRUNK)
        for copy, colour in enumerate(COPIES):
            _paint(canvas, pair[descents.part :, copy], colour)
    where = "on the mountainside, above the ridge" if parting == "early" else "after they have come down on one side of the ridge"
    return Image(
        canvas,
        f"The toy landscape from above, downhill is down the page: copies that part {where}, and the straight lines between their ends.",
    )


def _relief() -> np.ndarray:
    """The landscape as shades of height with contour lines: (H, W, 3)."""
    (left, right), (low, high) = SPAN
    x, y = torch.linspace(left, right, SIZE[1]), torch.linspace(low, high, SIZE[0])
    height = landscape(torch.stack(torch.meshgrid(x, y, indexing="xy"), -1)).numpy()
    # The square root spreads the valley's floor, where everything happens.
    level = np.sqrt(np.clip(height / CEILING, 0, 1)) * CONTOURS
    steps = np.linspace(0, CONTOURS, len(SHADES))
    relief = np.stack([np.interp(level, steps, SHADES[:, channel]) for channel in range(3)], -1)
    band = level.astype(int)
    edge = np.zeros(SIZE, dtype=bool)
    edge[1:] |= np.diff(band, axis=0) != 0
    edge[:, 1:] |= np.diff(band, axis=1) != 0
    relief[edge] *= 0.88
    return relief


def _paint(canvas: np.ndarray, track: Tensor, colour: tuple[float, float, float]) -> None:
    """Draw the polygon through the points of a track (points, 2), three pixels wide."""
    (left, right), (low, high) = SPAN
    start, extent, pixels = (np.array(pair) for pair in ((left, low), (right - left, high - low), (SIZE[1] - 1, SIZE[0] - 1)))
    corners = (track.numpy() - start) / extent * pixels  # (points, 2): column, row
    longest = int(np.abs(np.diff(corners, axis=0)).max(initial=0)) + 2
    between = np.linspace(0, 1, longest)[:, None, None]
    columns, rows = (corners[:-1] + between * np.diff(corners, axis=0)).reshape(-1, 2).round().astype(int).T
    for down, across in product((-1, 0, 1), repeat=2):
        canvas[rows + down, columns + across] = colour
