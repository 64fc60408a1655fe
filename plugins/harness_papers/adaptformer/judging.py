"""How good a tuned network is, what it takes to tune it, and what its page shows."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from harness import Artifact, Chart, Image, Quality

from .images import NAMES
from .model import ViT
from .setting import AUTHORS
from .tuning import adapt, make_optimizer

BATCH = 200
STARTS_AT_ZERO = ("adaptformer", "sequential", "lora")
"""Variants of which it is said that they start as the pre-trained network."""
SHOWN = 10


def top1(vit: ViT, x: Tensor, y: Tensor) -> float:
    """Return the share of images whose label is right."""
    return sum(int((vit(part).argmax(1) == label).sum()) for part, label in zip(x.split(BATCH), y.split(BATCH), strict=True)) / len(y)


def training_state(vit: ViT, x: Tensor, y: Tensor) -> int:
    """Return the bytes of gradients and of the optimizer's state after one step of the authors' recipe, on a copy."""
    one = copy.deepcopy(vit).train()
    one.few = one.origin = ()
    optimizer = make_optimizer(one, AUTHORS)
    with torch.enable_grad():
        F.cross_entropy(one(x), y).backward()
    optimizer.step()
    kept = [value for state in optimizer.state.values() for value in state.values()]
    kept += [p.grad for p in one.parameters()]
    return sum(tensor.nbytes for tensor in kept if isinstance(tensor, Tensor))


def judge(vit: ViT, x: Tensor, y: Tensor, source: tuple[Tensor, Tensor]) -> Mapping[str, Quality]:
    """Return a variant's qualities; of the network that is not tuned, how well it does what it was trained for."""
    if not vit.origin:
        return {"source_top1": Quality(top1(vit, *source))}
    found = {
        "top1": Quality(top1(vit, x, y)),
        "top1_few": Quality(top1(vit.few[0], x, y)),
        "trained": Quality(sum(p.numel() for p in vit.parameters() if p.requires_grad), better="lower"),
        "training_state": Quality(training_state(vit, x[:8], y[:8]), "B", better="lower"),
    }
    if vit.variant in STARTS_AT_ZERO:
        fresh = adapt(vit.variant, vit.origin[0]).eval()
        away = fresh.features(x[:64]) - vit.origin[0].features(x[:64])
        found["init_difference"] = Quality(float(away.abs().max()), better="lower")
    return found


def branch_chart(vit: ViT, x: Tensor) -> Chart:
    """Show, block by block, how large what the adapter adds is against what the frozen feed-forward network adds."""
    values: list[dict[str, Any]] = []

    def watch(module: nn.Module, _: object, output: Tensor) -> None:
        values.append(
            {
                "block": len(values) // 2,
                "adds": "network" if isinstance(module, nn.Linear) else "adapter",
                "size": float(output.norm(dim=-1).mean()),
            }
        )

    hooks = [module.register_forward_hook(watch) for block in vit.blocks for module in (block.fc2, block.adapter)]
    vit(x)
    for hook in hooks:
        hook.remove()
    spec = {
        "data": {"values": values},
        "mark": {"type": "bar", "tooltip": True},
        "encoding": {
            "x": {"field": "block", "type": "ordinal"},
            "xOffset": {"field": "adds"},
            "y": {"field": "size", "type": "quantitative", "title": "mean norm of what is added to a token"},
            "color": {"field": "adds", "type": "nominal"},
        },
    }
    return Chart(spec, "What the branch has learnt to add, against the frozen network beside it.")


def gallery(source: Tensor, target: Tensor) -> Image:
    """Show images of the source task above images of the target task."""
    rows = [torch.cat(list(images[:SHOWN]), dim=-1) for images in (source, target)]  # (3, H, 10 W) each
    pixels = torch.cat(rows, dim=1).permute(1, 2, 0) * 0.25 + 0.5
    return Image(pixels.clamp(0, 1).numpy(), f"Above, what the network was trained on: {', '.join(NAMES)}. Below, what it is tuned for.")


def pictures(vit: ViT, x: Tensor, source: tuple[Tensor, Tensor]) -> Mapping[str, Artifact]:
    """Return what the page of the subject shows."""
    return {"images": gallery(source[0], x), "branch": branch_chart(vit, x[:BATCH])}
