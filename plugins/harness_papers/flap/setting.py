"""Dimensions of the decoders, and what each variant prunes by. Imports no torch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Shape:
    """Dimensions of a decoder before pruning.

    Attributes:
        d: Width.
        L: Blocks.
        h: Heads of a block.
        d_h: Width of a head.
        f: Neurons of a block: hidden width of its feed-forward network.
        vocabulary: Different tokens.
        length: Longest sequence.
    """

    d: int
    L: int
    h: int
    d_h: int
    f: int
    vocabulary: int = 256
    length: int = 128

    @property
    def head_cost(self) -> int:
        """Weights of a head: its rows of q, k and v and its columns of o."""
        return 4 * self.d * self.d_h

    @property
    def neuron_cost(self) -> int:
        """Weights of a neuron: its rows of gate and up and its column of down."""
        return 3 * self.d

    @property
    def block_cost(self) -> int:
        """Weights of a block that can be pruned."""
        return self.h * self.head_cost + self.f * self.neuron_cost


SHAPES = {
    "smoke": Shape(d=64, L=2, h=4, d_h=16, f=128, length=64),
    "small": Shape(d=128, L=4, h=8, d_h=16, f=384),
    "paper": Shape(d=4096, L=32, h=32, d_h=128, f=11_008, vocabulary=32_000),
}
"""`paper` is LLaMA-7B, read in pieces of 128 tokens as the authors' code does."""


@dataclass(frozen=True)
class Method:
    """A way of pruning.

    Attributes:
        score: What a channel is worth: `WIFV`, `IFV`, `WIFN`, `magnitude`, `taylor` or `random`.
        structure: How many units each layer loses: `AL-AM`, `AL-MM`, `UL-MM` or `UL-UM`.
        p: Share of the weights that is to go.
        bias: Whether the mean of what is lost is put back as a bias.
        squared: Whether the scores of attention's channels are squared before they are compared, as the authors' code does for its own method.
        sequential: Whether a layer's inputs are observed behind layers that are pruned already.
    """

    score: str
    structure: str
    p: float
    bias: bool = False
    squared: bool = False
    sequential: bool = False


def flap(p: float, score: str = "WIFV", structure: str = "AL-AM", bias: bool = True) -> Method:
    """Return FLAP, or one of its ablations."""
    return Method(score, structure, p, bias=bias, squared=True)


def wanda_sp(p: float) -> Method:
    """Return Wanda brought to whole units, as in the authors' code."""
    return Method("WIFN", "UL-UM", p, sequential=True)


def by_weights(score: str, p: float) -> Method:
    """Return pruning by `magnitude` or at `random`, which look at no text."""
    return Method(score, "UL-UM", p)


METHODS = {
    "flap_20": flap(0.2),
    "flap_30": flap(0.3),
    "flap_50": flap(0.5),
    "wanda_sp_20": wanda_sp(0.2),
    "wanda_sp_30": wanda_sp(0.3),
    "wanda_sp_50": wanda_sp(0.5),
    "flap_30_no_bias": flap(0.3, bias=False),
    "flap_30_uniform": flap(0.3, structure="UL-UM"),
    "taylor_50": Method("taylor", "UL-UM", 0.5),
}
"""The card's variants but the dense model."""

CALIBRATION = {"smoke": 8, "small": 64, "paper": 1024}
"""Sequences of training text whose statistics decide what goes."""
COUNTED = {"smoke": 2, "small": 16}
"""Those on which the work of pruning is counted; it grows with them in proportion."""
TRAINING_WINDOWS = {"smoke": 120, "small": 2400}
TRAINING_BATCH = 4
TEST_WINDOWS = {"smoke": 32, "small": 200}
PROFILE_BATCH = {"smoke": 4, "small": 8, "paper": 1}
