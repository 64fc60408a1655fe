"""AdaptFormer: a Vision Transformer that stays as it is, with a narrow branch beside each feed-forward network.

The baselines are the same network with other things added to it, or nothing: LoRA in its attention, prompts among its tokens, a new head alone.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .setting import Shape

SCALE = 0.1
DROPOUT = 0.1
PROMPTS = 1
"""Prompt tokens of a block."""
HEAD_STD = 0.01
EPS = 1e-6
STD = 0.02
"""Deviation of class token and positions before pre-training."""


class Adapter(nn.Module):
    """s W_up dropout(ReLU(W_down x + b_down)) + s b_up: a branch of width r that starts at zero.

    Args:
        D: Width of a token.
        r: Width of the bottleneck.
        s: Scale of the branch; None for one that is learnt, from 1.
        norm: Where a layer norm stands: `none`, `in` (before the branch) or `out` (behind it).
    """

    def __init__(self, D: int, r: int, s: float | None = SCALE, norm: str = "none"):
        super().__init__()
        self.down, self.up = nn.Linear(D, r), nn.Linear(r, D)
        self.s = nn.Parameter(torch.ones(1)) if s is None else s
        self.place = norm
        self.norm = nn.LayerNorm(D) if norm != "none" else None
        nn.init.kaiming_uniform_(self.down.weight, a=math.sqrt(5))
        for parameter in (self.down.bias, self.up.weight, self.up.bias):
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor) -> Tensor:
        """Return what is added to each token: (B, N, D) -> (B, N, D)."""
        x = self.norm(x) if self.place == "in" else x
        z = F.dropout(F.relu(self.down(x)), DROPOUT, self.training)  # (B, N, r)
        a = self.s * self.up(z)
        return self.norm(a) if self.place == "out" else a


class LowRank(nn.Module):
    """B A x, which LoRA adds to a frozen matrix; B starts at zero."""

    def __init__(self, D: int, r: int):
        super().__init__()
        self.A, self.B = nn.Linear(D, r, bias=False), nn.Linear(r, D, bias=False)
        nn.init.kaiming_uniform_(self.A.weight, a=math.sqrt(5))
        nn.init.zeros_(self.B.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, N, D) -> (B, N, D)."""
        return self.B(self.A(x))


class Attention(nn.Module):
    """Multi-head self-attention; with a rank, q and v have a low-rank term."""

    def __init__(self, D: int, h: int, rank: int = 0):
        super().__init__()
        self.h = h
        self.q, self.k, self.v, self.proj = (nn.Linear(D, D) for _ in range(4))
        self.q_low, self.v_low = (LowRank(D, rank) if rank else None for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        """Mix tokens: (B, N, D) -> (B, N, D)."""
        q, k, v = self.q(x), self.k(x), self.v(x)
        if self.q_low is not None and self.v_low is not None:
            q, v = q + self.q_low(x), v + self.v_low(x)
        q, k, v = (y.unflatten(-1, (self.h, -1)).transpose(1, 2) for y in (q, k, v))  # (B, h, N, D / h)
        return self.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(-2))


class Block(nn.Module):
    """Attention and feed-forward network with residual connections; an adapter stands beside the network, or behind it if `sequential`."""

    def __init__(self, D: int, h: int, adapter: Adapter | None = None, sequential: bool = False, rank: int = 0):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(D, eps=EPS), nn.LayerNorm(D, eps=EPS)
        self.attention = Attention(D, h, rank)
        self.fc1, self.fc2 = nn.Linear(D, 4 * D), nn.Linear(4 * D, D)
        self.adapter, self.sequential = adapter, sequential

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, N, D) -> (B, N, D)."""
        x1 = x + self.attention(self.norm1(x))
        out = self.fc2(F.gelu(self.fc1(self.norm2(x1))))
        if self.adapter is None:
            return x1 + out
        return x1 + out + self.adapter(out if self.sequential else x1)


class Head(nn.Module):
    """Batch norm without a learnt scale, then a linear layer."""

    def __init__(self, D: int, classes: int):
        super().__init__()
        self.norm = nn.BatchNorm1d(D, affine=False, eps=EPS)
        self.linear = nn.Linear(D, classes)
        nn.init.trunc_normal_(self.linear.weight, std=HEAD_STD)
        nn.init.zeros_(self.linear.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Map features to logits: (B, D) -> (B, classes)."""
        return self.linear(self.norm(x))


class ViT(nn.Module):
    """A Vision Transformer that classifies by its class token.

    Args:
        shape: Dimensions.
        variant: A variant of the card; decides what is added.
        headless: Whether it ends in features.

    Attributes:
        origin: The pre-trained network that this one was tuned from, alone in a tuple so that its weights are not among this one's; empty otherwise.
        few: The same variant tuned on the small target task, likewise.
    """

    def __init__(self, shape: Shape, variant: str = "frozen", headless: bool = False):
        super().__init__()
        self.shape, self.variant = shape, variant
        self.origin: tuple[ViT, ...] = ()
        self.few: tuple[ViT, ...] = ()
        D, adapted = shape.D, variant in ("adaptformer", "sequential")
        self.patches = nn.Conv2d(3, D, shape.patch, stride=shape.patch)
        self.token = nn.Parameter(torch.zeros(1, 1, D))
        self.position = nn.Parameter(torch.zeros(1, shape.N, D))
        self.blocks = nn.ModuleList(
            Block(D, shape.h, Adapter(D, shape.r) if adapted else None, variant == "sequential", shape.r if variant == "lora" else 0)
            for _ in range(shape.L)
        )
        self.norm = nn.LayerNorm(D, eps=EPS)
        self.prompts = nn.Parameter(torch.empty(shape.L, PROMPTS, D)) if variant == "vpt" else None
        self.head = nn.Identity() if headless else Head(D, shape.classes)
        self.reset()

    @torch.no_grad()
    def reset(self) -> None:
        """Draw the weights of the backbone as MAE does, and prompts uniformly."""
        for parameter in (self.token, self.position):
            nn.init.trunc_normal_(parameter, std=STD)
        for block in self.blocks:
            a = block.attention
            for linear in (a.q, a.k, a.v, a.proj, block.fc1, block.fc2):
                nn.init.xavier_uniform_(linear.weight)
                nn.init.zeros_(linear.bias)
        if self.prompts is not None:
            bound = math.sqrt(6 / (self.prompts.shape[1] + 1) / self.shape.D)
            nn.init.uniform_(self.prompts, -bound, bound)

    def features(self, x: Tensor) -> Tensor:
        """Return the class token behind the last norm: images (B, 3, H, W) -> (B, D)."""
        x = self.patches(x).flatten(2).transpose(1, 2)  # (B, N - 1, D)
        x = torch.cat((self.token.expand(len(x), -1, -1), x), dim=1) + self.position
        for i, block in enumerate(self.blocks):
            if self.prompts is None:
                x = block(x)
            else:
                prompt = self.prompts[i].expand(len(x), -1, -1)  # (B, PROMPTS, D), put first and taken off again
                x = block(torch.cat((prompt, x), dim=1))[:, PROMPTS:]
        return self.norm(x)[:, 0]

    def forward(self, x: Tensor) -> Tensor:
        """Classify: (B, 3, H, W) -> (B, classes)."""
        return self.head(self.features(x))

    def is_tuned(self, name: str) -> bool:
        """Say whether the parameter called `name` is trained on a target task: all of them, or what was added and the head."""
        if self.variant.startswith("full"):
            return True
        return name.startswith("head.") or any(part in name for part in ("adapter.", "_low.", "prompts"))

    def freeze(self) -> ViT:
        """Leave gradients to what is tuned alone."""
        for name, parameter in self.named_parameters():
            parameter.requires_grad_(self.variant == "frozen" or self.is_tuned(name))
        return self


class Added(nn.Module):
    """The adapters of all blocks, and with `head` the head: what is trained and stored for a task, without the backbone."""

    def __init__(self, shape: Shape, head: bool):
        super().__init__()
        self.adapters = nn.ModuleList(Adapter(shape.D, shape.r) for _ in range(shape.L))
        self.head = Head(shape.D, shape.classes) if head else None

    def forward(self, x: Tensor) -> Tensor:
        """Map tokens (B, N, D) to what the adapters add in all, or to logits."""
        a = torch.stack([adapter(x) for adapter in self.adapters]).sum(0)
        return a if self.head is None else self.head(a[:, 0])


def build(variant: str, shape: Shape, part: str = "") -> nn.Module:
    """Return a variant, its backbone without head, or what is added to it."""
    if part in ("adapters", "trained"):
        return Added(shape, head=part == "trained")
    return ViT(shape, variant, headless=part == "backbone").freeze()
