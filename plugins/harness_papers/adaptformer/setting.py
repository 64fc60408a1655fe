"""Dimensions, lengths of training and recipes. Imports no torch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Shape:
    """Dimensions of a Vision Transformer and of what is added to it.

    Attributes:
        D: Width.
        L: Blocks.
        h: Heads.
        r: Width of the bottleneck, and rank of the baseline LoRA.
        image: Height and width of an image.
        patch: Those of a patch.
        classes: Labels.
    """

    D: int
    L: int
    h: int
    r: int
    image: int = 32
    patch: int = 8
    classes: int = 10

    @property
    def N(self) -> int:  # noqa: N802
        """Tokens: the patches and the class token."""
        return (self.image // self.patch) ** 2 + 1

    @property
    def adapters(self) -> int:
        """Parameters of the adapters of all blocks."""
        return self.L * (2 * self.D * self.r + self.r + self.D)


SHAPES = {
    "smoke": Shape(D=64, L=2, h=4, r=4),
    "small": Shape(D=64, L=4, h=4, r=5),
    "paper": Shape(D=768, L=12, h=12, r=64, image=224, patch=16, classes=100),
}
"""`paper` is ViT-B/16 with the authors' default bottleneck, on CIFAR-100."""

SOURCE_IMAGES = {"smoke": 320, "small": 4000}
SOURCE_TEST_IMAGES = {"smoke": 100, "small": 500}
SOURCE_EPOCHS = {"smoke": 2, "small": 8}
SOURCE_BATCH = 32
PROFILE_BATCH = 8
FEW = 20
"""Images of each class in the small target task."""


@dataclass(frozen=True)
class Tuning:
    """How a variant is tuned on a target task: a linear warm-up over a fifth of the steps, then a cosine to zero.

    Attributes:
        optimizer: `sgd` with momentum 0.9, or `adamw`.
        lr: Peak learning rate.
        weight_decay: Of AdamW.
    """

    optimizer: str = "sgd"
    lr: float = 0.1
    weight_decay: float = 0.0


AUTHORS = Tuning()
"""The authors' recipe, the same for every method."""

TUNINGS = {"full_tuned": Tuning("adamw", 5e-4, 0.05)}
"""Recipes that are not the authors'."""

WARMUP = 0.2
MOMENTUM = 0.9
TASKS = ("digits", "few")
EPOCHS = {("digits", "smoke"): 1, ("few", "smoke"): 1, ("digits", "small"): 20, ("few", "small"): 40}
TUNING_IMAGES = {"smoke": 160, "small": 1200}
"""Of the 1,200 digits for training."""
BATCH = {"digits": 32, "few": 20}
