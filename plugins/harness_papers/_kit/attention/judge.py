"""How well the small network has learnt, and which half of a label it misses."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from harness import Chart, Data, Image, Quality
from harness_papers._kit.images import LAYOUTS, TEXTURES

BATCH = 250
"""Test images at a time."""


def accuracies(model: nn.Module, data: Data, config: str) -> dict[str, Quality]:
    """Return top-1 in percent; on `freq_pairs` of the layout and of the texture too."""
    found, wanted = predict(model, data), data.targets
    hits = {"top1": found == wanted}
    if config == "freq_pairs":
        hits |= {"layout_top1": found // 4 == wanted // 4, "texture_top1": found % 4 == wanted % 4}
    return {name: Quality(100 * hit.double().mean().item(), "%") for name, hit in hits.items()}


def predict(model: nn.Module, data: Data) -> torch.Tensor:
    """Return the class of each image of a split: (N,)."""
    return torch.cat([model(images).argmax(1) for images in data.inputs[0].split(BATCH)])


def mistakes(model: nn.Module, data: Data, config: str) -> Chart:
    """Show how often each class is taken for each other."""
    found, wanted = predict(model, data), data.targets
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


def sheet(data: Data) -> Image:
    """Show the first test image of each class, side by side, four in a row."""
    images, labels = data.inputs[0][:, 0], data.targets
    firsts = [images[labels == k][0] for k in range(int(labels.max()) + 1)]
    firsts += [torch.full_like(firsts[0], firsts[0].min())] * (-len(firsts) % 4)
    rows = [torch.cat(firsts[i : i + 4], dim=1) for i in range(0, len(firsts), 4)]
    whole = torch.cat(rows).numpy()
    return Image((whole - whole.min()) / np.ptp(whole), "One test image of each class.")
