"""The variants: what each is trained to see, and how it is run on a stream. Features (B, frames, mels) to log-probabilities (B, T, symbols)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from harness import Work

from .encoder import Context, Encoder
from .setting import LATENCIES, SETTINGS, Setting
from .speech import SYMBOLS

CONFORMER_KERNEL = 31
"""Taps of Conformer's convolution modules; FastConformer has 9."""

VOCABULARY, PREDICTION, JOINT = 1024, 640, 640
"""Of the authors' hybrid model: word pieces, and widths of the transducer."""


class Recogniser(nn.Module):
    """An encoder and a CTC head.

    Args:
        encoder: Its own context is the one for judging.
        training_contexts: In training one of these is drawn at each step.
        pace: Tokens of the encoder, side by side, that make one answer.
    """

    def __init__(self, encoder: Encoder, training_contexts: tuple[Context, ...], pace: int = 1) -> None:
        super().__init__()
        self.encoder, self.head = encoder, nn.Linear(pace * encoder.d, SYMBOLS)
        self.training_contexts, self.pace = training_contexts, pace

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Recognise whole utterances under the mask."""
        context = self.encoder.context
        if self.training and len(self.training_contexts) > 1:
            context = self.training_contexts[int(torch.randint(len(self.training_contexts), ()))]
        return self.symbols(self.encoder(features, context))

    def symbols(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return log-probabilities of symbols: (B, T, d) -> (B, T / pace, symbols)."""
        return self.head(tokens.unflatten(1, (-1, self.pace)).flatten(2)).log_softmax(-1)

    def streamed(self, features: torch.Tensor) -> torch.Tensor:
        """Recognise as on a stream; what cannot stream takes the whole."""
        return self(features)


class Cached(Recogniser):
    """Streams by chunks with caches."""

    def streamed(self, features: torch.Tensor) -> torch.Tensor:
        """Recognise chunk by chunk."""
        return self.symbols(self.encoder.stream(features))


class Buffered(Recogniser):
    """Streams by encoding, for every chunk, a buffer of audio that ends where the chunk ends, from the beginning.

    Args:
        encoder: A full-context one.
        chunk: Tokens that are kept of each buffer.
        buffer: Tokens of a buffer.
    """

    def __init__(self, encoder: Encoder, chunk: int, buffer: int) -> None:
        super().__init__(encoder, (encoder.context,))
        self.chunk, self.buffer = chunk, buffer

    def window(self, features: torch.Tensor) -> torch.Tensor:
        """Return the log-probabilities of the last chunk of a buffer: (B, chunk, symbols)."""
        return self(features)[:, -self.chunk :]

    def streamed(self, features: torch.Tensor) -> torch.Tensor:
        """Recognise chunk by chunk."""
        factor = self.encoder.subsampling.factor
        tokens, kept = features.shape[1] // factor, []
        for start in range(0, tokens, self.chunk):
            end = min(start + self.chunk, tokens)
            y = self(features[:, factor * max(0, end - self.buffer) : factor * end])
            kept.append(y[:, start - end :])
        return torch.cat(kept, dim=1)


class Hybrid(nn.Module):
    """The authors' model: two decoders on one encoder, CTC and a transducer of an LSTM that predicts and a joint network.

    Args:
        encoder: The shared encoder.
    """

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder, self.ctc = encoder, nn.Linear(encoder.d, VOCABULARY + 1)
        self.embedding = nn.Embedding(VOCABULARY + 1, PREDICTION)
        self.prediction = nn.LSTM(PREDICTION, PREDICTION, batch_first=True)
        self.from_encoder, self.from_prediction = nn.Linear(encoder.d, JOINT), nn.Linear(PREDICTION, JOINT)
        self.joint = nn.Linear(JOINT, VOCABULARY + 1)

    def forward(self, features: torch.Tensor, pieces: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return CTC logits (B, T, V + 1) and joint logits (B, T, U, V + 1) for features and word pieces (B, U)."""
        tokens = self.encoder(features)
        predicted, _ = self.prediction(self.embedding(pieces))
        joined = self.from_encoder(tokens)[:, :, None] + self.from_prediction(predicted)[:, None]
        return self.ctc(tokens), self.joint(F.relu(joined))


def chunked(setting: Setting, right: int) -> Context:
    """Return the chunk-aware context; L is cut to a multiple of the chunk, which the caches then hold in full."""
    return Context("chunked", setting.left // (right + 1) * (right + 1), right)


def build(variant: str, scale: str, params: Mapping[str, Any], fitted: Any = None) -> nn.Module:
    """Build a variant at a look-ahead of `params["right"]` tokens; `params["part"]` picks a part of published size."""
    setting, right = SETTINGS[scale], params["right"]
    if variant == "conformer":
        context = Context("chunked", 2 * chunked(setting, right).left, 2 * right + 1)  # as long in seconds
        size = {"factor": setting.factor // 2, "channels": setting.d, "kernel": CONFORMER_KERNEL, "separable": False}
        return Cached(Encoder(setting.mels, setting.d, setting.depth, setting.heads, context, **size), (context,), pace=2)
    context = chunked(setting, right)
    if variant == "regular":
        context = Context("regular", setting.left, -(-right // setting.depth))
    elif variant in ("offline", "buffered"):
        context = Context("full", setting.left, right)
    encoder = Encoder(setting.mels, setting.d, setting.depth, setting.heads, context, setting.factor, setting.channels)
    model = _around(variant, encoder, setting, right)
    if fitted is not None:
        model.load_state_dict(fitted.state_dict())
    return _part(model, params.get("part", ""))


def _around(variant: str, encoder: Encoder, setting: Setting, right: int) -> Recogniser:
    if variant == "buffered":
        return Buffered(encoder, right + 1, setting.buffer)
    if variant in ("offline", "regular"):
        return Recogniser(encoder, (encoder.context,))
    several = tuple(chunked(setting, r) for r in LATENCIES)
    return Cached(encoder, several if variant == "multi" else (encoder.context,))


def _part(model: Recogniser, part: str) -> nn.Module:
    """Return a part that has a published size, each to be called by itself; `part_inputs` says with what."""
    encoder = model.encoder
    if part == "hybrid":
        return Hybrid(encoder)
    parts = {"": model, "layer": encoder.layers[0], "layers": nn.Sequential(*encoder.layers), "subsampling": encoder.subsampling}
    return parts[part]


def part_inputs(part: str, setting: Setting) -> tuple[torch.Tensor, ...]:
    """Return one call's arguments of a part."""
    if part in ("layer", "layers"):
        return (torch.randn(1, setting.frames // setting.factor, setting.d),)
    features = torch.randn(setting.batch, setting.frames, setting.mels)
    return (features, torch.randint(VOCABULARY, (setting.batch, 10))) if part == "hybrid" else (features,)


def chunk_work(model: Recogniser, features: torch.Tensor, right: int) -> Work:
    """Return one step of a stream: `right` + 1 answers (1, right + 1, symbols), counted in frames; state is carried from call to call.

    Args:
        model: What `build` built.
        features: (1, frames, mels), from which chunks are cut; a stream reads them over and over.
        right: R of the sweep point.
    """
    encoder, context = model.encoder, model.encoder.context
    frames = (right + 1) * model.pace * encoder.subsampling.factor
    if isinstance(model, Buffered):
        return Work(lambda: model.window(features[:, : model.buffer * encoder.subsampling.factor]), frames)
    if context.style == "full":
        return Work(lambda: model(features)[:, -(right + 1) :], frames)
    if context.style == "regular":
        return _repeating(model, features, right, frames)
    return _carrying(model, features, frames)


def _carrying(model: Recogniser, features: torch.Tensor, frames: int) -> Work:
    """A step with caches that the next step finds."""
    chunks = features[:, : features.shape[1] // frames * frames].split(frames, dim=1)
    carried: dict[str, Any] = {}

    def reset() -> None:
        carried.update(stream=model.encoder.start(1, features), at=0)

    def step() -> torch.Tensor:
        chunk = chunks[carried["at"] % len(chunks)]
        carried["at"] += 1
        return model.symbols(model.encoder.step(chunk, carried["stream"]))

    reset()
    return Work(step, frames, reset)


def _repeating(model: Recogniser, features: torch.Tensor, right: int, frames: int) -> Work:
    """A step of regular look-ahead: the chunk and the tokens ahead, which the next step must encode again, so that its state is not kept."""
    encoder = model.encoder
    ahead = encoder.context.right * len(encoder.layers) * encoder.subsampling.factor

    def step() -> torch.Tensor:
        state = encoder.start(1, features)
        return model.symbols(encoder.step(features[:, : frames + ahead], state))[:, : right + 1]

    return Work(step, frames)
