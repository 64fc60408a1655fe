"""FastConformer with limited context, and its inference by chunks with caches.

A stream is the same computation as a masked utterance: a chunk attends to itself and to cached inputs of attention, and each causal convolution finds
its last inputs in a cache. Nothing is computed twice, and nothing that the chunk could have seen is missing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F


@dataclass(frozen=True)
class Context:
    """What a token may attend to.

    Attributes:
        style: `full`, `chunked` (its own chunk and those before it) or `regular` (so many tokens ahead in every layer).
        left: L, tokens back.
        right: R, tokens ahead; a chunk has R + 1.
    """

    style: str
    left: int
    right: int

    @property
    def chunk(self) -> int:
        """c, tokens in a chunk."""
        return self.right + 1

    def visible(self, tokens: int, device: torch.device | None = None) -> torch.Tensor | None:
        """Return which token j each token i may see: (T, T) booleans, or None where all are seen."""
        if self.style == "full":
            return None
        i = torch.arange(tokens, device=device)
        if self.style == "regular":
            ahead = i - i[:, None]  # j - i
            return (ahead <= self.right) & (ahead >= -self.left)
        block = i // self.chunk
        back = block[:, None] - block
        return (back >= 0) & (back <= self.left // self.chunk)


class Subsampling(nn.Module):
    """Stride-2 convolutions over time and frequency: log-mel features (B, frames, mels) to tokens (B, frames // factor, d).

    The first convolution is full. The others are depthwise with a pointwise one behind (FastConformer), or full (Conformer). Token t needs no frame after
    `factor * (t + 1) - 1`.

    Args:
        mels: Mel bands.
        channels: Of the convolutions.
        d: Width of a token.
        factor: 4 or 8.
        separable: FastConformer's convolutions.
    """

    def __init__(self, mels: int, channels: int, d: int, factor: int, separable: bool = True) -> None:
        super().__init__()
        self.factor = factor
        convs = [nn.Sequential(nn.Conv2d(1, channels, 3, 2), nn.ReLU())]
        for _ in range(factor.bit_length() - 2):
            spatial = nn.Conv2d(channels, channels, 3, 2, groups=channels if separable else 1)
            pointwise = [nn.Conv2d(channels, channels, 1)] if separable else []
            convs.append(nn.Sequential(spatial, *pointwise, nn.ReLU()))
        self.convs = nn.ModuleList(convs)
        for _ in convs:
            mels = mels // 2 + 1
        self.out = nn.Linear(channels * mels, d)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return tokens."""
        x = features[:, None]  # (B, 1, frames, mels)
        for conv in self.convs:
            x = conv(F.pad(x, (2, 1, 1, 0)))  # output t of a stage sees inputs 2t - 1, 2t, 2t + 1
        return self.out(x.transpose(1, 2).flatten(2))


class FeedForward(nn.Sequential):
    """Two linear layers, four times as wide between."""

    def __init__(self, d: int) -> None:
        super().__init__(nn.Linear(d, 4 * d), nn.SiLU(), nn.Linear(4 * d, d))


class RelativeAttention(nn.Module):
    """Multi-head attention with sinusoidal relative positions: scores `((q + u) k + (q + v) p_{i-j}) / sqrt(d_h)`.

    Args:
        d: Width.
        heads: h.
    """

    def __init__(self, d: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v, self.out = (nn.Linear(d, d) for _ in range(4))
        self.p = nn.Linear(d, d, bias=False)
        self.bias_u, self.bias_v = (nn.Parameter(torch.zeros(heads, 1, d // heads)) for _ in range(2))

    def forward(self, x: torch.Tensor, past: torch.Tensor | None, visible: torch.Tensor | None) -> torch.Tensor:
        """Attend from x (B, T, d) to `past` (B, cached, d) and x; `visible` is (T, cached + T) booleans, or None for all."""
        whole = x if past is None else torch.cat((past, x), dim=1)
        q, k, v = (self._heads(part) for part in (self.q(x), self.k(whole), self.v(whole)))  # (B, h, T or S, d_h)
        T, S = q.shape[2], k.shape[2]
        # Query i stands at S - T + i, key j at j: distances from -(T - 1) to S - 1.
        distance = torch.arange(S - T, S, device=x.device)[:, None] - torch.arange(S, device=x.device)
        table = self._heads(self.p(sinusoids(S + T - 1, 1 - T, x.shape[-1], x))[None])  # (1, h, S + T - 1, d_h)
        by_position = ((q + self.bias_v) @ table.mT).gather(-1, (distance + T - 1).expand(*q.shape[:2], T, S))
        mask = by_position / math.sqrt(q.shape[-1])
        if visible is not None:
            mask = mask.masked_fill(~visible, -torch.inf)
        y = F.scaled_dot_product_attention(q + self.bias_u, k, v, attn_mask=mask)
        return self.out(y.transpose(1, 2).flatten(2))

    def _heads(self, x: torch.Tensor) -> torch.Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)


def sinusoids(count: int, first: int, d: int, like: torch.Tensor) -> torch.Tensor:
    """Return the encodings of positions first, first + 1, ...: (count, d), in the type and on the device of `like`."""
    position = torch.arange(first, first + count, device=like.device, dtype=torch.float32)[:, None]
    rate = torch.exp(torch.arange(0, d, 2, device=like.device, dtype=torch.float32) * (-math.log(10_000.0) / d))
    return torch.stack(((position * rate).sin(), (position * rate).cos()), dim=-1).flatten(1).to(like.dtype)


class ConvModule(nn.Module):
    """Pointwise, GLU, causal depthwise convolution, LayerNorm (which needs no statistics of a batch), Swish, pointwise.

    Args:
        d: Width.
        kernel: k, taps of the depthwise convolution.
    """

    def __init__(self, d: int, kernel: int) -> None:
        super().__init__()
        self.kernel = kernel
        self.enter, self.leave = nn.Linear(d, 2 * d), nn.Linear(d, d)
        self.depthwise = nn.Conv1d(d, d, kernel, groups=d)
        self.norm = nn.LayerNorm(d)

    def forward(self, x: torch.Tensor, past: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the output (B, T, d) and the last k - 1 inputs of the convolution (B, d, k - 1); `past` are those before x, zeros if None."""
        gated = F.glu(self.enter(x), dim=-1).transpose(1, 2)  # (B, d, T)
        if past is None:
            past = gated.new_zeros(*gated.shape[:2], self.kernel - 1)
        whole = torch.cat((past, gated), dim=-1)
        y = self.depthwise(whole).transpose(1, 2)
        return self.leave(F.silu(self.norm(y))), whole[..., -(self.kernel - 1) :]


@dataclass
class LayerCache:
    """What one layer keeps of the past.

    Attributes:
        attention: Inputs of attention, after the norm: (B, L, d); the last are the newest.
        convolution: Inputs of the depthwise convolution: (B, d, k - 1).
    """

    attention: torch.Tensor
    convolution: torch.Tensor


class Layer(nn.Module):
    """A Conformer block: half a feed-forward, attention, convolution, half a feed-forward, norm. (B, T, d) -> (B, T, d)."""

    def __init__(self, d: int, heads: int, kernel: int) -> None:
        super().__init__()
        self.feed1, self.feed2 = FeedForward(d), FeedForward(d)
        self.attention, self.convolution = RelativeAttention(d, heads), ConvModule(d, kernel)
        self.norms = nn.ModuleList(nn.LayerNorm(d) for _ in range(5))

    def forward(self, x: torch.Tensor, visible: torch.Tensor | None = None, cache: LayerCache | None = None) -> torch.Tensor:
        """Apply the block; a cache is read and brought up to date."""
        x = x + self.feed1(self.norms[0](x)) / 2
        normed = self.norms[1](x)
        x = x + self.attention(normed, None if cache is None else cache.attention, visible)
        y, last = self.convolution(self.norms[2](x), None if cache is None else cache.convolution)
        if cache is not None:
            cache.attention = torch.cat((cache.attention, normed), dim=1)[:, normed.shape[1] :]
            cache.convolution = last
        x = x + y
        x = x + self.feed2(self.norms[3](x)) / 2
        return self.norms[4](x)


@dataclass
class Stream:
    """All that is kept between two chunks of a stream: the same amount at any time.

    Attributes:
        layers: One cache a layer.
        frames: The feature frames of the last token, (B, factor, mels), which the next one needs too; empty at the start.
        valid: How many tokens of the attention caches are of this stream.
    """

    layers: list[LayerCache]
    frames: torch.Tensor
    valid: int = 0

    @property
    def numbers(self) -> int:
        """How many numbers the layers' caches hold."""
        return sum(c.attention.numel() + c.convolution.numel() for c in self.layers)


class Encoder(nn.Module):
    """Log-mel features (B, frames, mels) to tokens (B, frames // factor, d).

    Args:
        mels: Mel bands.
        d: Width.
        depth: Layers.
        heads: Of attention.
        context: What a token may attend to.
        factor: Frames a token.
        channels: Of the subsampling.
        kernel: Of the convolution modules.
        separable: FastConformer's subsampling; else Conformer's.
    """

    def __init__(
        self,
        mels: int,
        d: int,
        depth: int,
        heads: int,
        context: Context,
        factor: int = 8,
        channels: int = 256,
        kernel: int = 9,
        separable: bool = True,
    ) -> None:
        super().__init__()
        self.d, self.mels, self.kernel, self.context = d, mels, kernel, context
        self.subsampling = Subsampling(mels, channels, d, factor, separable)
        self.layers = nn.ModuleList(Layer(d, heads, kernel) for _ in range(depth))

    def forward(self, features: torch.Tensor, context: Context | None = None) -> torch.Tensor:
        """Encode whole utterances under the context's mask."""
        x = self.subsampling(features) * math.sqrt(self.d)
        visible = (context or self.context).visible(x.shape[1], x.device)
        for layer in self.layers:
            x = layer(x, visible)
        return x

    def start(self, batch: int, like: torch.Tensor, context: Context | None = None) -> Stream:
        """Return the state before the first chunk of `batch` streams, in the type and on the device of `like`."""
        left = (context or self.context).left
        caches = [LayerCache(like.new_zeros(batch, left, self.d), like.new_zeros(batch, self.d, self.kernel - 1)) for _ in self.layers]
        return Stream(caches, like.new_zeros(batch, 0, self.mels))

    def step(self, features: torch.Tensor, stream: Stream) -> torch.Tensor:
        """Encode the next chunk (B, frames, mels) of streams, and bring their state up to date. A chunk has `chunk * factor` frames, the last fewer."""
        factor = self.subsampling.factor
        known = stream.frames.shape[1]
        frames = torch.cat((stream.frames, features), dim=1)
        # The tokens of kept frames were made before, and lack their own past here.
        x = self.subsampling(frames)[:, known // factor :] * math.sqrt(self.d)
        stream.frames = frames[:, -factor:]
        T, left = x.shape[1], stream.layers[0].attention.shape[1]
        seen = torch.arange(left + T, device=x.device) >= left - stream.valid
        for layer, cache in zip(self.layers, stream.layers, strict=True):
            x = layer(x, seen.expand(T, -1), cache)
        stream.valid = min(left, stream.valid + T)
        return x

    def stream(self, features: torch.Tensor, context: Context | None = None) -> torch.Tensor:
        """Encode whole utterances chunk by chunk."""
        context = context or self.context
        state = self.start(len(features), features, context)
        usable = features.shape[1] - features.shape[1] % self.subsampling.factor  # a last token needs all of its frames
        chunks = features[:, :usable].split(context.chunk * self.subsampling.factor, dim=1)
        return torch.cat([self.step(chunk, state) for chunk in chunks], dim=1)
