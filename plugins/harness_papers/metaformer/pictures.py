"""What the paper's page shows: from where a token takes its values, the shapes that are told apart, and what became of StarReLU."""

from __future__ import annotations

import torch
from torch import nn

from harness import Chart, Image

from .activation import StarReLU

ENLARGE = 6
"""Pixels of the page for one of an image."""
GAMMA = 0.25
"""Far pixels have a thousandth of the middle's gradient: the fourth root makes them visible."""


def receptive_field(model: nn.Module, x: torch.Tensor, count: int = 64) -> Image:
    """Show how strongly each pixel of images (N, 1, H, W) moves the middle token of stage 3, root mean square over images and one random direction."""
    blocks = list(model.layers)[:-2]  # all but stage 4: its downsampling and its one block
    pixels = x[:count].clone().requires_grad_()
    with torch.enable_grad():
        tokens = nn.Sequential(*blocks)(pixels)  # (N, H', W', C)
        middle = tokens[:, tokens.shape[1] // 2, tokens.shape[2] // 2]  # (N, C)
        direction = torch.randn(middle.shape, generator=torch.Generator().manual_seed(0))
        (gradient,) = torch.autograd.grad((middle * direction).sum(), pixels)
    field = gradient.square().mean((0, 1)).sqrt()  # (H, W)
    field = (field / field.max()) ** GAMMA
    enlarged = field.repeat_interleave(ENLARGE, 0).repeat_interleave(ENLARGE, 1)
    return Image(
        enlarged.numpy(),
        "How strongly each pixel moves one token of stage 3, after training (fourth root of the gradient, brightest is largest)",
    )


def examples(x: torch.Tensor, y: torch.Tensor, columns: int = 12) -> Image:
    """Show test images, a row for each class."""
    rows = [x[y == k][:columns, 0].unbind() for k in range(10)]
    grid = torch.cat([torch.cat(row, dim=1) for row in rows])  # (10 H, columns W)
    low, high = grid.min(), grid.max()
    return Image(((grid - low) / (high - low)).numpy(), "Test images, a class in each row")


def activations(model: nn.Module) -> Chart:
    """Draw every StarReLU as training left it, beside the one it began as and GELU."""
    u = torch.linspace(-3, 3, 61)
    curves = {f"learned {i}": m for i, m in enumerate((m for m in model.modules() if isinstance(m, StarReLU)), 1)}
    drawn = {"at the start": StarReLU(), "GELU": nn.GELU(), **curves}
    kinds = {name: name if name not in curves else "learned" for name in drawn}
    values = [
        {"curve": name, "kind": kinds[name], "u": round(float(a), 2), "output": round(float(b), 4)}
        for name, activation in drawn.items()
        for a, b in zip(u, activation(u), strict=True)
    ]
    spec = {
        "data": {"values": values},
        "mark": {"type": "line"},
        "encoding": {
            "x": {"field": "u", "type": "quantitative"},
            "y": {"field": "output", "type": "quantitative"},
            "detail": {"field": "curve"},
            "color": {"field": "kind", "type": "nominal", "title": None},
        },
    }
    return Chart(spec, "StarReLU after training, one line for each place in the network")
