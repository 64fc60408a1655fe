"""How good a recogniser is on a stream, and whether the stream is what the mask says."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import torch
from torch.nn import functional as F

from harness import Artifact, Chart, Data, Image, Quality, Text

from .encoder import Encoder
from .recogniser import Cached, Recogniser
from .speech import LETTERS

LETTER_NAMES = "-" + "abcdefghijkl" + " "
SHOWN = 5
"""Utterances whose texts are shown."""
SETTLED = 1e-9
"""A token that later audio changes by more than this, in double precision, is not settled."""


def ctc_loss(log_probs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Return the mean CTC loss of log-probabilities (B, T, K) for texts (B, S), zeros behind a text."""
    lengths = torch.full((len(targets),), log_probs.shape[1], dtype=torch.long)
    return F.ctc_loss(log_probs.transpose(0, 1), targets, lengths, (targets > 0).sum(1), zero_infinity=True)


def decode(log_probs: torch.Tensor) -> list[list[int]]:
    """Return the best path of each utterance, repeats merged and blanks dropped."""
    best = log_probs.argmax(-1)
    kept = (best != 0) & F.pad(best[:, 1:] != best[:, :-1], (1, 0), value=True)
    return [row[keep].tolist() for row, keep in zip(best, kept, strict=True)]


def edits(found: list[int], wanted: list[int]) -> int:
    """Return the least number of insertions, deletions and replacements between two texts."""
    row = list(range(len(wanted) + 1))
    for i, x in enumerate(found, 1):
        before, row[0] = row[0], i
        for j, y in enumerate(wanted, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (x != y))
    return row[-1]


def qualities(model: Recogniser, data: Data) -> dict[str, Quality]:
    """Return the letter error rate on a stream, tokens that later audio still changes, and for caches their error and size."""
    (features,) = data.inputs
    streamed = model.streamed(features)
    texts = [row[row > 0].tolist() for row in data.targets]
    wrong = sum(edits(found, wanted) for found, wanted in zip(decode(streamed), texts, strict=True))
    result = {
        "letter_error": Quality(100 * wrong / sum(map(len, texts)), "%", "lower"),
        "unsettled": Quality(unsettled(model.encoder, features[:SHOWN]), "tokens", "lower"),
    }
    if isinstance(model, Cached):
        encoder: Encoder = model.encoder
        state = encoder.start(1, features)
        result["stream_difference"] = Quality((streamed - model(features)).abs().max().item(), "1", "lower")
        result["cache_bytes"] = Quality(state.numbers * features.element_size(), "B", "lower")
    return result


def unsettled(encoder: Encoder, features: torch.Tensor) -> int:
    """Return how many tokens of the first half, cut at the end of a chunk, change once the second half is heard: they must be encoded again."""
    chunk = encoder.context.chunk if encoder.context.style == "chunked" else 1
    tokens = features.shape[1] // encoder.subsampling.factor // 2 // chunk * chunk
    encoder, features = deepcopy(encoder).double(), features.double()
    early = encoder(features[:, : tokens * encoder.subsampling.factor])
    moved = (early - encoder(features)[:, :tokens]).abs().amax((0, 2)) > SETTLED
    return int(moved.sum())


def pictures(model: Recogniser, data: Data) -> dict[str, Artifact]:
    """Return an utterance's features, what was understood, and the attention mask."""
    features = data.inputs[0][:SHOWN]
    found = decode(model.streamed(features))
    lines = [f"said   {_text(row[row > 0].tolist())}\nheard  {_text(guess)}" for row, guess in zip(data.targets, found, strict=False)]
    shown: dict[str, Artifact] = {"texts": Text("\n\n".join(lines), "Test utterances and what was understood of them on a stream.")}
    picture = features[0].T.flip(0)
    grey = (picture - picture.min()) / (picture.max() - picture.min())
    shown["features"] = Image(
        grey.repeat_interleave(4, 0).repeat_interleave(3, 1).numpy(), "Log-mel features of the first, low bands below."
    )
    visible = model.encoder.context.visible(24)
    if visible is not None:
        shown["mask"] = Image(
            visible.float().repeat_interleave(8, 0).repeat_interleave(8, 1).numpy(),
            "Which tokens (across) each token (down) may attend to.",
        )
    shown["confidence"] = _confidence(model, features[:1])
    return shown


def _text(symbols: list[int]) -> str:
    return "".join(LETTER_NAMES[x] if x <= LETTERS + 1 else "?" for x in symbols)


def _confidence(model: Recogniser, features: torch.Tensor) -> Chart:
    likeliest = model.streamed(features)[0].exp().max(-1)
    rows: list[dict[str, Any]] = [
        {"token": t, "probability": round(p, 4), "symbol": LETTER_NAMES[int(s)]}
        for t, (p, s) in enumerate(zip(likeliest.values.tolist(), likeliest.indices, strict=True))
    ]
    spec = {
        "mark": "bar",
        "data": {"values": rows},
        "encoding": {
            "x": {"field": "token", "type": "ordinal"},
            "y": {"field": "probability", "type": "quantitative", "scale": {"domain": [0, 1]}},
            "color": {"field": "symbol", "type": "nominal"},
        },
    }
    return Chart(spec, "The likeliest symbol of each token of the first utterance; - is blank.")
