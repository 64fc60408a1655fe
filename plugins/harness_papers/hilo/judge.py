"""How good a trained network is, which half of a label it misses, and what its two kinds of heads put out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from harness import Artifact, Chart, Data, Image, Quality
from harness_papers._kit.images import LAYOUTS, TEXTURES

from .mixers import HiLo

BATCH = 250
"""Test images at a time."""

SHOWN = 64
"""Images whose spectra are averaged: the average changes little after a few dozen."""


def qualities(model: nn.Module, data: Data, config: str) -> dict[str, Quality]:
    """Return top-1 in percent; on `freq_pairs` of the layout and of the texture too; and the detail ratio where there are heads of both kinds."""
    found, wanted = predict(model, data), data.targets
    hits = {"top1": found == wanted}
    if config == "freq_pairs":
        hits |= {"layout_top1": found // 4 == wanted // 4, "texture_top1": found % 4 == wanted % 4}
    result = {name: Quality(100 * hit.double().mean().item(), "%") for name, hit in hits.items()}
    outputs = halves(model, data.inputs[0][:SHOWN])
    if len(outputs) == 2:
        hi, lo = (detail_share(y) for y in outputs.values())
        result["detail_ratio"] = Quality(hi / lo)
    return result


def pictures(variant: str, model: nn.Module, data: Data, config: str) -> dict[str, Artifact]:
    """Return the task as a sheet of images, the spectra of both kinds of heads, and what is taken for what."""
    shown: dict[str, Artifact] = {f"mistakes_{config}": _mistakes(predict(model, data), data.targets, config)}
    if outputs := halves(model, data.inputs[0][:SHOWN]):
        shown[f"spectrum_{config}"] = _spectrum(outputs)
    if variant == "hilo":
        shown[f"task_{config}"] = _sheet(data)
    return shown


def predict(model: nn.Module, data: Data) -> torch.Tensor:
    """Return the class of each image of a split: (N,)."""
    return torch.cat([model(images).argmax(1) for images in data.inputs[0].split(BATCH)])


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


def _mistakes(found: torch.Tensor, wanted: torch.Tensor, config: str) -> Chart:
    """How often each class is taken for each other."""
    names = (
        [f"{layout}, {texture}" for layout in LAYOUTS for texture in TEXTURES] if config == "freq_pairs" else [str(i) for i in range(10)]
    )
    counts = torch.zeros(len(names), len(names)).index_put_((wanted, found), torch.tensor(1.0), accumulate=True)
    share = counts / counts.sum(1, keepdim=True).clamp(min=1)
    rows = [{"is": a, "taken for": b, "share": round(share[i, j].item(), 4)} for i, a in enumerate(names) for j, b in enumerate(names)]
    spec = {
        "mark": "rect",
        "data": {"values": rows},
        "encoding": {
            "x": {"field": "taken for", "type": "nominal", "sort": names},
            "y": {"field": "is", "type": "nominal", "sort": names},
            "color": {"field": "share", "type": "quantitative", "scale": {"domain": [0, 1]}},
        },
    }
    return Chart(spec, "Which class is taken for which, as a share of each class's test images.")


def _sheet(data: Data) -> Image:
    """The first test image of each class, side by side, four in a row."""
    images, labels = data.inputs[0][:, 0], data.targets
    firsts = [images[labels == k][0] for k in range(int(labels.max()) + 1)]
    firsts += [torch.full_like(firsts[0], firsts[0].min())] * (-len(firsts) % 4)
    rows = [torch.cat(firsts[i : i + 4], dim=1) for i in range(0, len(firsts), 4)]
    sheet = torch.cat(rows).numpy()
    grey = (sheet - sheet.min()) / np.ptp(sheet)
    return Image(grey, "One test image of each class.")
