"""What the variants are timed on: what the family is, or images for a whole published network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch.nn import functional as F

from harness import Data, Recipe
from harness_papers._kit.attention import tasks

from .network import PLANS


def profile(scale: str, params: Mapping[str, Any]) -> Data:
    """Return one call's inputs: maps (B, H, W, C) for a layer, images (B, channels, size, size) for a network."""
    if params["config"] not in PLANS:
        return tasks.profile(scale, params)
    plan, batch = PLANS[params["config"]], params["batch"]
    images = torch.randn(batch, plan.channels, plan.size, plan.size)
    recipe = Recipe(F.cross_entropy, epochs=300, batch_size=1024, lr=1e-3, weight_decay=0.05, clip=5.0)
    return Data((images,), torch.arange(batch) % plan.classes, recipe=recipe)
