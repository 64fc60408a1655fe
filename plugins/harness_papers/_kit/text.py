"""Text for language models that papers share: the source of Python's own standard library, as bytes.

It lies beside every interpreter, so nothing is fetched; it changes a little from one version of Python to the next, and figures with it. From the
library to what a model reads and what it should say:

>>> from harness_papers._kit.text import windows
>>> tokens, following = windows("train", count=4, length=128)
>>> tokens.shape, following.shape
(torch.Size([4, 128]), torch.Size([4, 128]))
>>> bool((tokens[:, 1:] == following[:, :-1]).all())
True

`train` and `test` share no file.
"""

from __future__ import annotations

import sysconfig
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

HELD_OUT = 10
"""Every tenth file is for testing."""


def text(split: str) -> Tensor:
    """Return the top-level modules of the running interpreter's library, one after another: (n,) uint8.

    Args:
        split: `train` (nine files of ten) or `test`.
    """
    return _text(split).clone()


def windows(split: str, count: int, length: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Return stretches of text from random places, and the byte after each byte: (count, length) twice, int64.

    Args:
        split: `train` or `test`.
        count: How many stretches; they may overlap.
        length: Bytes of each.
        seed: Of the places.
    """
    source = _text(split)
    starts = torch.randint(len(source) - length, (count, 1), generator=torch.Generator().manual_seed(seed))
    stretch = source[starts + torch.arange(length + 1)].long()
    return stretch[:, :-1].contiguous(), stretch[:, 1:].contiguous()


@cache
def _text(split: str) -> Tensor:
    chosen = [file for i, file in enumerate(_files()) if (i % HELD_OUT == 0) == (split == "test")]
    return torch.frombuffer(bytearray(b"".join(file.read_bytes() for file in chosen)), dtype=torch.uint8)


def _files() -> list[Path]:
    return sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))
