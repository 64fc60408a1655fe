"""How good a trained network is, which half of a label it misses, and what its two kinds of heads put out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from harness import Artifact, Chart, Data, Quality
from harness_papers._kit.attention.judge import accuracies, mistakes, sheet

from .mixers import HiLo

SHOWN = 64
"""Images whose spectra are averaged: the average changes little after a few dozen."""


def qualities(model: nn.Module, data: Data, config: str) -> dict[str, Quality]:
    """Return the accuracies of the family's tasks, and the detail ratio where there are heads of both kinds."""
    result = accuracies(model, data, config)
    outputs = halves(model, data.inputs[0][:SHOWN])
    if len(outputs) == 2:
        hi, lo = (detail_share(y) for y in outputs.values())
        result["detail_ratio"] = Quality(hi / lo)
    return result


def pictures(variant: str, model: nn.Module, data: Data, config: str) -> dict[str, Artifact]:
    """Return the task as a sheet of images, the spectra of both kinds of heads, and what is taken for what."""
    shown: dict[str, Artifact] = {f"mistakes_{config}": mistakes(model, data, config)}
    if outputs := halves(model, data.inputs[0][:SHOWN]):
        shown[f"spectrum_{config}"] = _spectrum(outputs)
    if variant == "hilo":
        shown[f"task_{config}"] = sheet(data)
    return shown


def halves(model: nn.Module, images: torch.Tensor) -> dict[str, torch.Tensor]:
    """Return what the Hi-Fi and the Lo-Fi heads of the last HiLo layer put out for images, (B, H, W, C_h) and (B, H, W, C_l), those that exist."""
    layers = [module for module in model.modules() if isinstance(module, HiLo) and module.s > 1]
    if not layers:
        return {}
    seen: list[torch.Tensor] = []
    handle = layers[-1].register_forward_pre_hook(lambda _layer, inputs: seen.append(inputs[0]))
    model(images)
    handle.remove()
    named = {"Hi-Fi": layers[-1].hifi, "Lo-Fi": layers[-1].lofi}
    return {name: half(seen[0]) for name, half in named.items() if half is not None}


def spectrum(y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the frequency of each Fourier component, in units of the Nyquist frequency, and its mean energy.

    Args:
        y: Feature maps (B, H, W, C).

    Returns:
        Two tensors (H, W), the constant component first.
    """
    energy = torch.fft.fft2(y.double(), dim=(1, 2)).abs().square().mean((0, 3))
    down, across = (2 * torch.fft.fftfreq(side, dtype=torch.float64) for side in y.shape[1:3])  # -1 to 1
    return (down[:, None] ** 2 + across**2).sqrt(), energy


def detail_share(y: torch.Tensor) -> float:
    """Return the share of the energy of (B, H, W, C) that lies above a quarter of the Nyquist frequency."""
    frequency, energy = spectrum(y)
    return (energy[frequency > 0.25].sum() / energy.sum()).item()


def _spectrum(outputs: Mapping[str, torch.Tensor]) -> Chart:
    """Energy over frequency, on a log scale, one line for each kind of heads."""
    rows: list[dict[str, Any]] = []
    for name, y in outputs.items():
        frequency, energy = spectrum(y)
        ring = (frequency * 8).round().int()  # rings an eighth of the Nyquist frequency wide, round the constant part
        rows += [{"heads": name, "frequency": r / 8, "share": (energy[ring == r].mean() / energy.sum()).item()} for r in range(9)]
    spec = {
        "mark": {"type": "line", "point": True},
        "data": {"values": rows},
        "encoding": {
            "x": {"field": "frequency", "type": "quantitative", "title": "frequency / Nyquist"},
            "y": {"field": "share", "type": "quantitative", "scale": {"type": "log"}, "title": "share of energy, each component"},
            "color": {"field": "heads", "type": "nominal"},
        },
    }
    return Chart(spec, "Energy of the heads' outputs by frequency: the mean over the components of a ring, as a share of all energy.")
