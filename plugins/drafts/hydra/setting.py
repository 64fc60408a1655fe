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
        zoo_head: Width of a head of a matrix mixer.
        qk: Width of a matrix mixer's queries and keys.
        hydra_layers: Layers of Hydra and its kin, which have no MLP.
        bert_layers: Layers of BERT: about as many parameters as Hydra's layers together.
        zoo_layers: Layers of a matrix mixer.
        attention_heads: Heads of BERT.
        bert_positions: Positions in BERT's table, at the least.
    """

    D: int
    N: int
    P: int
    zoo_head: int
    qk: int
    hydra_layers: int
    bert_layers: int
    zoo_layers: int
    attention_heads: int
    bert_positions: int = 0


_PAPER = Setting(768, 64, 64, 128, 16, 23, 12, 12, 12, BERT_POSITIONS)
_SMALL = Setting(64, 16, 64, 64, 8, 2, 1, 2, 4)
_SMOKE = Setting(32, 8, 32, 32, 4, 2, 1, 2, 2)
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
