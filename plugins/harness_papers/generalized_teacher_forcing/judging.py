"""How good a fitted model is when it runs by itself, and what there is to see."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from harness import Artifact, Chart, Quality, Text

from .baselines import LSTM
from .measures import exponents, fixed_points, prediction_error, spectrum, spectrum_distance, state_space_divergence
from .plrnn import Generator, ShallowPLRNN, safe_alpha
from .setting import EXPONENT, Setting

PE_STEPS = 20
"""Steps ahead at which predictions are judged."""
LOST = 5.0
"""The worst error of a Lyapunov exponent, also of an orbit that is lost."""
LAGS = 200
"""Steps back in time in the chart of gradients."""
SHOWN = 600
"""Points of an orbit in a chart."""


def qualities(model: Generator, series: Tensor, learnt: int, setting: Setting, chaotic: bool) -> Mapping[str, Quality]:
    """Return what a model's free run is worth.

    Args:
        model: Fitted.
        series: (steps, N), of which the first are shown and the rest is what the model should be like.
        learnt: First rows that the model was trained on, and on which no prediction is judged.
        setting: Of the experiment.
        chaotic: Whether the true Lyapunov exponent is known.
    """
    orbit = free_run(model, series, setting)
    truth = series[setting.context :]
    found = {
        "d_stsp": Quality(state_space_divergence(truth, orbit), "nats", "lower"),
        "d_h": Quality(spectrum_distance(truth, orbit, setting.smoothing), "1", "lower"),
        "pe20": Quality(prediction_error(model, series, setting.context, PE_STEPS, learnt), "1", "lower"),
    }
    if isinstance(model, ShallowPLRNN | LSTM):
        found["gradient_norm"] = Quality(float(model.largest_gradient), "1", "lower")
    if chaotic and isinstance(model, ShallowPLRNN):
        found["lyapunov_error"] = Quality(lyapunov_error(model, orbit, setting.dt), "1/time", "lower")
    return found


def free_run(model: Generator, series: Tensor, setting: Setting) -> Tensor:
    """Return the orbit on which a model goes from the first observations, as long as what it has not been shown: (steps - context, N)."""
    context = series[None, : setting.context]
    return torch.cat(model.run(context, len(series) - setting.context))


def lyapunov_error(model: ShallowPLRNN, orbit: Tensor, dt: float) -> float:
    """Return how far the largest exponent on an orbit is from that of the Lorenz system."""
    if not torch.isfinite(orbit).all():
        return LOST
    largest = exponents(model.jacobian(model.encode(orbit)), dt)[0]
    return float(min(abs(largest - EXPONENT), LOST))


def show(variant: str, model: Generator, series: Tensor, setting: Setting, chaotic: bool) -> Mapping[str, Artifact]:
    """Show a free run beside the truth; for the subject also its spectrum, its gradients through time and its fixed points."""
    orbit, truth = free_run(model, series, setting), series[setting.context :]
    shown: dict[str, Artifact] = {"orbit": _orbits(truth, orbit, chaotic)}
    if variant == "gtf" and isinstance(model, ShallowPLRNN) and torch.isfinite(orbit).all():
        shown["spectrum"] = _spectra(truth, orbit, setting)
        shown["gradients"] = _gradients(model, truth)
        shown["rest"] = _resting(model, orbit)
    return shown


def _orbits(truth: Tensor, orbit: Tensor, chaotic: bool) -> Chart:
    """Show the first and last coordinate against one another, or the first over time."""
    rows = []
    for name, x in (("true", truth), ("generated", orbit)):
        every = max(1, len(x) // (4 * SHOWN)) if chaotic else 1
        for t, point in enumerate(x[::every][:SHOWN].tolist()):
            if np.isfinite(point).all() and np.abs(point).max() < 100:
                rows.append({"orbit": name, "t": t, "x": round(point[0], 3), "y": round(point[-1], 3)})
    axes = {"x": {"field": "x", "type": "quantitative"}, "y": {"field": "y", "type": "quantitative", "title": "z"}}
    over_time = {"x": {"field": "t", "type": "quantitative"}, "y": {"field": "x", "type": "quantitative"}}
    spec = {
        "data": {"values": rows},
        "mark": {"type": "line", "strokeWidth": 1},
        "encoding": {
            **(axes if chaotic else over_time),
            "color": {"field": "orbit", "type": "nominal"},
            "order": {"field": "t", "type": "quantitative"},
        },
    }
    return Chart(spec, "A free run from the first observations beside the true orbit, in standard deviations.")


def _spectra(truth: Tensor, orbit: Tensor, setting: Setting) -> Chart:
    rows = []
    for name, x in (("true", truth), ("generated", orbit)):
        share = spectrum(x, setting.smoothing)[:, 0]
        for k in range(0, len(share) // 2, max(1, len(share) // 800)):
            rows.append({"orbit": name, "frequency": round(k / (len(x) * setting.dt), 4), "share": float(f"{max(share[k], 1e-12):.4g}")})
    spec = {
        "data": {"values": rows},
        "mark": "line",
        "encoding": {
            "x": {"field": "frequency", "type": "quantitative"},
            "y": {"field": "share", "type": "quantitative", "scale": {"type": "log"}},
            "color": {"field": "orbit", "type": "nominal"},
        },
    }
    return Chart(spec, "Smoothed power spectrum of the first coordinate.")


def _gradients(model: ShallowPLRNN, truth: Tensor) -> Chart:
    """Show the norm of the product of (1 - alpha) J over the last steps, for several alpha, along the true orbit."""
    J = model.jacobian(model.encode(truth[: LAGS + 1])).double()
    bound = safe_alpha(J)
    rows = []
    for name, alpha in (("0", 0.0), ("0.05", 0.05), ("0.15", 0.15), ("0.5", 0.5), ("1 - 1/sigma", bound)):
        product = torch.eye(J.shape[-1]).double()
        for lag, one in enumerate(J.flip(0)[:LAGS], 1):
            product = product @ ((1 - alpha) * one)
            rows.append({"alpha": name, "lag": lag, "norm": float(f"{max(float(torch.linalg.matrix_norm(product, 2)), 1e-12):.4g}")})
    spec = {
        "data": {"values": rows},
        "mark": "line",
        "encoding": {
            "x": {"field": "lag", "type": "quantitative", "title": "steps back in time"},
            "y": {"field": "norm", "type": "quantitative", "scale": {"type": "log"}, "title": "norm of the product of Jacobians"},
            "color": {"field": "alpha", "type": "nominal"},
        },
    }
    return Chart(spec, f"How a gradient grows or fades as it flows back through the trained network; 1 - 1/sigma is {bound:.3f} here.")


def _resting(model: ShallowPLRNN, orbit: Tensor) -> Text:
    lines = [", ".join(f"{value:.3f}" for value in point) for point in fixed_points(model, orbit).tolist()]
    return Text(
        "\n".join(lines) or "none",
        "Fixed points of the trained network in the linear regions that it passes through, in standard deviations.",
    )
