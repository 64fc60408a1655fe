"""The numbers of each experiment: one row a scale. Imports no torch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Setting:
    """What is built.

    Attributes:
        mels: Mel bands.
        d: Width.
        depth: Layers.
        heads: Of attention.
        factor: Feature frames a token: 10 ms each.
        channels: Of the subsampling.
        left: L, tokens that attention looks back.
        buffer: Tokens in the buffer of buffered streaming.
        frames: Feature frames of a timed utterance.
        batch: Utterances in a timed call of `infer`.
    """

    mels: int
    d: int
    depth: int
    heads: int
    factor: int
    channels: int
    left: int
    buffer: int
    frames: int
    batch: int


SETTINGS = {
    "smoke": Setting(mels=40, d=32, depth=2, heads=2, factor=4, channels=8, left=16, buffer=16, frames=192, batch=1),
    "small": Setting(mels=40, d=64, depth=2, heads=4, factor=4, channels=16, left=32, buffer=32, frames=192, batch=4),
    "paper": Setting(mels=80, d=512, depth=17, heads=8, factor=8, channels=256, left=70, buffer=50, frames=1600, batch=1),
}

LATENCIES = (7, 3, 1, 0)
"""R that one model serves, where it is trained for several: the first is the default."""
