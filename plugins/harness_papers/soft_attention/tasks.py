"""What the variants are timed on, and the family's tasks in larger images than those that were learnt from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch.nn import functional as F

from harness import Data, Recipe
from harness_papers._kit.attention import tasks
from harness_papers._kit.attention.network import setting_of
from harness_papers._kit.images import digits, freq_pairs

from .plans import CHANNELS, CLASSES, PLANS, SIZE


def profile(scale: str, params: Mapping[str, Any]) -> Data:
    """Return one call's inputs: maps (B, H, W, C) for a layer, images (B, channels, size, size) for a network."""
    if params["config"] not in PLANS:
        return tasks.profile(scale, params)
    batch = params["batch"]
    recipe = Recipe(F.cross_entropy, epochs=300, batch_size=1024, lr=1e-3, weight_decay=0.05, clip=1.0)
    return Data((torch.randn(batch, CHANNELS, SIZE, SIZE),), torch.arange(batch) % CLASSES, recipe=recipe)


def enlarged(config: str, scale: str) -> Data:
    """Return test images of a task half as large again, to a multiple of 8 pixels: of 96 pixels for 64, of 80 for 56."""
    size = round(1.5 * setting_of(config, scale).size / 8) * 8
    if config == "digits":
        images, labels = digits("test", size)
        return Data((2 * images - 1,), labels)
    images, labels = freq_pairs("test", 160 if scale == "smoke" else 500, size)
    return Data((images,), labels)
