"""The network: backbone, pixel decoder, and a decoder whose queries become a class and a mask each."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .attention import MaskedCrossAttention, PrototypeCrossAttention, SelfAttention
from .backbones import build_backbone
from .pixel_decoders import DeformablePixelDecoder, PEMPixelDecoder
from .positions import sine_positions
from .setting import ATTENTION, PIXEL_DECODER, PUBLISHED, Shape
from .start import by_inputs, feed_forward

LEVELS = 3
"""Maps that the layers visit in turn, coarsest first."""


class FeedForward(nn.Module):
    """Two linear layers with a ReLU between; `pre_norm` as for the attentions."""

    def __init__(self, C: int, hidden: int, pre_norm: bool) -> None:
        super().__init__()
        self.norm, self.pre_norm = nn.LayerNorm(C), pre_norm
        self.net = feed_forward(C, hidden)

    def forward(self, Q: Tensor) -> Tensor:
        """(B, N_q, C) -> (B, N_q, C)."""
        return Q + self.net(self.norm(Q)) if self.pre_norm else self.norm(Q + self.net(Q))


def cross_attention(variant: str, C: int, h: int) -> nn.Module:
    """Return a variant's cross-attention."""
    return PrototypeCrossAttention(C, h) if variant == "pem" else MaskedCrossAttention(C, h, pre_norm=variant != "mask2former")


class Layer(nn.Module):
    """Cross-attention, self-attention, feed-forward network, in this order. Mask2Former has its norms after each, PEM before."""

    def __init__(self, variant: str, shape: Shape) -> None:
        super().__init__()
        pre_norm = variant != "mask2former"
        self.cross = cross_attention(variant, shape.d, shape.h)
        self.among = SelfAttention(shape.d, shape.h, pre_norm)
        self.ffn = FeedForward(shape.d, shape.ffn, pre_norm)

    def forward(self, Q: Tensor, memory: Tensor, M: Tensor, Q_pos: Tensor, memory_pos: Tensor) -> Tensor:
        """(B, N_q, C) -> (B, N_q, C)."""
        return self.ffn(self.among(self.cross(Q, memory, M, Q_pos, memory_pos), Q_pos))


class Decoder(nn.Module):
    """Layers that visit three maps in turn; what the queries say is read off before the first and after each.

    Args:
        variant: Which cross-attention and order of norms.
        shape: Dimensions.
        width: Channels of the maps. They are projected to C where they have another number.
    """

    def __init__(self, variant: str, shape: Shape, width: int) -> None:
        super().__init__()
        C = shape.d
        self.project = nn.ModuleList([nn.Identity() if width == C else by_inputs(nn.Conv2d(width, C, 1)) for _ in range(LEVELS)])
        self.level = nn.Parameter(torch.randn(LEVELS, C))
        self.Q = nn.Parameter(torch.randn(shape.queries, C))
        self.Q_pos = nn.Parameter(torch.randn(shape.queries, C))
        self.layers = nn.ModuleList([Layer(variant, shape) for _ in range(shape.depth(variant))])
        self.norm = nn.LayerNorm(C)
        self.to_class = nn.Linear(C, shape.classes + 1)
        self.to_mask = nn.Sequential(nn.Linear(C, C), nn.ReLU(), nn.Linear(C, C), nn.ReLU(), nn.Linear(C, shape.mask))

    def read(self, Q: Tensor, E: Tensor) -> tuple[Tensor, Tensor]:
        """Return class logits (B, N_q, K + 1) and mask logits (B, N_q, H / 4, W / 4), given mask features E (B, mask, H / 4, W / 4)."""
        Q = self.norm(Q)
        return self.to_class(Q), (self.to_mask(Q) @ E.flatten(2)).unflatten(2, E.shape[-2:])

    def forward(self, maps: list[Tensor], E: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Return class and mask logits of the learnt queries and of each layer, the last one last."""
        memory = [project(x) + e[:, None, None] for project, x, e in zip(self.project, maps, self.level, strict=True)]
        positions = [sine_positions(F_l) for F_l in memory]
        B = len(E)
        Q, Q_pos = self.Q.expand(B, -1, -1), self.Q_pos.expand(B, -1, -1)
        said = [self.read(Q, E)]
        for i, layer in enumerate(self.layers):
            F_l = memory[i % LEVELS]
            M = F.interpolate(said[-1][1].detach(), size=F_l.shape[-2:], mode="bilinear", align_corners=False)
            Q = layer(Q, F_l, M, Q_pos, positions[i % LEVELS])
            said.append(self.read(Q, E))
        return said


class Segmenter(nn.Module):
    """A whole network.

    Args:
        variant: Of the card.
        shape: Dimensions.
    """

    def __init__(self, variant: str, shape: Shape) -> None:
        super().__init__()
        self.merged = shape.merged
        self.backbone = build_backbone(shape.backbone)
        decoder = PEMPixelDecoder if PIXEL_DECODER[variant] == "pem" else DeformablePixelDecoder
        self.pixel_decoder = decoder(self.backbone.channels, shape)
        self.decoder = Decoder(variant, shape, self.pixel_decoder.width)

    def said(self, x: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Return class logits (B, N_q, K + 1) and mask logits (B, N_q, H / 4, W / 4) of the learnt queries and of each layer."""
        return self.decoder(*self.pixel_decoder(self.backbone(x)))

    def answer(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return class logits (B, N_q, K + 1) and mask logits in the image's resolution (B, N_q, H, W)."""
        classes, masks = self.said(x)[-1]
        return classes, F.interpolate(masks, size=x.shape[-2:], mode="bilinear", align_corners=False)

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """Segment images (B, 3, H, W).

        Returns:
            Scores of classes (B, K, H, W), or what `answer` says where a semantic map is not asked for. In training what `said` says, stacked along
            a second axis: class logits (B, layers + 1, N_q, K + 1) and mask logits (B, layers + 1, N_q, H / 4, W / 4).
        """
        if self.training:
            said = self.said(x)
            return torch.stack([part for part, _ in said], 1), torch.stack([part for _, part in said], 1)
        classes, masks = self.answer(x)
        return merge(classes, masks) if self.merged else (classes, masks)


def merge(classes: Tensor, masks: Tensor) -> Tensor:
    """Return scores of classes (B, K, H, W): each query's mask, weighed by its probability of each class but the last, summed over queries."""
    return (classes.softmax(-1)[..., :-1].mT @ masks.sigmoid().flatten(2)).unflatten(2, masks.shape[-2:])


def build(variant: str, config: str, shape: Shape) -> nn.Module:
    """Return a whole network, or one cross-attention of the published width."""
    return Segmenter(variant, shape) if config not in ATTENTION else cross_attention(variant, shape.d, shape.h)


def attention_inputs(config: str) -> tuple[Tensor, ...]:
    """Return what one cross-attention is called with: queries, a map, their mask logits, and positions of both."""
    shape, (H, W) = PUBLISHED["cityscapes"], ATTENTION[config]
    queries = partial(torch.randn, 1, shape.queries, shape.d)
    memory = torch.randn(1, shape.d, H, W)
    return queries(), memory, torch.randn(1, shape.queries, H, W), queries(), sine_positions(memory)
