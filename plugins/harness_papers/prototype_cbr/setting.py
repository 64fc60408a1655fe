"""The numbers of each experiment: one row a task and scale."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

AZIMUTHS = range(-75, 90, 15)
"""The eleven viewing angles of the paper's cars, in degrees."""


@dataclass(frozen=True)
class Setting:
    """What is built, and how long it trains.

    Attributes:
        size: Height and width of an image, in pixels.
        channels: Feature maps from the image to the code, a stride-2 convolution between each two.
        prototypes: m, the number of prototypes.
        labels: Names of the K classes.
        steps: Optimizer steps of a full fit.
        batch_size: Images a step: R1 takes its minimum over these.
        deformed: Whether training images are deformed elastically, as handwriting is.
    """

    size: int
    channels: tuple[int, ...]
    prototypes: int
    labels: tuple[str, ...]
    steps: int
    batch_size: int = 100
    deformed: bool = True

    @property
    def sizes(self) -> list[int]:
        """Height of the image, and of the feature maps after each convolution: 28, 14, 7, 4, 2."""
        return [math.ceil(self.size / 2**layer) for layer in range(len(self.channels))]

    @property
    def code_shape(self) -> tuple[int, int, int]:
        """Shape of a code before it is flattened: (10, 2, 2)."""
        return self.channels[-1], self.sizes[-1], self.sizes[-1]

    @property
    def features(self) -> int:
        """q, the number of features in a code."""
        return math.prod(self.code_shape)


_AUTHORS = (1, 32, 32, 32, 10)
_NUMERALS = tuple("0123456789")
_ANGLES = tuple(f"{degrees}°" for degrees in AZIMUTHS)

_MNIST = Setting(28, _AUTHORS, 15, _NUMERALS, steps=1500 * 220, batch_size=250)  # 1,500 epochs of 55,000 images
_CARS = Setting(32, _AUTHORS, 11, _ANGLES, steps=1500 * 8, deformed=False)  # as many epochs of 800 images

# Prototypes take about ten times as long as labels: after 60 epochs of digits the labels are mostly right and the prototypes still wander.
_DIGITS = Setting(8, (1, 16, 10), 15, _NUMERALS, steps=600 * 12)  # 600 epochs of 1,200 images
_CUBOIDS = Setting(32, (1, 8, 16, 16, 10), 11, _ANGLES, steps=400 * 8, deformed=False)  # 400 epochs of 800 images: a minute

SETTINGS = {
    "digits": {"smoke": replace(_DIGITS, prototypes=10, steps=50), "small": _DIGITS, "paper": _MNIST},
    "cuboids": {"smoke": replace(_CUBOIDS, steps=50), "small": _CUBOIDS, "paper": _CARS},
}
