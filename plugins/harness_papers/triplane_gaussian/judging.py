"""How like the true views the drawn ones are, and what there is to see."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional as F

from harness import Artifact, Chart, Image, Quality

from .objects import Objects
from .reconstructors import Reconstructor, TriplaneRadiance
from .training import chamfer, drawing_error

AT_ONCE = 6
"""Objects that are drawn at a time."""
FLOOR = 1e-9
SSIM_WINDOW, SSIM_SIGMA = 11, 1.5
SHOWN_OBJECTS, SHOWN_VIEWS = 4, 4


def relative(seen: Objects) -> Tensor:
    """Return the cameras of all views in the world of the first: (N, V, 3, 3)."""
    return seen.R[:, :1].mT @ seen.R


def drawn_views(model: Reconstructor, seen: Objects) -> Tensor:
    """Draw every object from every camera, given its first view: (N, V, 4, S, S)."""
    R = relative(seen)
    given = zip(*(x.split(AT_ONCE) for x in (seen.images[:, 0], seen.silhouettes[:, 0], R)), strict=True)
    return torch.cat([model(image, silhouette, cameras) for image, silhouette, cameras in given])


def qualities(model: Reconstructor, seen: Objects, learnt: Objects) -> dict[str, Quality]:
    """Return how good a fitted variant is on objects that it has not met, `seen`, and on some that it has learnt from."""
    drawn = drawn_views(model, seen)[:, :, :3].clamp(0, 1)  # as it would be shown: blended colours may be brighter than white
    error = psnr(drawn, seen.images)
    again = drawn_views(model, learnt)
    wanted = torch.cat((learnt.images, learnt.silhouettes[:, :, :1]), 2)
    found = {
        "psnr": Quality(float(error[:, 1:].mean()), "dB"),
        "psnr_input": Quality(float(error[:, 0].mean()), "dB"),
        "ssim": Quality(ssim(drawn[:, 1:].flatten(0, 1), seen.images[:, 1:].flatten(0, 1))),
        "train_loss": Quality(float(drawing_error(again.flatten(0, 1), wanted.flatten(0, 1))), "1", "lower"),
    }
    if not isinstance(model, TriplaneRadiance):
        points = model.placed(seen.images[:, 0])[-1]
        found["chamfer"] = Quality(float(chamfer(points, seen.surface @ seen.R[:, 0])), "units", "lower")
    return found


def psnr(drawn: Tensor, true: Tensor) -> Tensor:
    """Return each view's PSNR in dB: (N, V, 3, S, S), (N, V, 3, S, S) -> (N, V)."""
    return -10 * ((drawn - true).square().flatten(2).mean(2) + FLOOR).log10()


def ssim(drawn: Tensor, true: Tensor) -> float:
    """Return the mean structural similarity of views (M, 3, S, S), in Gaussian windows that lie wholly inside."""
    at = torch.arange(SSIM_WINDOW) - SSIM_WINDOW // 2
    bell = (-(at**2) / (2 * SSIM_SIGMA**2)).exp()
    window = torch.outer(bell, bell)[None, None] / bell.sum() ** 2

    def local(x: Tensor) -> Tensor:
        return F.conv2d(x.flatten(0, 1)[:, None], window)

    a, b = local(drawn), local(true)
    aa, bb, ab = local(drawn * drawn) - a * a, local(true * true) - b * b, local(drawn * true) - a * b
    return float(((2 * a * b + 0.01**2) * (2 * ab + 0.03**2) / ((a * a + b * b + 0.01**2) * (aa + bb + 0.03**2))).mean())


def pictures(model: Reconstructor, seen: Objects) -> Mapping[str, Artifact]:
    """Return some objects from some cameras, true and drawn, and each view's PSNR over its angle from the input."""
    drawn = drawn_views(model, seen)[:, :, :3].clamp(0, 1)
    rows = torch.stack((seen.images[:SHOWN_OBJECTS, :SHOWN_VIEWS], drawn[:SHOWN_OBJECTS, :SHOWN_VIEWS]), 1)  # (O, 2, V, 3, S, S)
    sheet = rows.permute(0, 1, 4, 2, 5, 3).flatten(0, 2).flatten(1, 2)
    away = (relative(seen)[:, :, 2, 2].clamp(-1, 1).arccos() * (180 / torch.pi))[:, 1:]
    values = [
        {"angle": round(float(x), 1), "psnr": round(float(y), 2)}
        for x, y in zip(away.flatten(), psnr(drawn, seen.images)[:, 1:].flatten(), strict=True)
    ]
    spec = {
        "data": {"values": values},
        "mark": {"type": "point", "size": 12},
        "encoding": {
            "x": {"field": "angle", "type": "quantitative", "title": "degrees between the view and the input"},
            "y": {"field": "psnr", "type": "quantitative", "scale": {"zero": False}, "title": "PSNR (dB)"},
        },
    }
    return {
        "views": Image(sheet.numpy(), "Objects not met before: above as they are, below as drawn. The first column is what was given."),
        "angles": Chart(spec, "PSNR of each unseen view over its angle from the input view."),
    }
