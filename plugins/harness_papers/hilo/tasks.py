"""What the variants are given: tokens or images to be timed on, and the two tasks that small networks learn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch.nn import functional as F

from harness import Data, Recipe
from harness_papers._kit.images import digits, freq_pairs

from .network import layer_size, plan_of


def profile(scale: str, params: Mapping[str, Any]) -> Data:
    """Return one call's inputs: a batch of feature maps (B, H, W, C) for a layer, of images (B, channels, size, size) for a network."""
    batch, config = params["batch"], params["config"]
    if config == "layer":
        C, _ = layer_size(scale, params)
        x, target = torch.randn(2, batch, params["resolution"], params["resolution"], C)
        return Data((x,), target, recipe=Recipe(F.mse_loss, epochs=1, batch_size=batch, lr=1e-3))
    plan = plan_of(config, scale)
    images = torch.randn(batch, plan.channels, plan.size, plan.size)
    return Data((images,), torch.arange(batch) % plan.classes, recipe=_recipe(config, scale))


def whole(scale: str, split: str, params: Mapping[str, Any]) -> Data:
    """Return a whole split of a task. A layer by itself learns nothing: its splits are the timed call's tokens, without a recipe."""
    config = params["config"]
    if config == "layer":
        return Data(profile(scale, params).inputs)
    size = plan_of(config, scale).size
    if config == "digits":
        images, labels = digits(split, size)
        return Data((2 * images - 1,), labels, recipe=_recipe(config, scale))
    count = 160 if scale == "smoke" else None
    images, labels = freq_pairs(split, count, size)
    return Data((images,), labels, recipe=_recipe(config, scale))


def _recipe(config: str, scale: str) -> Recipe:
    """AdamW with the authors' weight decay and gradient limit; length and rate are those with which dense attention learns the task."""
    epochs, batch_size, lr = {"freq_pairs": (6, 50, 3e-3), "digits": (30, 25, 1e-2)}.get(config, (300, 1024, 1e-3))
    return Recipe(F.cross_entropy, 1 if scale == "smoke" else epochs, batch_size, lr, weight_decay=0.05, clip=5.0)
