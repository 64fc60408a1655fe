"""The two experiments: text for MatLM, digits for MatViT."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from harness_papers._kit.images import digits
from harness_papers._kit.text import windows

from .model import Shape


@dataclass(frozen=True)
class Setting:
    """What is built at one scale, and how long it trains.

    Attributes:
        shape: Dimensions.
        steps: N, the steps that a model of one size trains alone; MatFormer takes 4 N, N for each granularity in the mean.
        batch: Examples a step.
        profile: Examples of one timed call.
        tested: Stretches of test text.
    """

    shape: Shape
    steps: int
    batch: int
    profile: int
    tested: int = 0

    @property
    def nested_steps(self) -> int:
        """Steps of a MatFormer."""
        return 4 * self.steps


SETTINGS = {
    ("text", "smoke"): Setting(Shape(32, 2, 2, 64), steps=8, batch=4, profile=4, tested=8),
    ("text", "small"): Setting(Shape(128, 4, 4, 128), steps=120, batch=8, profile=8, tested=128),
    ("text", "paper"): Setting(Shape(512, 8, 8, 1024, classes=50_304), steps=20_000, batch=8, profile=1),
    ("digits", "smoke"): Setting(Shape(32, 2, 2, 16, classes=10, patch=8), steps=8, batch=16, profile=4),
    ("digits", "small"): Setting(Shape(64, 4, 4, 16, classes=10, patch=8), steps=150, batch=64, profile=64),
    ("digits", "paper"): Setting(Shape(768, 12, 12, 196, classes=1000, patch=16), steps=20_000, batch=64, profile=1),
}
TRAINING_WINDOWS = 4000
IMAGE = 32
PAPER_IMAGE = 224


def setting(scale: str, params: Mapping[str, Any]) -> Setting:
    """Return the numbers of a sweep point; `form` among the params is a form of the feed-forward network."""
    found = SETTINGS[params["task"], scale]
    return replace(found, shape=replace(found.shape, form=params.get("form", "plain")))


def examples(scale: str, split: str, params: Mapping[str, Any], seed: int) -> tuple[Tensor, Tensor]:
    """Return inputs and targets of a split; one timed call's are the first of the training ones."""
    chosen = setting(scale, params)
    shape, part = chosen.shape, "train" if split == "profile" else split
    if scale == "paper":
        if shape.patch:
            return torch.rand(chosen.profile, 1, PAPER_IMAGE, PAPER_IMAGE), torch.zeros(chosen.profile, dtype=torch.long)
        tokens = torch.randint(shape.classes, (chosen.profile, shape.n))
        return tokens, tokens
    if shape.patch:
        x, y = digits(part, IMAGE)
    else:
        x, y = windows(part, chosen.tested if part == "test" else TRAINING_WINDOWS, shape.n, 0 if part == "test" else seed)
    return (x[: chosen.profile], y[: chosen.profile]) if split == "profile" else (x, y)
