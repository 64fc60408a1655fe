"""What the variants are timed on: what the family is, or images for a whole published network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from harness import Data
from harness_papers._kit.attention import tasks

from .network import CHANNELS, PLANS, UNLIKE, plan_of


def profile(scale: str, params: Mapping[str, Any]) -> Data:
    """Return one call's inputs: maps (B, H, W, C) for a layer, images (B, channels, size, size) for a network."""
    if params["config"] not in (*PLANS, UNLIKE):
        return tasks.profile(scale, params)
    size = plan_of(params["config"], "agent").size
    return Data((torch.randn(params["batch"], CHANNELS, size, size),))
