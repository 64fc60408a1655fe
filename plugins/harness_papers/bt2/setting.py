"""The upgrades: which classes and which network each generation has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from harness import Data
from harness_papers._kit.images import digits

from .glyphs import glyphs
from .network import BT2, CNN, Encoder, Plain, ResNet50, Rotation, Widened

LAMBDA = (1.0, 10.0, 5.0)
"""lambda_1, lambda_2, lambda_3 of the loss."""
C = 2.0
LR, DECAY, WARM_SHARE = 3e-3, 3.05e-5, 0.05
"""Peak rate, weight decay, and the share of the epochs in which the rate warms up."""


@dataclass(frozen=True)
class Task:
    """A sequence of generations of one retrieval service.

    Attributes:
        classes: What each generation is trained on: the first so many classes.
        widths: Channels of each generation's network; empty for ResNet-50.
        d: Width of an embedding.
        e: Extra dimensions of every upgrade.
        epochs: Of each training.
        batch: Images a step.
        each: Training and test images of a class of glyphs; empty for digits.
        image: Channels and side of an image.
        profile: Queries of a timed call, and items that they are held against.
    """

    classes: tuple[int, ...]
    widths: tuple[tuple[int, ...], ...]
    d: int
    e: int
    epochs: int
    batch: int
    each: tuple[int, ...] = ()
    image: tuple[int, int] = (1, 24)
    profile: tuple[int, int] = (16, 4096)

    @property
    def last(self) -> int:
        """Index of the newest generation."""
        return len(self.classes) - 1


def _published(classes: tuple[int, int], batch: int) -> Task:
    """Return a task of the authors, who bring CIFAR-100's images to ImageNet's size."""
    return Task(classes, ((), ()), 128, 32, 100, batch, image=(3, 224), profile=(1, 16_384))


TASKS = {
    ("glyphs", "smoke"): Task((4, 8), ((4, 8, 8), (8, 8, 16)), 8, 2, 3, 32, (16, 8), (1, 16), (4, 256)),
    ("glyphs", "small"): Task((20, 40), ((8, 16, 24), (16, 32, 48)), 16, 4, 30, 64, (60, 30)),
    ("digits", "smoke"): Task((5, 7, 9, 10), ((4, 8), (4, 8), (8, 8), (8, 16)), 8, 2, 1, 64, image=(1, 8), profile=(4, 256)),
    ("digits", "small"): Task((5, 7, 9, 10), ((8, 16), (12, 24), (16, 32), (24, 48)), 16, 4, 30, 64, image=(1, 8)),
    ("cifar100", "paper"): _published((50, 100), 128),
    ("imagenet", "paper"): _published((500, 1000), 256),
}

INDEPENDENT, OLD, BACKFILL = "independent", "old", "backfill"


class Labelled(NamedTuple):
    """Images x (N, C, H, W) and their classes y (N,)."""

    x: Tensor
    y: Tensor

    def first(self, classes: int) -> Labelled:
        """Return the images of the first so many classes."""
        chosen = self.y < classes
        return Labelled(self.x[chosen], self.y[chosen])


def images(task: Task, split: str) -> Labelled:
    """Return the images of all classes: digits, or glyphs where the task says how many of each."""
    if not task.each:
        return Labelled(*digits(split, task.image[1]))
    return Labelled(*glyphs(task.classes[-1], task.each[0 if split == "train" else 1], task.image[1], split))


def backbone(task: Task, generation: int, out: int) -> nn.Module:
    """Return the network of a generation."""
    widths = task.widths[generation]
    return CNN(widths, out) if widths else ResNet50(out)


def encoder(variant: str, task: Task, generation: int) -> Encoder:
    """Return a fresh encoder of a variant and generation; the first is plain whatever the variant."""
    d, e, classes = task.d, task.e, task.classes[generation]
    d_o = d + e * (generation - 1)  # width of the previous generation, which grows by e with every upgrade
    if generation and variant == "bt2":
        return BT2(backbone(task, generation, d + d_o), d, d_o, e * generation, classes, C)
    if generation and variant == "naive":
        return Widened(backbone(task, generation, d_o + e), d_o, e, classes)
    return Plain(backbone(task, generation, d), d, classes)


def part(name: str, task: Task) -> nn.Module:
    """Return a part of BT^2's head, for its size."""
    d, classes = task.d, task.classes[-1]
    parts: dict[str, nn.Module] = {
        "rotations": nn.Sequential(Rotation(d), Rotation(d)),
        "fc3": nn.Linear(2 * d, d),
        "classifier": nn.Linear(d, classes, bias=False),
        "head": BT2(nn.Identity(), d, d, task.e, classes, C),
    }
    return parts[name]


def split(scale: str, name: str, params: Mapping[str, Any]) -> Data:
    """Return a split; one timed call embeds a few queries."""
    task = TASKS[params["task"], scale]
    if "part" in params:
        return Data((torch.randn(1, 2 * task.d if params["part"] in ("fc3", "head") else task.d),))
    if name == "profile":
        channels, side = task.image
        x = torch.rand(task.profile[0], channels, side, side) if scale == "paper" else images(task, "test").x[: task.profile[0]]
        return Data((x,), items=task.profile[0], extra={"items": task.profile[1]})
    shown = images(task, name)
    return Data((shown.x,), targets=shown.y)
