"""What the network shows of itself: its prototypes, their weights, and the prototypes it finds nearest to a few test images."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from harness import Artifact, Chart, Image

from .judging import argued_class
from .network import PrototypeNet

GREY = 0.35
"""Of the lines between the pictures of a grid."""

WIDTH = 64
"""Pixels that a small picture is enlarged to."""

NEAREST = 3
"""Prototypes shown for each test image."""


def explain(net: PrototypeNet, x: Tensor, y: Tensor, labels: tuple[str, ...]) -> dict[str, Artifact]:
    """Return the artifacts of a fitted network, given test images (N, 1, H, W), their labels (N,) and the names of the classes."""
    return {
        "prototypes": prototypes(net, labels),
        "weights": weights(net, labels),
        "cases": cases(net, x, y, labels),
    }


def prototypes(net: PrototypeNet, labels: tuple[str, ...], columns: int = 5) -> Image:
    """Decode every prototype, sorted by the class it argues for."""
    order = argued_class(net).argsort(stable=True)
    names = ", ".join(f"p{j} for {labels[argued_class(net)[j]]}" for j in order)
    caption = f"All {len(order)} prototypes as the decoder shows them, row by row, each with the class it argues for: {names}."
    return Image(grid(net.g(net.h.p[order]), columns), caption)


def weights(net: PrototypeNet, labels: tuple[str, ...]) -> Chart:
    """Draw the weights from distances to classes as a heat map, the prototypes in the order of the grid."""
    w, owned = net.h.w, argued_class(net)
    order = owned.argsort(stable=True).tolist()
    extreme = float(w.abs().max())
    cells = [
        {
            "prototype": f"p{j}",
            "class": label,
            "weight": round(float(w[j, k]), 3),
            "smallest": k == int(owned[j]),
            "dark": abs(float(w[j, k])) > extreme / 2,
        }
        for j in order
        for k, label in enumerate(labels)
    ]
    rows = {"field": "prototype", "type": "nominal", "sort": [f"p{j}" for j in order]}
    columns = {"field": "class", "type": "nominal", "sort": list(labels), "axis": {"orient": "top", "labelAngle": 0}}
    colour = {"field": "weight", "type": "quantitative", "scale": {"scheme": "blueorange", "domain": [-extreme, extreme]}}
    frame = {"condition": {"test": "datum.smallest", "value": "black"}, "value": None}
    ink = {"condition": {"test": "datum.dark", "value": "white"}, "value": "black"}
    spec = {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "data": {"values": cells},
        "encoding": {"x": columns, "y": rows},
        "layer": [
            {"mark": {"type": "rect", "strokeWidth": 2}, "encoding": {"color": colour, "stroke": frame}},
            {"mark": {"type": "text", "fontSize": 10}, "encoding": {"text": {"field": "weight", "format": ".1f"}, "color": ink}},
        ],
        "width": {"step": 36},
        "height": {"step": 22},
    }
    caption = "Weights from distances to classes. Where one is negative, a near prototype is evidence for the class; each row's smallest is framed."
    return Chart(spec, caption)


def cases(net: PrototypeNet, x: Tensor, y: Tensor, labels: tuple[str, ...]) -> Image:
    """Show the first test image of each class, its reconstruction, and the prototypes nearest to it."""
    first = torch.stack([(y == k).nonzero()[0, 0] for k in range(len(labels))])
    x = x[first]
    z = net.f(x)  # (K, q)
    D = net.h.distances(z)  # (K, m)
    nearest = D.topk(NEAREST, dim=1, largest=False).indices.T  # (3, K)
    rows = torch.cat([x, net.g(z), *(net.g(net.h.p[row]) for row in nearest)])
    answers = ", ".join(labels[k] for k in net(x).argmax(1))
    caption = (
        "One test image of each class. Below it its reconstruction and, nearest first, the three prototypes nearest to it in the latent "
        f"space. The network answers: {answers}."
    )
    return Image(grid(rows, columns=len(labels)), caption)


def grid(images: Tensor, columns: int) -> np.ndarray:
    """Enlarge images (N, 1, H, W) and tile them row by row, with grey lines between: (height, width) in [0, 1]."""
    large = F.interpolate(images, scale_factor=max(1, WIDTH // images.shape[-1]), mode="nearest")
    framed = F.pad(large, (1, 1, 1, 1), value=GREY)
    full = F.pad(framed, (0, 0, 0, 0, 0, 0, 0, -len(framed) % columns), value=GREY)  # the last row too
    rows = full.unflatten(0, (-1, columns))[:, :, 0]  # (rows, columns, h, w)
    return rows.transpose(1, 2).flatten(2).flatten(0, 1).numpy()
