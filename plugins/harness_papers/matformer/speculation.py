"""Speculative decoding: a draft model guesses some tokens, the verifier looks at all of them in one pass."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

GUESSES = 4
"""Tokens that are drafted before the verifier looks."""


@dataclass
class Decoded:
    """A text that was decoded.

    Attributes:
        tokens: (n,) with the prompt.
        calls: Passes of the verifier.
        drafted: Tokens that were guessed.
        accepted: Guesses that the verifier would have made itself.
    """

    tokens: Tensor
    calls: int = 0
    drafted: int = 0
    accepted: int = 0


def greedy(model: nn.Module, prompt: Tensor, count: int) -> Decoded:
    """Continue (n,) by `count` tokens, one a pass."""
    decoded = Decoded(prompt)
    for _ in range(count):
        decoded.tokens = torch.cat([decoded.tokens, model(decoded.tokens[None])[0, -1:].argmax(-1)])
        decoded.calls += 1
    return decoded


def speculate(draft: nn.Module, verifier: nn.Module, prompt: Tensor, count: int) -> Decoded:
    """Continue (n,) by `count` tokens, the same ones that `greedy(verifier, ...)` gives, in fewer passes of the verifier."""
    decoded = Decoded(prompt)
    end = len(prompt) + count
    while len(decoded.tokens) < end:
        known = len(decoded.tokens)
        guesses = min(GUESSES, end - known - 1)  # the verifier's own token comes after them
        guessed = greedy(draft, decoded.tokens, guesses).tokens
        verified = verifier(guessed[None])[0, known - 1 :].argmax(-1)  # (guesses + 1,)
        agreed = int((verified[:guesses] == guessed[known:]).long().cumprod(0).sum())
        decoded.tokens = torch.cat([decoded.tokens, verified[: agreed + 1]])
        decoded.calls += 1
        decoded.drafted += guesses
        decoded.accepted += agreed
    return decoded
