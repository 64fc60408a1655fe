"""What each variant is made of, and the dimensions of each scale."""

from __future__ import annotations

from dataclasses import dataclass

Share = tuple[int, int]
"""A share as numerator and denominator, so that k = c * share is rounded down exactly."""

KEPT: tuple[Share, ...] = ((1, 2), (2, 3), (3, 4), (4, 5))
"""The shares of scores that the four branches keep."""

ALL: tuple[Share, ...] = ((1, 1),) * len(KEPT)


@dataclass(frozen=True)
class Parts:
    """What a network is made of.

    Attributes:
        kept: The share of scores that each branch of the attention keeps; empty for Restormer's attention, which has no branches.
        mixed_scale: The mixed-scale feed-forward network; else Restormer's gated one.
        experts: A mixture of experts before the first block and after the last.
        refined: Restormer's further blocks after the decoder.
    """

    kept: tuple[Share, ...] = KEPT
    mixed_scale: bool = True
    experts: bool = True
    refined: bool = False


PARTS = {
    "drsformer": Parts(),
    "restormer": Parts(kept=(), mixed_scale=False, experts=False, refined=True),
    "dense": Parts(kept=ALL),
    "single_k": Parts(kept=KEPT[:1]),
    "gdfn": Parts(mixed_scale=False),
    "no_mefc": Parts(experts=False),
}


@dataclass(frozen=True)
class Plan:
    """Dimensions of a network.

    Attributes:
        dim: C, the channels at full resolution; each level below has twice as many.
        blocks: Blocks at each of the four levels; the decoder has as many as the encoder, and the refinement as many as the first level.
        heads: Heads at each level.
        size: Height and width of the image of one timed call.
    """

    dim: int
    blocks: tuple[int, int, int, int]
    heads: tuple[int, int, int, int]
    size: int


PLANS = {
    "smoke": Plan(8, (1, 1, 1, 1), (1, 2, 4, 8), 32),
    "small": Plan(8, (1, 1, 1, 1), (1, 2, 4, 8), 64),
    "paper": Plan(48, (4, 6, 6, 8), (1, 2, 4, 8), 256),
}

LAYER_DIM = PLANS["paper"].dim
"""Channels of the attention layer that is timed by itself."""


@dataclass(frozen=True)
class Study:
    """What is trained on and how long.

    Attributes:
        patch: Height and width of a training patch.
        train: Patches: half of them in heavy rain, half in light.
        epochs: Passes over them.
        batch: Patches a step.
        lr: The learning rate at first.
        test_size: Height and width of a test crop.
        test: Test crops; each is seen in heavy and in light rain.
    """

    patch: int
    train: int
    epochs: int
    batch: int
    lr: float
    test_size: int
    test: int


STUDIES = {
    "smoke": Study(24, 16, 1, 8, 2e-3, 32, 4),
    "small": Study(24, 800, 1, 4, 2e-3, 64, 40),
    "paper": Study(128, 1800, 1333, 8, 3e-4, 128, 200),
}
"""At `paper` scale: the authors' 300,000 steps on the 1,800 pairs of Rain200H."""
