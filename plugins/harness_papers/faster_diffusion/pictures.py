"""What a sampler shows: its samples, and how fast features change."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from harness import Artifact, Chart, Image

from .judging import WATCHED, feature_changes, full_twin, inputs
from .sampling import Sampler
from .setting import INJECTED_BELOW

ZOOM = 4


def show(sampler: Sampler, variant: str, scale: str, params: dict[str, str], seed: int) -> dict[str, Artifact]:
    """Return the artifacts of a variant."""
    noise, c = inputs(scale, seed, WATCHED)
    shown: dict[str, Artifact] = {"samples": _samples(sampler, scale, params, noise, c)}
    return shown | {"changes": _changes(sampler, noise, c)} if variant == "full" else shown


def _samples(sampler: Sampler, scale: str, params: dict[str, str], noise: Tensor, c: Tensor) -> Image:
    """The full network's samples above, the variant's from the same noise below: two rows of each, 0 to 9."""
    rows = [full_twin(sampler, scale, params)(noise, c), sampler(noise, c)]  # (20, 1, H, W) each
    tiles = [F.pad(F.interpolate((x.clamp(-1, 1) + 1) / 2, scale_factor=ZOOM), (1, 1, 1, 1), value=0.3) for x in rows]
    grid = [tile[:, 0].unflatten(0, (2, 10)).transpose(1, 2).flatten(2).flatten(0, 1) for tile in tiles]
    calls = len(sampler.plan.rule.keys)
    caption = f"Above by the full network, below from the same noise with {calls} encoder calls for {sampler.plan.rule.steps} steps."
    return Image(torch.cat(grid).numpy(), caption)


def _changes(sampler: Sampler, noise: Tensor, c: Tensor) -> Chart:
    encoder, decoder = feature_changes(sampler, noise, c)
    values = [
        {"step": step, "change": round(change, 5), "map": name}
        for name, changes in (("encoder", encoder), ("decoder", decoder))
        for step, change in enumerate(changes, 1)
    ]
    spec = {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "data": {"values": values},
        "mark": {"type": "line", "point": True},
        "encoding": {
            "x": {"field": "step", "type": "quantitative"},
            "y": {"field": "change", "type": "quantitative", "title": "relative change from the step before"},
            "color": {"field": "map", "type": "nominal"},
        },
    }
    late = sum(t < 1000 * INJECTED_BELOW for t in sampler.times)
    return Chart(spec, f"How much the last maps of encoder and decoder change; noise is injected in the last {late} steps.")
