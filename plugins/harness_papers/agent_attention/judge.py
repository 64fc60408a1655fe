"""How good a trained network is, what is lost when agents replace dense attention after training, and what agents look at."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from harness import Artifact, Data, Image, Quality
from harness_papers._kit.attention.judge import accuracies, mistakes, sheet

from .mixers import AgentAttention
from .network import build

COMPARED = 250
"""Images on which a network with agents is compared with the one whose weights it has."""
ENLARGED = 4
"""Pixels a token in the picture of what agents look at."""


def qualities(variant: str, model: nn.Module, data: Data, scale: str, params: Mapping[str, Any]) -> dict[str, Quality]:
    """Return the accuracies of the family's tasks; for weights of dense attention that agents compute with, the error of that too."""
    result = accuracies(model, data, params["config"])
    if variant == "swapped":
        result["swap_error"] = Quality(swap_error(model, data.inputs[0][:COMPARED], scale, params), better="lower")
    return result


def swap_error(model: nn.Module, images: torch.Tensor, scale: str, params: Mapping[str, Any]) -> float:
    """Return the mean squared change of the logits from dense attention to agents, as a share of the logits' variance over images."""
    dense = build("mha", scale, params).eval()
    dense.load_state_dict(model.state_dict())
    before, after = dense(images), model(images)
    return ((after - before).square().mean() / (before - before.mean(0)).square().mean()).item()


def pictures(variant: str, model: nn.Module, data: Data, config: str) -> dict[str, Artifact]:
    """Return what is taken for what; for the subject the task as a sheet of images, and what its agents look at."""
    shown: dict[str, Artifact] = {f"mistakes_{config}": mistakes(model, data, config)}
    if variant == "agent":
        shown |= {f"task_{config}": sheet(data), f"agents_{config}": looks(model, data.inputs[0][:1])}
    return shown


def looks(model: nn.Module, image: torch.Tensor) -> Image:
    """Show which tokens each agent collects from, mean over heads, in the order of the agents' places: for one image (1, 1, size, size)."""
    layer = next(module for module in model.modules() if isinstance(module, AgentAttention))
    seen: list[torch.Tensor] = []
    handle = layer.register_forward_pre_hook(lambda _layer, inputs: seen.append(inputs[0]))
    model(image)
    handle.remove()
    weights = layer.maps(seen[0])[0][0].mean(0)  # (n, N)
    tiles = (weights / weights.amax(-1, keepdim=True)).unflatten(-1, (layer.grid, -1))  # (n, H, W)
    side = math.isqrt(len(tiles))
    framed = nn.functional.pad(tiles.repeat_interleave(ENLARGED, 1).repeat_interleave(ENLARGED, 2), (1, 1, 1, 1))
    rows = [torch.cat(list(row), dim=1) for row in framed.unflatten(0, (side, side))]
    return Image(
        torch.cat(rows).numpy(),
        "Where each agent collects from in one image: a tile an agent, laid out as the places they are pooled from.",
    )
