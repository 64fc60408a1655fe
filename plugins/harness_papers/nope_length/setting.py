"""The dimensions of each decoder and the length of each experiment. Imports no torch."""

from __future__ import annotations

from dataclasses import dataclass

WORDS = 32_100
"""Tokens of T5's vocabulary, as the authors' tokenizer counts them."""
CODE_WORDS = 49_152
"""Tokens of SantaCoder's vocabulary, whose training the authors' models of code follow."""


@dataclass(frozen=True)
class Shape:
    """A decoder.

    Attributes:
        D: Width.
        h: Heads.
        d: Width of a head.
        F: Hidden width of the feed-forward networks.
        L: Layers.
        V: Tokens of the vocabulary.
    """

    D: int
    h: int
    d: int
    F: int
    L: int
    V: int


@dataclass(frozen=True)
class Study:
    """What a decoder is trained on, and for how long.

    Attributes:
        longest: Letters of the longest training example; tests go to twice as many.
        steps: Of the optimizer, each on `batch` new examples.
        batch: Examples a step.
        rate: Highest learning rate.
        tests: Test examples of each task at each length.
    """

    longest: int
    steps: int
    batch: int
    rate: float
    tests: int


TASKS = ("copy", "reverse", "sort")
SPECIAL = 4
"""Padding, beginning, end and separator."""
LETTERS = 20
VOCABULARY = SPECIAL + len(TASKS) + LETTERS

SHAPES = {
    "smoke": Shape(D=32, h=2, d=16, F=64, L=2, V=VOCABULARY),
    "small": Shape(D=64, h=4, d=16, F=256, L=3, V=VOCABULARY),
    "paper": Shape(D=768, h=12, d=64, F=3072, L=12, V=WORDS),
}
CODE = Shape(D=1024, h=32, d=128, F=16_384, L=24, V=CODE_WORDS)
"""The authors' models of code."""

STUDIES = {
    "smoke": Study(longest=4, steps=20, batch=64, rate=2e-3, tests=8),
    "small": Study(longest=6, steps=2200, batch=32, rate=1e-3, tests=50),
}
