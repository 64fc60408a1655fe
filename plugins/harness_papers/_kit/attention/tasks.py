"""What mixers of the family are given: a map of tokens to be timed on, and two tasks that the small network learns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch.nn import functional as F

from harness import Data, Recipe
from harness_papers._kit.images import digits, freq_pairs

from .network import layer_size, setting_of


def layer_data(scale: str, params: Mapping[str, Any]) -> Data:
    """Return a batch of maps (B, H, W, C) for a layer by itself, and maps of the same shape to train it towards when its memory is measured."""
    side, (C, _) = params["resolution"], layer_size(scale, params.get("channels"))
    x, target = torch.randn(2, params["batch"], side, side, C)
    return Data((x,), target, recipe=Recipe(F.mse_loss, epochs=1, batch_size=params["batch"], lr=1e-3))


def profile(scale: str, params: Mapping[str, Any]) -> Data:
    """Return one call's inputs: maps for a layer by itself, images (B, 1, size, size) for the small network."""
    if params["config"] == "layer":
        return layer_data(scale, params)
    setting, batch = setting_of(params["config"], scale), params["batch"]
    images = torch.randn(batch, 1, setting.size, setting.size)
    return Data((images,), torch.arange(batch) % setting.classes, recipe=recipe(params["config"], scale))


def whole(scale: str, split: str, params: Mapping[str, Any]) -> Data:
    """Return a whole split of a task. A layer by itself learns nothing: its splits are the timed call's maps, without a recipe."""
    config = params["config"]
    if config == "layer":
        return Data(layer_data(scale, params).inputs)
    size = setting_of(config, scale).size
    if config == "digits":
        images, labels = digits(split, size)
        return Data((2 * images - 1,), labels, recipe=recipe(config, scale))
    count = 160 if scale == "smoke" else None
    images, labels = freq_pairs(split, count, size)
    return Data((images,), labels, recipe=recipe(config, scale))


def recipe(config: str, scale: str) -> Recipe:
    """AdamW with HiLo's weight decay and gradient limit; length and rate are those with which dense attention learns the task."""
    epochs, batch_size, lr = {"freq_pairs": (6, 50, 3e-3), "digits": (30, 25, 1e-2)}[config]
    return Recipe(F.cross_entropy, 1 if scale == "smoke" else epochs, batch_size, lr, weight_decay=0.05, clip=5.0)
