"""How good a trained network is, also on larger images; how close Nystrom's and Newton's approximations come; what a backward pass keeps."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from harness import Artifact, Chart, Data, Quality
from harness_papers._kit.attention.judge import accuracies, mistakes, predict, sheet

from .kernel import RIDGE, gaussian, newton
from .mixers import SoftAttention
from .plans import STEPS
from .tasks import enlarged

SHOWN = 16
"""Images whose kernel matrices are looked at."""


def qualities(model: nn.Module, data: Data, scale: str, config: str) -> dict[str, Quality]:
    """Return the accuracies of the family's tasks; for softmax-free attention with landmarks what else is asked of it."""
    result = accuracies(model, data, config)
    layer = soft_layer(model)
    if layer is None:
        return result
    x = seen_by(layer, model, data.inputs[0][:SHOWN])
    result["backward_mb"] = Quality(kept_for_backward(layer, x[:1]) / 1e6, "MB", better="lower")
    if layer.unrolled:  # the weights, and all else, are those of another variant
        return result
    larger = enlarged(config, scale)
    result["resized_top1"] = Quality(100 * (predict(model, larger) == larger.targets).double().mean().item(), "%")
    if not layer.normalize:
        result["nystrom_error"] = Quality(nystrom_error(layer, x), better="lower")
    return result


def pictures(variant: str, model: nn.Module, data: Data, config: str) -> dict[str, Artifact]:
    """Return what is taken for what; for the subject the task as a sheet of images, and both approximations."""
    shown: dict[str, Artifact] = {f"mistakes_{config}": mistakes(model, data, config)}
    layer = soft_layer(model)
    if variant == "soft" and layer is not None:
        x = seen_by(layer, model, data.inputs[0][:SHOWN])
        shown |= {f"task_{config}": sheet(data), f"nystrom_{config}": _nystrom(layer, x), f"newton_{config}": _newton(layer, x)}
    return shown


def soft_layer(model: nn.Module) -> SoftAttention | None:
    """Return the layer with landmarks, None where there is none."""
    return next((module for module in model.modules() if isinstance(module, SoftAttention)), None)


def seen_by(layer: nn.Module, model: nn.Module, images: torch.Tensor) -> torch.Tensor:
    """Return what reaches a layer of a network: (B, H, W, C)."""
    seen: list[torch.Tensor] = []
    handle = layer.register_forward_pre_hook(lambda _layer, inputs: seen.append(inputs[0]))
    model(images)
    handle.remove()
    return seen[0]


def relative_error(found: torch.Tensor, exact: torch.Tensor) -> float:
    """Return the Frobenius norm of the error over that of the exact matrices (..., N, N), mean over matrices."""
    return ((found - exact).norm(dim=(-2, -1)) / exact.norm(dim=(-2, -1))).mean().item()


def nystrom_error(layer: SoftAttention, x: torch.Tensor) -> float:
    """Return the relative error of P A^+ P^T against the kernel matrix of all tokens."""
    q = layer.queries(x)
    P, X = layer.factors(q, layer.landmarks(q, (x.shape[1], x.shape[2])))
    return relative_error(P @ X @ P.mT, gaussian(q, q))


def kept_for_backward(layer: nn.Module, x: torch.Tensor) -> int:
    """Return the bytes that a call keeps for its backward pass, weights and input left out."""
    known = {t.untyped_storage().data_ptr() for t in (x, *layer.parameters())}
    kept: list[torch.Tensor] = []

    def keep(t: torch.Tensor) -> torch.Tensor:
        kept.append(t)  # which also keeps its memory from being used again
        return t

    with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(keep, lambda t: t):
        _output = layer(x)
    storages = {t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in kept}
    return sum(size for place, size in storages.items() if place not in known)


def _nystrom(layer: SoftAttention, x: torch.Tensor) -> Chart:
    """Error over the number of landmarks, for landmarks that are means of the trained queries."""
    q = layer.queries(x)
    S, maps = gaussian(q, q), q.flatten(0, 1).mT.unflatten(-1, x.shape[1:3])
    rows: list[dict[str, Any]] = []
    for side in (4, 2, 1):
        means = F.avg_pool2d(maps, side).flatten(-2).mT.unflatten(0, q.shape[:2])
        P, A = gaussian(q, means), gaussian(means, means)
        rows.append({"landmarks": means.shape[-2], "error": relative_error(P @ newton(A, STEPS) @ P.mT, S)})
    spec = {
        "mark": {"type": "line", "point": True},
        "data": {"values": rows},
        "encoding": {
            "x": {"field": "landmarks", "type": "quantitative", "scale": {"type": "log"}},
            "y": {"field": "error", "type": "quantitative", "title": "relative error of the kernel matrix"},
        },
    }
    return Chart(
        spec,
        "How far Nystrom's matrix is from the whole kernel matrix of trained queries, by the number of landmarks; these are means of cells.",
    )


def _newton(layer: SoftAttention, x: torch.Tensor) -> Chart:
    """Residual over Newton's steps, for the landmarks of the trained layer."""
    q = layer.queries(x)
    landmarks = layer.landmarks(q, (x.shape[1], x.shape[2]))
    A = gaussian(landmarks, landmarks)
    one = torch.eye(A.shape[-1])
    rows = [
        {"step": steps, "residual": (one - (A + RIDGE * one) @ newton(A, steps)).norm(dim=(-2, -1)).mean().item()}
        for steps in range(STEPS + 1)
    ]
    spec = {
        "mark": {"type": "line", "point": True},
        "data": {"values": rows},
        "encoding": {
            "x": {"field": "step", "type": "quantitative"},
            "y": {"field": "residual", "type": "quantitative", "scale": {"type": "log"}, "title": "|I - (A + 0.01 I) X|"},
        },
    }
    return Chart(
        spec, "How far Newton's iteration is from an inverse of the kernel matrix of trained landmarks, mean over heads and images."
    )
