"""The networks around a mixer: BERT's encoder, its masked-token head, and a classifier of sequences of numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from .blocks import Added, Concatenated, Hydra, Mamba2, Multiplied, Quasiseparable, TwoMamba2
from .setting import Setting, length_of, setting_of, vocabulary_of
from .zoo import MatrixMixer, QuasiseparableMixer

MIXINGS = {"hydra": Quasiseparable, "add": Added, "mult": Multiplied, "concat": Concatenated}
"""Ways to join two scans in Hydra's block."""

ORDERLESS = ("low_rank_sam", "cauchy_sam", "softmax_sam")
"""Matrix mixers that would give the same matrix, rearranged, for tokens in another order: these learn positions."""


class MixerLayer(nn.Module):
    """`LN(x + mixer(x))`: a whole layer, without a channel MLP. (B, L, D) -> (B, L, D)."""

    def __init__(self, mixer: nn.Module, D: int) -> None:
        super().__init__()
        self.mixer, self.norm = mixer, nn.LayerNorm(D, eps=1e-5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Apply the layer."""
        return self.norm(x + self.mixer(x))


class BertLayer(nn.Module):
    """BERT's layer: softmax attention, then an MLP, each with its norm after the residual. (B, L, D) -> (B, L, D)."""

    def __init__(self, D: int, heads: int, mlp: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv, self.out = nn.Linear(D, 3 * D), nn.Linear(D, D)
        self.up, self.down = nn.Linear(D, mlp), nn.Linear(mlp, D)
        self.norm_attention, self.norm_mlp = nn.LayerNorm(D, eps=1e-12), nn.LayerNorm(D, eps=1e-12)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Apply the layer."""
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)  # (B, h, L, d) each
        mixed = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        x = self.norm_attention(x + self.out(mixed))
        return self.norm_mlp(x + self.down(F.gelu(self.up(x))))


class Embeddings(nn.Module):
    """Words, the sentence they are in (always the first here), and their places where the mixer does not see order. (B, L) -> (B, L, D)."""

    def __init__(self, vocabulary: int, D: int, positions: int, sentences: int = 2) -> None:
        super().__init__()
        self.words = nn.Embedding(vocabulary, D)
        self.sentences = nn.Embedding(sentences, D)
        self.positions = nn.Embedding(positions, D) if positions else None
        self.norm = nn.LayerNorm(D, eps=1e-12)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Embed tokens."""
        x = self.words(tokens) + self.sentences.weight[0]
        if self.positions is not None:
            x = x + self.positions.weight[: tokens.shape[1]]
        return self.norm(x)


class MaskedLanguageModel(nn.Module):
    """Tokens (B, L) to logits (B, L, vocabulary); the head's last matrix is that of the embeddings."""

    def __init__(self, embeddings: Embeddings, layers: list[nn.Module], D: int) -> None:
        super().__init__()
        self.embeddings, self.layers = embeddings, nn.Sequential(*layers)
        self.dense, self.norm = nn.Linear(D, D), nn.LayerNorm(D, eps=1e-12)
        self.bias = nn.Parameter(torch.zeros(embeddings.words.num_embeddings))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return logits."""
        x = self.layers(self.embeddings(tokens))
        return F.linear(self.norm(F.gelu(self.dense(x))), self.embeddings.words.weight, self.bias)


class Classifier(nn.Module):
    """Sequences of numbers (B, L, 1) to logits (B, classes): the mean over tokens decides."""

    def __init__(self, layers: list[nn.Module], D: int, positions: int, classes: int = 10) -> None:
        super().__init__()
        self.enter = nn.Linear(1, D)
        # As large as what a number is embedded as, so that a mixer without order sees places from the start.
        self.positions = nn.Parameter(torch.empty(positions, D).uniform_(-1, 1)) if positions else None
        self.layers, self.norm, self.head = nn.Sequential(*layers), nn.LayerNorm(D), nn.Linear(D, classes)

    def forward(self, numbers: torch.Tensor) -> torch.Tensor:
        """Return logits."""
        x = self.enter(numbers)
        if self.positions is not None:
            x = x + self.positions
        return self.head(self.norm(self.layers(x)).mean(1))


@dataclass(frozen=True)
class Plan:
    """How a variant becomes a network.

    Attributes:
        layer: Makes one layer.
        depth: How many layers.
        positions: Learnt positions; 0 where the mixer sees order by itself.
    """

    layer: Any
    depth: int
    positions: int


def plan_of(variant: str, setting: Setting, L: int) -> Plan:
    """Return how a variant is built at a setting for L tokens."""
    D = setting.D
    if variant == "attention":
        layer = partial(BertLayer, D, setting.attention_heads, setting.bert_mlp)
        return Plan(layer, setting.bert_layers, max(L, setting.bert_positions))
    if variant in MIXINGS:
        return Plan(lambda: _layer(Hydra(D, setting.N, setting.P, mixing=MIXINGS[variant]), D), setting.hydra_layers, 0)
    if variant == "mamba":
        return Plan(lambda: _layer(Mamba2(D, setting.N, setting.P), D), setting.hydra_layers, 0)
    if variant == "two_mamba":  # twice the parameters in a layer, so half the layers
        return Plan(lambda: _layer(TwoMamba2(D, setting.N, setting.P), D), -(-setting.hydra_layers // 2), 0)
    kind, sam = variant.removesuffix("_sam"), variant.endswith("_sam")
    P, d = setting.aligned if sam or kind == "dense" else setting.learnt
    sizes, positions = {"D": D, "d": d, "P": P, "L": L}, L if variant in ORDERLESS else 0
    if kind == "quasiseparable":
        return Plan(lambda: _layer(QuasiseparableMixer(sam, **sizes), D), setting.zoo_layers, positions)
    return Plan(lambda: _layer(MatrixMixer(kind, sam, **sizes), D), setting.zoo_layers, positions)


def _layer(mixer: nn.Module, D: int) -> MixerLayer:
    return MixerLayer(mixer, D)


def build(variant: str, scale: str, params: Mapping[str, Any]) -> nn.Module:
    """Build a variant: one layer where the task is `block`, else a network for the task."""
    setting, task, L = setting_of(scale), params["task"], length_of(params)
    plan = plan_of(variant, setting, L)
    if task == "block":
        return plan.layer()
    layers = [plan.layer() for _ in range(plan.depth)]
    if task == "digits":
        return Classifier(layers, setting.D, plan.positions)
    return MaskedLanguageModel(_initialised(Embeddings(vocabulary_of(task), setting.D, plan.positions)), layers, setting.D)


def _initialised(embeddings: Embeddings) -> Embeddings:
    """BERT's initial embeddings: normal, of deviation 0.02."""
    for table in (embeddings.words, embeddings.sentences, embeddings.positions):
        if table is not None:
            nn.init.normal_(table.weight, std=0.02)
    return embeddings
