"""What is built, trained and forgotten at each scale."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from harness import Data
from harness_papers._kit.images import digits

from .network import CLASSES, CNN, ResNet18

FORGOTTEN_CLASS = 3
FORGOTTEN_SHARE = 0.1
"""Of the training images, where random ones are forgotten: as 4,500 of 45,000."""

PUBLISHED_STEPS, PUBLISHED_GAMMA = 1590, 5e-4
"""Steps of ten epochs over 40,500 images in batches of 256, and the weight of the l1 norm in them."""


@dataclass(frozen=True)
class Plan:
    """The lengths and strengths of one scale.

    Attributes:
        widths: Channels of the small network; empty for ResNet-18.
        rate: Share of the convolutions' weights that is pruned.
        epochs: Of the first training, with the rate falling tenfold at the milestones.
        milestones: Epochs at which it does.
        rewind: Epoch to whose weights the pruned network returns.
        retrain_epochs: Of retraining without the forget set.
        batch: Images a step.
        gamma: Weight of the l1 norm at the first step.
        ascent_rate: Learning rate of gradient ascent.
        fisher_alpha: Noise of Fisher forgetting.
        influence_alpha: Length of the influence step.
        profile: Retained and forgotten images of one timed call.
        images: Training and test images; None for all.
        bound_steps: Steps of the descent that the theory's error is measured on.
    """

    widths: tuple[int, ...]
    rate: float
    epochs: int
    milestones: tuple[int, ...]
    rewind: int
    retrain_epochs: int
    batch: int
    gamma: float
    ascent_rate: float
    fisher_alpha: float
    influence_alpha: float
    profile: tuple[int, int]
    images: tuple[int, int] | None = None
    bound_steps: int = 20


UNLEARN_EPOCHS, ASCENT_EPOCHS = 10, 5
UNLEARN_RATE = 0.01
RATE, MOMENTUM, DECAY = 0.1, 0.9, 5e-4
FISHER_BATCH = 32
INFLUENCE_GRADIENTS = 1000

SMALL_STEPS = 170
"""Steps of ten epochs over about 1,080 images in batches of 64."""

PLANS = {
    "smoke": Plan(
        widths=(16, 16),
        rate=0.8,
        epochs=10,
        milestones=(5, 7),
        rewind=1,
        retrain_epochs=10,
        batch=32,
        gamma=PUBLISHED_GAMMA * PUBLISHED_STEPS / 70,
        ascent_rate=3e-3,
        fisher_alpha=1e-7,
        influence_alpha=20.0,
        profile=(4, 2),
        images=(160, 120),
        bound_steps=5,
    ),
    "small": Plan(
        widths=(32, 32, 64, 64),
        rate=0.8,
        epochs=40,
        milestones=(20, 30),
        rewind=2,
        retrain_epochs=40,
        batch=64,
        gamma=PUBLISHED_GAMMA * PUBLISHED_STEPS / SMALL_STEPS,
        ascent_rate=3e-3,
        fisher_alpha=1e-7,
        influence_alpha=20.0,
        profile=(16, 2),
    ),
    "paper": Plan(
        widths=(),
        rate=0.95,
        epochs=182,
        milestones=(91, 136),
        rewind=8,
        retrain_epochs=160,
        batch=256,
        gamma=PUBLISHED_GAMMA,
        ascent_rate=1e-4,
        fisher_alpha=1e-7,
        influence_alpha=20.0,
        profile=(3, 1),
    ),
}


class Labelled(NamedTuple):
    """Images x (N, C, H, W) and their classes y (N,)."""

    x: Tensor
    y: Tensor


class Scenario(NamedTuple):
    """What stays, what is to be forgotten, and what is tested; `forgotten_class` is negative where random images are forgotten."""

    retain: Labelled
    forget: Labelled
    test: Labelled
    forgotten_class: int

    @property
    def training(self) -> Labelled:
        """All training images, the forgotten ones last: order means nothing, batches are drawn."""
        return Labelled(torch.cat([self.retain.x, self.forget.x]), torch.cat([self.retain.y, self.forget.y]))


def build_network(scale: str) -> nn.Module:
    """Return a fresh network."""
    widths = PLANS[scale].widths
    return CNN(widths) if widths else ResNet18()


def is_forgotten(y: Tensor, forget: str, seed: int) -> Tensor:
    """Return which training images (N,) are to be forgotten: a class, or a tenth drawn by the seed."""
    if forget == "class":
        return y == FORGOTTEN_CLASS
    drawn = torch.randperm(len(y), generator=torch.Generator().manual_seed(seed))
    return torch.zeros_like(y, dtype=torch.bool).index_fill(0, drawn[: round(FORGOTTEN_SHARE * len(y))], True)


def scenario(scale: str, forget: str, seed: int) -> Scenario:
    """Return the images of one experiment; a class that is forgotten is not tested either."""
    train, test = (Labelled(*digits(split)) for split in ("train", "test"))
    if images := PLANS[scale].images:
        train, test = (Labelled(part.x[:count], part.y[:count]) for part, count in zip((train, test), images, strict=True))
    gone = is_forgotten(train.y, forget, seed)
    by_class = forget == "class"
    tested = test.y != FORGOTTEN_CLASS if by_class else torch.ones_like(test.y, dtype=torch.bool)
    retain, lose = (Labelled(train.x[which], train.y[which]) for which in (~gone, gone))
    return Scenario(retain, lose, Labelled(test.x[tested], test.y[tested]), FORGOTTEN_CLASS if by_class else -1)


def split(scale: str, name: str, params: Mapping[str, Any], seed: int) -> Data:
    """Return a split of the data; a timed call is given a few random images to keep and fewer to forget."""
    if name != "profile":
        case = scenario(scale, params["forget"], seed)
        part = case.training if name == "train" else case.test
        return Data((part.x,), targets=part.y, extra={"scenario": case})
    keep, lose = PLANS[scale].profile
    shape = (1, 8, 8) if PLANS[scale].widths else (3, 32, 32)
    retain, forget = (Labelled(torch.rand(n, *shape), torch.arange(n) % CLASSES) for n in (keep, lose))
    if params.get("part") == "forward":
        return Data((retain.x[:1],))
    return Data((*retain, *forget), items=keep + lose, extra={"scale": scale})
