"""The numbers of each experiment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LAMBDA_D = 1.4e-4 * 768
"""The authors' weight of sparsity, times the dimensions: the error is a mean over dimensions, so that this product is what carries over."""
LAMBDAS = {
    "transcoder": (0.25, 0.5, 1.0, 2.0, 4.0),
    "sae": (0.25, 0.5, 1.0, 2.0, 4.0),
    "sae_in": (1.0,),
    "no_ghost": (1.0,),
    "upstream": (1.0,),
}
"""Weights of sparsity for each kind of dictionary, as multiples of the authors'. `upstream` is the transcoder of the layer before."""
LAYERS = 2
"""Of the language model; the last layer's MLP is what all variants replace."""
KEPT = 64
"""Features that are decoded where the decoder is sparse."""


@dataclass(frozen=True)
class Shape:
    """Dimensions.

    Attributes:
        d: Of the input and of the output of an MLP.
        hidden: Neurons of the MLP.
        m: Features of a dictionary.
        heads: Attention heads of the language model.
        context: Its longest text in bytes.
        relu: Whether the MLP has ReLU, and not GELU.
    """

    d: int
    hidden: int
    m: int
    heads: int = 0
    context: int = 0
    relu: bool = False


@dataclass(frozen=True)
class Setting:
    """What is built at one sweep point, and how long it trains.

    Attributes:
        shape: Dimensions.
        tokens: Of one timed call.
        model_steps: Optimizer steps of the language model, or of the MLP where there is none.
        model_batch: Texts, or tokens, of each.
        steps: Optimizer steps of a dictionary.
        batch: Tokens of each.
        cached: Tokens whose activations dictionaries are trained on.
        tested: Tokens that are judged.
        features: Planted features.
        gates: Planted gates; half of them join two features, the others test one.
    """

    shape: Shape
    tokens: int
    model_steps: int = 0
    model_batch: int = 0
    steps: int = 0
    batch: int = 0
    cached: int = 0
    tested: int = 0
    features: int = 0
    gates: int = 0


SETTINGS = {
    ("smoke", "text"): Setting(Shape(32, 64, 64, 2, 32), 64, 20, 8, 30, 128, 2048, 1024),
    ("small", "text"): Setting(Shape(64, 256, 512, 4, 64), 1024, 800, 32, 800, 256, 98_304, 16_384),
    ("smoke", "planted"): Setting(Shape(32, 64, 64, relu=True), 64, 60, 128, 60, 128, 2048, 1024, 64, 16),
    ("small", "planted"): Setting(Shape(64, 256, 512, relu=True), 1024, 800, 256, 800, 256, 98_304, 16_384, 256, 64),
    ("paper", "gpt2"): Setting(Shape(768, 3072, 32 * 768), 256),
}


def setting_of(scale: str, params: Mapping[str, Any]) -> Setting:
    """Return the numbers of a sweep point."""
    return SETTINGS[scale, params["source"]]
