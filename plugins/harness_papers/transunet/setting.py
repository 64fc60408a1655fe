"""What each variant is made of, and the dimensions of each scale."""

from __future__ import annotations

from dataclasses import dataclass

ORGANS = ("aorta", "gallbladder", "left kidney", "right kidney", "liver", "pancreas", "spleen", "stomach")
"""The classes 1 to 8; 0 is everything else."""
CLASSES = 1 + len(ORGANS)


@dataclass(frozen=True)
class Parts:
    """What a network is made of.

    Attributes:
        stem: Whether convolutions come first; else 16x16 pixels make a token.
        transformer: Whether there is a transformer on the tokens.
        cascade: The cascaded upsampler; else one 1x1 convolution whose map is enlarged 16 times.
        skips: How many maps of the stem the upsampler sees, the coarsest first.
    """

    stem: bool = True
    transformer: bool = True
    cascade: bool = True
    skips: int = 3


PARTS = {
    "transunet": Parts(),
    "r50_unet": Parts(transformer=False),
    "r50_vit": Parts(cascade=False, skips=0),
    "vit_cup": Parts(stem=False, skips=0),
    "skip1": Parts(skips=1),
    "skip0": Parts(skips=0),
}
"""Of all variants but `unet`, which is a network of its own."""


@dataclass(frozen=True)
class Plan:
    """Dimensions of the networks.

    Attributes:
        width: Channels of the stem's first convolution; its three stages have 4, 8 and 16 times as many.
        units: Bottleneck units of each stage.
        d: Channels of a token.
        layers: Blocks of the transformer.
        heads: Heads of a block.
        mlp: Hidden units of a block.
        decoder: Channels of the upsampler: of its first convolution, then of its four blocks.
        unet: Channels of the plain U-Net's five levels.
    """

    width: int
    units: tuple[int, int, int]
    d: int
    layers: int
    heads: int
    mlp: int
    decoder: tuple[int, int, int, int, int]
    unet: tuple[int, int, int, int, int]


PLANS = {
    "smoke": Plan(8, (1, 1, 1), 32, 1, 2, 64, (32, 16, 8, 8, 8), (4, 8, 16, 16, 16)),
    "small": Plan(8, (1, 1, 2), 128, 4, 4, 512, (64, 32, 16, 8, 8), (8, 16, 32, 64, 128)),
    "paper": Plan(64, (3, 4, 9), 768, 12, 12, 3072, (512, 256, 128, 64, 16), (64, 128, 256, 512, 1024)),
}

STRIDE = 16
"""Pixels a side of what a token stands for."""


@dataclass(frozen=True)
class Study:
    """How many slices are trained and tested on, and how.

    Attributes:
        train: Slices.
        test: Slices.
        epochs: Passes over them.
        batch: Slices a step.
        lr: Learning rate at first.
        optimizer: `adamw`, or `sgd` with momentum 0.9.
    """

    train: int
    test: int
    epochs: int
    batch: int
    lr: float
    optimizer: str


STUDIES = {
    "smoke": Study(16, 8, 1, 4, 3e-3, "adamw"),
    "small": Study(500, 120, 4, 4, 3e-3, "adamw"),
    "paper": Study(2211, 120, 150, 24, 1e-2, "sgd"),
}
"""At `paper` scale: the authors' schedule on as many slices as Synapse has for training."""
