"""The text that language models share: the library's own source, split by file, cut into stretches."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest
import torch

from harness_papers._kit import text as kit
from harness_papers._kit.text import text, windows


def as_bytes(tokens: torch.Tensor) -> bytes:
    return bytes(tokens.tolist())


def test_the_example_runs():
    assert doctest.testmod(kit).failed == 0


def test_every_tenth_file_is_held_out_and_none_is_in_both_splits():
    train, test = (as_bytes(text(split)) for split in ("train", "test"))
    held_out, kept = kit._files()[::10], [file for i, file in enumerate(kit._files()) if i % 10]
    assert len(test) > 100_000
    assert train == b"".join(map(Path.read_bytes, kept))
    assert test == b"".join(map(Path.read_bytes, held_out))


def test_a_user_may_change_what_it_is_given():
    text("test").zero_()
    assert text("test").max() > 0


@pytest.mark.parametrize("split", ["train", "test"])
def test_stretches_are_text_of_their_split_and_the_byte_after_each_byte(split: str):
    source = as_bytes(text(split))
    tokens, following = windows(split, 5, 40)
    assert tokens.shape == following.shape == (5, 40)
    assert tokens.dtype == following.dtype == torch.int64
    for x, y in zip(tokens, following, strict=True):
        assert as_bytes(torch.cat([x, y[-1:]])) in source
        assert torch.equal(x[1:], y[:-1])


def test_places_repeat_with_their_seed():
    assert torch.equal(windows("train", 5, 40, seed=3)[0], windows("train", 5, 40, seed=3)[0])
    assert not torch.equal(windows("train", 5, 40, seed=3)[0], windows("train", 5, 40, seed=4)[0])
