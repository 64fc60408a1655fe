"""Dimensions of the published networks, and what they multiply: by our way of counting and by the authors'. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

SIZE, CHANNELS, CLASSES = 224, 3, 1000
"""Height and width of the images, their channels, and how many classes there are."""
STEM, FIRST, SECOND, LAST = 32, 64, 128, 512
"""Channels of the first convolutions, and of the first, second and last stage."""
LAST_HEADS = 16
LANDMARKS_A_SIDE = 7
STEPS = 20
"""Of Newton's iteration."""


@dataclass(frozen=True)
class Stage:
    """A stage with softmax-free attention.

    Attributes:
        depth: Blocks.
        C: Channels.
        h: Heads, of width 32.
        grid: Tokens a side.
        r: Side and stride of the convolution that makes landmarks.
        k: Side of the depthwise convolution of the values.
    """

    depth: int
    C: int
    h: int
    grid: int
    r: int
    k: int


@dataclass(frozen=True)
class Plan:
    """Dimensions of a network.

    Attributes:
        depths: Blocks of the four stages; the last has ordinary attention.
        third: Channels of the third stage.
    """

    depths: tuple[int, int, int, int]
    third: int = 320

    def stages(self) -> Iterator[Stage]:
        """Yield the three stages with softmax-free attention."""
        for i, C in enumerate((FIRST, SECOND, self.third)):
            r = 8 // 2**i
            yield Stage(self.depths[i], C, C // 32, SIZE // 4 // 2**i, r, r + 1)


PLANS: Mapping[str, Plan] = {
    "soft_tiny": Plan((1, 2, 3, 2)),
    "soft_small": Plan((1, 3, 20, 4)),
    "soft_medium": Plan((1, 3, 29, 5), third=288),
    "soft_large": Plan((1, 3, 40, 5)),
    "soft_huge": Plan((1, 5, 49, 5), third=352),
}


def macs(plan: Plan) -> int:
    """Return the multiply-accumulates of a network for one image, as they are computed here."""
    half, quarter = (SIZE // 2) ** 2, (SIZE // 4) ** 2
    total = 9 * (half * (CHANNELS * STEM + STEM * STEM) + quarter * STEM * FIRST)
    before = 0
    for stage in plan.stages():
        N, C = stage.grid**2, stage.C
        total += 9 * N * before * C + stage.depth * (layer_macs(stage) + 8 * N * C**2)
        before = C
    N = LANDMARKS_A_SIDE**2  # tokens of the last stage, beside a class token
    block = (N + 1) * 12 * LAST**2 + 2 * (N + 1) ** 2 * LAST
    return total + 9 * N * before * LAST + plan.depths[3] * block + LAST * CLASSES


def layer_macs(stage: Stage) -> int:
    """Return the multiply-accumulates of one softmax-free layer, Newton's iteration included."""
    N, m, C, d = stage.grid**2, LANDMARKS_A_SIDE**2, stage.C, stage.C // stage.h
    projections, landmarks, near = 3 * N * C**2, stage.h * m * d**2 * stage.r**2, N * C * stage.k**2
    kernels, products = (N + m) * m * C, (2 * N + m) * m * C
    return projections + landmarks + near + kernels + products + newton_macs(stage.h, m)


def newton_macs(h: int, m: int) -> int:
    """Return the multiply-accumulates of Newton's iteration for h matrices m x m: two products a step."""
    return STEPS * 2 * h * m**3


def authors_macs(plan: Plan) -> int:
    """Return the multiply-accumulates of the authors' PyTorch kernel as a counter of modules and products sees them.

    Squared distances take three products instead of one, the inverse is multiplied by P before by P^T V, and Newton's iteration is not seen.
    """
    m = LANDMARKS_A_SIDE**2
    more = 0
    for stage in plan.stages():
        N, C, h = stage.grid**2, stage.C, stage.h
        more += stage.depth * (2 * (N + m) * m * C + h * N * m**2 - m**2 * C - newton_macs(h, m))
    return macs(plan) + more
