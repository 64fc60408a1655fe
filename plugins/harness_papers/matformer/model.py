"""MatFormer: a transformer whose feed-forward layers hold smaller ones, each the first units of the next.

Only the hidden width of the feed-forward network is nested. Attention, norms and embeddings are shared by all sub-models.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

GRANULARITIES = {"s": 8, "m": 4, "l": 2, "xl": 1}
"""What the full hidden width f is divided by; with f = 4 d the widths are 0.5, 1, 2 and 4 times d."""

SCALE = 0.02
"""Deviation of initial weights in MatFormer-OLMo, the authors' decoder, and of initial positions in MatViT, their encoder."""


@dataclass(frozen=True)
class Shape:
    """A model's dimensions.

    Attributes:
        d: Width.
        L: Layers.
        h: Heads.
        n: Most tokens, or patches of an image.
        classes: Different tokens, or labels of an image.
        patch: Height and width of a patch in pixels; 0 for a language model.
        form: `plain`, `gated` (a(gate) * up) or `gated_before` (a(gate * up), as in the released LLaMA example).
    """

    d: int
    L: int
    h: int
    n: int
    classes: int = 256
    patch: int = 0
    form: str = "plain"

    @property
    def f(self) -> int:
        """Hidden width of the largest feed-forward network."""
        return 4 * self.d

    def widths(self, granularity: str) -> tuple[int, ...]:
        """Return the hidden width of every layer of a uniform sub-model."""
        return (self.f // GRANULARITIES[granularity],) * self.L


class FeedForward(nn.Module):
    """W_down[:, :m] a(W_up[:m] x): the first m of the hidden units."""

    def __init__(self, d: int, m: int, form: str):
        super().__init__()
        self.form = form
        self.up, self.down = nn.Linear(d, m, bias=False), nn.Linear(m, d, bias=False)
        self.gate = nn.Linear(d, m, bias=False) if form != "plain" else None

    def forward(self, x: Tensor, m: int) -> Tensor:
        """Map (B, n, d) -> (B, n, d) with m hidden units."""
        up = F.linear(x, self.up.weight[:m])  # (B, n, m)
        if self.gate is None:
            hidden = F.gelu(up)
        else:
            gate = F.linear(x, self.gate.weight[:m])
            hidden = F.gelu(gate) * up if self.form == "gated" else F.gelu(gate * up)
        return F.linear(hidden, self.down.weight[:, :m])


class Block(nn.Module):
    """Attention, then the nested feed-forward network, each behind a norm."""

    def __init__(self, shape: Shape, m: int):
        super().__init__()
        self.h, self.causal = shape.h, not shape.patch
        self.norm1, self.norm2 = nn.LayerNorm(shape.d, bias=False), nn.LayerNorm(shape.d, bias=False)
        self.qkv, self.proj = nn.Linear(shape.d, 3 * shape.d, bias=False), nn.Linear(shape.d, shape.d, bias=False)
        self.ffn = FeedForward(shape.d, m, shape.form)

    def reset(self, as_encoder: bool, layers: int) -> None:
        """Draw initial weights: Xavier's uniform ones in an encoder; in a decoder normal ones, the network's last matrix over sqrt(2 L)."""
        draw = nn.init.xavier_uniform_ if as_encoder else partial(nn.init.normal_, std=SCALE)
        for weight in (*self.qkv.weight.chunk(3), self.proj.weight, *self.ffn.parameters()):
            draw(weight)
        if not as_encoder:
            self.ffn.down.weight.div_(math.sqrt(2 * layers))

    def forward(self, x: Tensor, m: int) -> Tensor:
        """Mix tokens: (B, n, d) -> (B, n, d)."""
        q, k, v = self.qkv(self.norm1(x)).unflatten(-1, (3, self.h, -1)).permute(2, 0, 3, 1, 4)  # (B, h, n, d / h) each
        x = x + self.proj(F.scaled_dot_product_attention(q, k, v, is_causal=self.causal).transpose(1, 2).flatten(-2))
        return x + self.ffn(self.norm2(x), m)


class MatFormer(nn.Module):
    """A decoder of text (MatLM) or an encoder of images (MatViT).

    Args:
        shape: Its dimensions.
        widths: Hidden width of every layer that is held; all of f where it is left out.

    Attributes:
        active: Hidden width of every layer that is used, at most `widths`.
        spent: Multiply-accumulates of its training, all its sub-models together.
    """

    def __init__(self, shape: Shape, widths: Sequence[int] | None = None):
        super().__init__()
        self.shape = shape
        self.widths = self.active = tuple(widths or shape.widths("xl"))
        self.register_buffer("spent", torch.zeros((), dtype=torch.int64))
        self.embed = nn.Linear(shape.patch**2, shape.d, bias=False) if shape.patch else nn.Embedding(shape.classes, shape.d)
        self.position = nn.Parameter(torch.empty(shape.n, shape.d))
        self.blocks = nn.ModuleList(Block(shape, m) for m in self.widths)
        self.norm = nn.LayerNorm(shape.d, bias=False)
        self.head = nn.Linear(shape.d, shape.classes, bias=False)
        self.reset()

    @torch.no_grad()
    def reset(self) -> None:
        """Draw initial weights as the authors' releases do: MatFormer-OLMo for text, MatViT for images. Norms stay at 1."""
        nn.init.normal_(self.position, std=SCALE)
        if self.shape.patch:
            nn.init.normal_(self.embed.weight, std=1 / self.shape.patch)  # 1 / sqrt(inputs)
            nn.init.zeros_(self.head.weight)
        else:
            nn.init.normal_(self.embed.weight, std=SCALE)
            nn.init.normal_(self.head.weight, std=SCALE)
        for block in self.blocks:
            block.reset(as_encoder=bool(self.shape.patch), layers=self.shape.L)

    def features(self, x: Tensor) -> Tensor:
        """Return what the head sees: tokens (B, n) or images (B, 1, H, W) -> (B, n, d) or, averaged over patches, (B, d)."""
        patch = self.shape.patch
        if patch:
            x = F.unfold(x, patch, stride=patch).transpose(1, 2)  # (B, n, patch^2)
        x = self.embed(x)
        x = x + self.position[: x.shape[1]]
        for block, m in zip(self.blocks, self.active, strict=True):
            x = block(x, m)
        x = self.norm(x)
        return x.mean(1) if patch else x

    def forward(self, x: Tensor) -> Tensor:
        """Predict next tokens, (B, n) -> (B, n, classes), or labels, (B, 1, H, W) -> (B, classes)."""
        return self.head(self.features(x))

    def macs(self, widths: Sequence[int]) -> int:
        """Return a token's multiply-accumulates in the blocks: 4 d^2 + 2 d m a layer, a third more of the latter with a gate; sequence products aside."""
        matrices = 2 if self.shape.form == "plain" else 3
        return sum(4 * self.shape.d**2 + matrices * self.shape.d * m for m in widths)


@torch.no_grad()
def extract(model: MatFormer, widths: Sequence[int]) -> MatFormer:
    """Copy a sub-model out, layer i with the first widths[i] hidden units: contiguous weights of its own."""
    if model.position.is_meta:
        return MatFormer(model.shape, widths)
    taken = MatFormer(model.shape, widths).to(model.position)
    source = model.state_dict()
    taken.load_state_dict({name: source[name][tuple(map(slice, value.shape))] for name, value in taken.state_dict().items()})
    return taken.train(model.training)


@torch.no_grad()
def prune(model: MatFormer, m: int) -> MatFormer:
    """Copy a sub-model out that keeps, in every layer, the m hidden units of greatest weight instead of the first."""
    taken = extract(model, (m,) * model.shape.L)
    for block, whole in zip(taken.blocks, model.blocks, strict=True):
        size = whole.ffn.up.weight.norm(dim=1) * whole.ffn.down.weight.norm(dim=0)  # (f,)
        kept = size.topk(m).indices.sort().values
        block.ffn.up.weight.copy_(whole.ffn.up.weight[kept])
        block.ffn.down.weight.copy_(whole.ffn.down.weight[:, kept])
        if block.ffn.gate is not None:
            block.ffn.gate.weight.copy_(whole.ffn.gate.weight[kept])
    return taken


def least_slope(shape: Shape, low: str, high: str) -> tuple[int, ...]:
    """Return Mix'n'Match widths that never fall with depth and change as little as possible: the first half `low`, the rest `high`."""
    half = shape.L // 2
    return (*shape.widths(low)[:half], *shape.widths(high)[half:])


class Twins(nn.Module):
    """Two models that were trained apart, S and XL: the baseline wherever MatFormer's own S and XL work together."""

    def __init__(self, shape: Shape):
        super().__init__()
        self.small, self.large = (MatFormer(shape, shape.widths(g)) for g in ("s", "xl"))

    def forward(self, x: Tensor) -> Tensor:
        """Answer with the large one."""
        return self.large(x)


class Blocks(nn.Module):
    """The blocks of a model and nothing else: what sizes without embeddings are about."""

    def __init__(self, model: MatFormer):
        super().__init__()
        self.blocks, self.active = model.blocks, model.active

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, n, d) -> (B, n, d)."""
        for block, m in zip(self.blocks, self.active, strict=True):
            x = block(x, m)
        return x


def build(variant: str, shape: Shape, fitted: nn.Module | None = None) -> nn.Module:
    """Return a variant, made from the fitted model of its family where there is one."""
    family, _, size = variant.partition("_")
    if variant == "twins":
        return Twins(shape)
    if family == "twin" and size.endswith("_long"):
        fitted = fitted or Twins(shape)
        return fitted.small if size == "s_long" else fitted.large
    if family in ("sliced", "pruned"):
        whole = fitted.large if fitted is not None else MatFormer(shape)
        widths = shape.widths(size)
        return extract(whole, widths) if family == "sliced" else prune(whole, widths[0])
    widths = least_slope(shape, "m", "l") if size == "mix" else shape.widths(size)
    return MatFormer(shape, widths) if fitted is None else extract(fitted, widths)
