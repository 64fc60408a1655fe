"""The numbers of each experiment: one row a scale. Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

BERT_POSITIONS = 512
"""Of BERT's table, more than the 128 tokens that it reads here."""

PAIR_KEYS, PAIR_VALUES, FILLERS = 2, 4, 8
"""`recall`: keys, values, and tokens that mean nothing."""

BYTES = 256
DIGIT_PIXELS = 64


@dataclass(frozen=True)
class Setting:
    """The dimensions of the networks.

    Attributes:
        D: Width of the model.
        N: Size of a state.
        P: Width of a head of a state-space model.
        aligned: Of a matrix mixer that follows the tokens: width of a head, and of its queries and keys.
        learnt: The same of a matrix mixer that does not.
        hydra_layers: Layers of Hydra and its kin, which have no MLP.
        bert_layers: Layers of BERT.
        bert_mlp: Hidden width of BERT's MLP.
        zoo_layers: Layers of a matrix mixer.
        attention_heads: Heads of BERT.
        bert_positions: Positions in BERT's table, at the least.
    """

    D: int
    N: int
    P: int
    aligned: tuple[int, int]
    learnt: tuple[int, int]
    hydra_layers: int
    bert_layers: int
    bert_mlp: int
    zoo_layers: int
    attention_heads: int
    bert_positions: int = 0


_SMOKE = Setting(
    D=32, N=8, P=32, aligned=(32, 4), learnt=(16, 16), hydra_layers=2, bert_layers=1, bert_mlp=128, zoo_layers=2, attention_heads=2
)
# With an MLP of 5.25 D a layer of BERT holds as many parameters as two of Hydra; with one of 4 D it would hold a fifth fewer.
_SMALL = Setting(
    D=64, N=16, P=64, aligned=(64, 8), learnt=(32, 32), hydra_layers=2, bert_layers=1, bert_mlp=336, zoo_layers=2, attention_heads=4
)
_PAPER = Setting(
    D=768,
    N=64,
    P=64,
    aligned=(128, 16),
    learnt=(64, 64),
    hydra_layers=23,
    bert_layers=12,
    bert_mlp=3072,
    zoo_layers=12,
    attention_heads=12,
    bert_positions=BERT_POSITIONS,
)
_SETTINGS = {"smoke": _SMOKE, "small": _SMALL, "paper": _PAPER}


def setting_of(scale: str) -> Setting:
    """Return the dimensions at a scale."""
    return _SETTINGS[scale]


def length_of(params: Mapping[str, Any]) -> int:
    """Return the number of tokens at a sweep point: that of the axis, but for digits, which are 64 pixels each."""
    return DIGIT_PIXELS if params["task"] == "digits" else params["length"]


def vocabulary_of(task: str) -> int:
    """Return the number of token kinds of a task: a multiple of eight for text of words, as the authors' is."""
    return {"mlm": 30_528, "text": BYTES + 1, "recall": PAIR_KEYS * PAIR_VALUES + PAIR_KEYS + PAIR_VALUES + FILLERS}[task]
