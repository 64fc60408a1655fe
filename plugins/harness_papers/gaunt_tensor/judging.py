"""How good a variant's answer is, and what there is to see of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from harness import Artifact, Chart, Data, Image, Quality

from .operations import operation
from .sphere import on_sphere, rotation

SHOWN_FORCES = 600
SPACE_TURN = ((0.36, 0.48, -0.8), (-0.8, 0.6, 0.0), (0.48, 0.64, 0.6))
"""Some rotation, about no axis of the coordinates, exactly orthogonal in decimals."""


def relative(found: Tensor, expected: Tensor) -> float:
    """Return the largest difference over the largest value."""
    return float((found - expected).detach().abs().max() / expected.detach().abs().max())


def turned(coefficients: Tensor) -> Tensor:
    """Rotate features (..., (L + 1)^2) in space."""
    D = rotation(int(coefficients.shape[-1] ** 0.5) - 1, SPACE_TURN)
    return (coefficients.double() @ torch.from_numpy(D).T).to(coefficients.dtype)


def turned_inputs(inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Rotate every input of an operation: coefficients (B, C, K), and the directions (B, 3) of a convolution."""
    R = torch.tensor(SPACE_TURN, dtype=torch.float64)
    return tuple(turned(x) if x.ndim > 2 else (x.double() @ R.T).to(x.dtype) for x in inputs)


def judge_operation(variant: str, model: Any, data: Data, channels: int, params: Mapping[str, Any]) -> Mapping[str, Quality]:
    """Compare with the same operation in double precision, and with itself on rotated inputs."""
    z = model(*data.inputs)
    found = {"equivariance_error": relative(model(*turned_inputs(data.inputs)), turned(z))}
    if variant != "scalar":
        dense = operation(params["op"], "cg_dense", channels, params["degree"], params["correlation"], learnable=False).double()
        exact = dense(*(x.double() for x in data.inputs))
        found["product_error"] = relative(z.double(), exact)
    return {name: Quality(value, "1", "lower") for name, value in found.items()}


def judge_force_field(model: Any, data: Data) -> Mapping[str, Quality]:
    """Return mean absolute errors on both test sets, and whether forces turn with the molecule."""
    energy, forces = model(*data.inputs)
    (hot,), (_, hot_forces) = data.extra["hot"]
    R = torch.tensor(SPACE_TURN)
    values = {
        "force_mae": float((forces - data.targets[1]).abs().mean()),
        "energy_mae": float((energy - data.targets[0]).abs().mean()),
        "hot_force_mae": float((model(hot)[1] - hot_forces).abs().mean()),
        "equivariance_error": relative(model(data.inputs[0] @ R.T)[1], forces @ R.T),
    }
    return {name: Quality(value, "1", "lower") for name, value in values.items()}


def force_chart(model: Any, data: Data) -> Mapping[str, Artifact]:
    """Show predicted against exact components of forces."""
    exact, found = data.targets[1].flatten(), model(*data.inputs)[1].flatten()
    rows = [{"exact": round(float(a), 4), "predicted": round(float(b), 4)} for a, b in zip(exact, found, strict=True)]
    spec = {
        "data": {"values": rows[:: max(1, len(rows) // SHOWN_FORCES)]},
        "mark": {"type": "point", "size": 8},
        "encoding": {"x": {"field": "exact", "type": "quantitative"}, "y": {"field": "predicted", "type": "quantitative"}},
    }
    return {"forces": Chart(spec, "Components of forces on test conformations, in units of the toy potential.")}


def product_picture(model: Any, data: Data) -> Mapping[str, Artifact]:
    """Show two functions on the sphere and their product as the variant computes it, for one channel."""
    x, y = data.inputs
    theta, phi = np.meshgrid(np.linspace(0, np.pi, 64), np.linspace(0, 2 * np.pi, 128), indexing="ij")
    r = np.stack([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)], -1).reshape(-1, 3)
    panels = []
    for coefficients in (x, y, model(x, y)):
        one = coefficients[0, 0].double().numpy()
        values = (on_sphere(int(len(one) ** 0.5) - 1, r) @ one).reshape(theta.shape)
        panels.append(0.5 + 0.5 * values / np.abs(values).max())
    caption = "Two functions on the sphere and their product, from pole (top) to pole, grey for zero."
    return {"product": Image(np.concatenate(panels, 1), caption)}
