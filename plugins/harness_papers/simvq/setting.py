"""The numbers of each experiment."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True)
class Shape:
    """Dimensions of an autoencoder and of its codebook.

    Attributes:
        patch: What one code stands for: (channels, height, width), or (channels, samples).
        grid: Patches along each axis.
        d: Dimensions of an encoding.
        features: Dimensions of the frozen features of `vq_lc`.
        width: Hidden units for each patch; 0 builds the authors' convolutional network, whose widths are fixed.
        K: Codes.
    """

    patch: tuple[int, ...]
    grid: tuple[int, ...]
    d: int
    features: int
    width: int = 0
    K: int = 0

    @property
    def extent(self) -> tuple[int, ...]:
        """The shape of one example: channels, then pixels or samples along each axis."""
        return (self.patch[0], *(g * p for g, p in zip(self.grid, self.patch[1:], strict=True)))

    @property
    def tokens(self) -> int:
        """Codes of one example."""
        return math.prod(self.grid)


@dataclass(frozen=True)
class Setting:
    """What is built at one sweep point, and how long it trains.

    Attributes:
        shape: Dimensions.
        batch: Examples of a step and of a timed call; where the quantiser is alone, encodings.
        steps: Optimizer steps.
        trained: Examples that training draws from.
        tested: Examples that are judged.
        alone: True for the quantiser without its autoencoder.
    """

    shape: Shape
    batch: int
    steps: int = 0
    trained: int = 0
    tested: int = 0
    alone: bool = False


_DIGITS = Shape((1, 4, 4), (2, 2), d=8, features=16, width=32)
_PHOTOS = Shape((3, 8, 8), (4, 4), d=32, features=192, width=96)
_AUDIO = Shape((1, 40), (25,), d=32, features=40, width=96)
_PAPER_PHOTOS = Shape((3, 8, 8), (16, 16), d=128, features=768)
_PAPER_AUDIO = Shape((1, 320), (75,), d=512, features=768, width=512)

SETTINGS = {
    ("smoke", "digits"): Setting(_DIGITS, batch=32, steps=40, trained=1200, tested=597),
    ("small", "photos"): Setting(_PHOTOS, batch=16, steps=2000, trained=6144, tested=4096),
    ("small", "audio"): Setting(_AUDIO, batch=10, steps=2000, trained=2048, tested=2048),
    ("small", "tokens"): Setting(_PHOTOS, batch=4096, alone=True),
    ("paper", "photos"): Setting(_PAPER_PHOTOS, batch=1),
    ("paper", "audio"): Setting(_PAPER_AUDIO, batch=1),
    ("paper", "tokens"): Setting(_PAPER_PHOTOS, batch=256, alone=True),
}
"""By scale and signal. Published frames of audio are 320 samples of 24,000 a second, and are coded in 512 dimensions."""


def setting_of(scale: str, params: Mapping[str, Any]) -> Setting:
    """Return the numbers of a sweep point."""
    found = SETTINGS[scale, params["signal"]]
    return replace(found, shape=replace(found.shape, K=params["codes"]))
