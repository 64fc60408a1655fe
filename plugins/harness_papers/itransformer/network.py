"""The inverted Transformer, and the forecasters it argues against.

Symbols are the paper's: B windows, T steps of lookback, S steps to forecast, N variates, D the width of a token, h heads, L layers. Every model maps a past
x (B, T, N) and the calendar (B, T + S, 4) of past and future to a forecast (B, S, N).

`EncoderLayer` is the ordinary Transformer's and serves all of them: what differs is only what a token is.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .partial import TrainedOnPart

MARKS = 4
"""Columns of the calendar: hour, weekday, day of month, day of year."""


class Shape(NamedTuple):
    """What goes in and what comes out: N variates, T steps of past, S steps of future."""

    N: int
    T: int
    S: int


class Size(NamedTuple):
    """How large a model is: width D of a token, width of the feed-forward network, heads h, layers L, dropout."""

    D: int
    d_ff: int
    h: int
    L: int
    dropout: float = 0.1


def size_of(scale: str, shape: Shape) -> Size:
    """Return the size of every model at a scale; `paper` is what the authors' scripts set for ECL and Weather, and for Traffic with its 862 variates."""
    if scale == "paper":
        return Size(D=512, d_ff=512, h=8, L=4 if shape.N == 862 else 3)
    return Size(D=64, d_ff=64, h=8, L=2) if scale == "small" else Size(D=16, d_ff=16, h=2, L=1)


class Attention(nn.Module):
    """Multi-head softmax attention. The matrix of weights is written out, as in the authors' code: their memory figures are about it."""

    def __init__(self, size: Size):
        super().__init__()
        self.h = size.h
        self.W_q, self.W_k, self.W_v, self.W_o = (nn.Linear(size.D, size.D) for _ in range(4))
        self.dropout = nn.Dropout(size.dropout)

    def weights(self, x: Tensor, context: Tensor, causal: bool = False) -> Tensor:
        """Return how much each of n tokens looks at each of m: (B, h, n, m), rows sum to one."""
        q, k = self._heads(self.W_q(x)), self._heads(self.W_k(context))  # (B, h, n, D/h), (B, h, m, D/h)
        scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
        if causal:
            scores = scores.masked_fill(torch.ones_like(scores, dtype=torch.bool).triu(1), -torch.inf)
        return scores.softmax(-1)

    def forward(self, x: Tensor, context: Tensor, causal: bool = False) -> Tensor:
        """Mix m tokens of `context` into n tokens: (B, n, D), (B, m, D) -> (B, n, D)."""
        A = self.dropout(self.weights(x, context, causal))
        v = self._heads(self.W_v(context))  # (B, h, m, D/h)
        return self.W_o((A @ v).transpose(1, 2).flatten(2))

    def _heads(self, tokens: Tensor) -> Tensor:
        return tokens.unflatten(-1, (self.h, -1)).transpose(1, 2)


class FeedForward(nn.Sequential):
    """Two linear maps with a GELU between them, on each token alone."""

    def __init__(self, size: Size):
        drop = nn.Dropout(size.dropout)
        super().__init__(nn.Linear(size.D, size.d_ff), nn.GELU(), drop, nn.Linear(size.d_ff, size.D), drop)


class EncoderLayer(nn.Module):
    """The Transformer's encoder layer, with normalisation after the sums."""

    def __init__(self, size: Size):
        super().__init__()
        self.attention, self.ffn = Attention(size), FeedForward(size)
        self.norm1, self.norm2 = nn.LayerNorm(size.D), nn.LayerNorm(size.D)
        self.dropout = nn.Dropout(size.dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Mix n tokens with one another, then rework each: (B, n, D) -> (B, n, D)."""
        x = self.norm1(x + self.dropout(self.attention(x, x)))
        return self.norm2(x + self.ffn(x))


def series_scale(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and deviation of each variate over its own window: (B, T, N) -> (B, 1, N) twice."""
    return x.mean(1, keepdim=True), (x.var(1, keepdim=True, unbiased=False) + 1e-5).sqrt()


class ITransformer(nn.Module):
    """A token is the whole past of one variate: attention relates variates, the feed-forward network reads series.

    Variates are a set, so there is no position code, and no weight depends on their number N.
    """

    def __init__(self, shape: Shape, size: Size):
        super().__init__()
        self.embed = nn.Linear(shape.T, size.D)
        self.dropout = nn.Dropout(size.dropout)
        self.layers = nn.ModuleList(EncoderLayer(size) for _ in range(size.L))
        self.norm = nn.LayerNorm(size.D)
        self.project = nn.Linear(size.D, shape.S)

    def forward(self, x: Tensor, marks: Tensor) -> Tensor:
        """Forecast: (B, T, N), (B, T + S, 4) -> (B, S, N)."""
        mean, std = series_scale(x)
        tokens = self.tokens((x - mean) / std, marks)  # (B, N + 4, D)
        for layer in self.layers:
            tokens = layer(tokens)
        forecast = self.project(self.norm(tokens)).transpose(1, 2)  # (B, S, N + 4)
        return forecast[..., : x.shape[-1]] * std + mean

    def tokens(self, x: Tensor, marks: Tensor) -> Tensor:
        """Embed each variate's past, and each column of the calendar as one more token: (B, N + 4, D)."""
        inverted = torch.cat([x, marks[:, : x.shape[1]]], dim=-1).transpose(1, 2)  # (B, N + 4, T)
        return self.dropout(self.embed(inverted))

    def attention_maps(self, x: Tensor, marks: Tensor) -> Tensor:
        """Return the attention between variates and calendar in every layer: (L, B, h, N + 4, N + 4)."""
        mean, std = series_scale(x)
        tokens, maps = self.tokens((x - mean) / std, marks), []
        for layer in self.layers:
            maps.append(layer.attention.weights(tokens, tokens))
            tokens = layer(tokens)
        return torch.stack(maps)


def positions(length: int, D: int) -> Tensor:
    """Return sine and cosine codes of positions: (length, D)."""
    rates = torch.exp(-math.log(10_000.0) / D * torch.arange(0, D, 2))
    angles = torch.arange(length)[:, None] * rates
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)


class StepEmbedding(nn.Module):
    """A token is all variates at one step: a convolution over three steps, plus position, plus calendar."""

    def __init__(self, N: int, length: int, size: Size):
        super().__init__()
        self.value = nn.Conv1d(N, size.D, kernel_size=3, padding=1, padding_mode="circular", bias=False)
        nn.init.kaiming_normal_(self.value.weight, mode="fan_in", nonlinearity="leaky_relu")
        self.calendar = nn.Linear(MARKS, size.D, bias=False)
        self.dropout = nn.Dropout(size.dropout)
        self.register_buffer("position", positions(length, size.D), persistent=False)

    def forward(self, x: Tensor, marks: Tensor) -> Tensor:
        """Embed n steps: (B, n, N), (B, n, 4) -> (B, n, D)."""
        return self.dropout(self.value(x.transpose(1, 2)).transpose(1, 2) + self.calendar(marks) + self.position)


class DecoderLayer(nn.Module):
    """The Transformer's decoder layer: causal attention, attention to the encoder, feed-forward."""

    def __init__(self, size: Size):
        super().__init__()
        self.attention, self.cross, self.ffn = Attention(size), Attention(size), FeedForward(size)
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(size.D) for _ in range(3))
        self.dropout = nn.Dropout(size.dropout)

    def forward(self, x: Tensor, encoded: Tensor) -> Tensor:
        """Mix n tokens with those before them and with T encoded ones: (B, n, D), (B, T, D) -> (B, n, D)."""
        x = self.norm1(x + self.dropout(self.attention(x, x, causal=True)))
        x = self.norm2(x + self.dropout(self.cross(x, encoded)))
        return self.norm3(x + self.ffn(x))


class Transformer(nn.Module):
    """The vanilla Transformer: a token is one step of all variates; a decoder fills the future in one pass, after a start of known steps."""

    ENCODER_LAYERS, DECODER_LAYERS = 2, 1
    START = 48
    """Steps of the past that the decoder begins with."""

    def __init__(self, shape: Shape, size: Size):
        super().__init__()
        self.S, self.start = shape.S, min(self.START, shape.T)
        self.embed_past = StepEmbedding(shape.N, shape.T, size)
        self.embed_future = StepEmbedding(shape.N, self.start + shape.S, size)
        self.encoder = nn.ModuleList(EncoderLayer(size) for _ in range(self.ENCODER_LAYERS))
        self.decoder = nn.ModuleList(DecoderLayer(size) for _ in range(self.DECODER_LAYERS))
        self.encoder_norm, self.decoder_norm = nn.LayerNorm(size.D), nn.LayerNorm(size.D)
        self.project = nn.Linear(size.D, shape.N)

    def forward(self, x: Tensor, marks: Tensor) -> Tensor:
        """Forecast: (B, T, N), (B, T + S, 4) -> (B, S, N)."""
        T = x.shape[1]
        encoded = self.embed_past(x, marks[:, :T])  # (B, T, D)
        for layer in self.encoder:
            encoded = layer(encoded)
        encoded = self.encoder_norm(encoded)
        blank = F.pad(x[:, T - self.start :], (0, 0, 0, self.S))  # (B, start + S, N), zeros in the future
        tokens = self.embed_future(blank, marks[:, T - self.start :])  # (B, start + S, D)
        for layer in self.decoder:
            tokens = layer(tokens, encoded)
        return self.project(self.decoder_norm(tokens[:, -self.S :]))


class DLinear(nn.Module):
    """Trend and remainder, each forecast by one linear map of its past; the maps are shared by all variates, which never meet."""

    KERNEL = 25
    """Steps of the moving average that is called the trend."""

    def __init__(self, shape: Shape):
        super().__init__()
        self.trend, self.remainder = nn.Linear(shape.T, shape.S), nn.Linear(shape.T, shape.S)
        for linear in (self.trend, self.remainder):
            nn.init.constant_(linear.weight, 1 / shape.T)

    def forward(self, x: Tensor, marks: Tensor) -> Tensor:
        """Forecast: (B, T, N) -> (B, S, N); the calendar is not looked at."""
        past = x.transpose(1, 2)  # (B, N, T)
        edge = self.KERNEL // 2
        trend = F.avg_pool1d(F.pad(past, (edge, edge), mode="replicate"), self.KERNEL, stride=1)
        return (self.trend(trend) + self.remainder(past - trend)).transpose(1, 2)


class PatchTST(nn.Module):
    """A token is a patch of one variate: attention relates the patches of a variate, and variates never meet."""

    PATCH, STRIDE = 16, 8

    def __init__(self, shape: Shape, size: Size):
        super().__init__()
        P = (shape.T - self.PATCH) // self.STRIDE + 2
        self.embed = nn.Linear(self.PATCH, size.D, bias=False)
        self.register_buffer("position", positions(P, size.D), persistent=False)
        self.dropout = nn.Dropout(size.dropout)
        self.layers = nn.ModuleList(EncoderLayer(size) for _ in range(size.L))
        self.norm = nn.BatchNorm1d(size.D)
        self.project = nn.Linear(P * size.D, shape.S)

    def forward(self, x: Tensor, marks: Tensor) -> Tensor:
        """Forecast: (B, T, N) -> (B, S, N); the calendar is not looked at."""
        B, _, N = x.shape
        mean, std = series_scale(x)
        past = ((x - mean) / std).transpose(1, 2)  # (B, N, T)
        patches = F.pad(past, (0, self.STRIDE), mode="replicate").unfold(-1, self.PATCH, self.STRIDE)  # (B, N, P, 16)
        tokens = self.dropout(self.embed(patches) + self.position).flatten(0, 1)  # (B * N, P, D)
        for layer in self.layers:
            tokens = layer(tokens)
        tokens = self.norm(tokens.transpose(1, 2))  # (B * N, D, P)
        forecast = self.dropout(self.project(tokens.flatten(1))).unflatten(0, (B, N))  # (B, N, S)
        return forecast.transpose(1, 2) * std + mean


def build(variant: str, shape: Shape, size: Size) -> nn.Module:
    """Return a variant of the card; all answer the same question about the same shape."""
    match variant:
        case "itransformer":
            return ITransformer(shape, size)
        case "itransformer_20":
            return TrainedOnPart(ITransformer(shape, size), resample=True)
        case "itransformer_fixed20":
            return TrainedOnPart(ITransformer(shape, size), resample=False)
        case "transformer":
            return Transformer(shape, size)
        case "dlinear":
            return DLinear(shape)
        case "patchtst":
            return PatchTST(shape, size)
    raise ValueError(f"no variant is called {variant!r}")
