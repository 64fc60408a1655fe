"""Text to model: the source of Python's own standard library, as bytes."""

from __future__ import annotations

import sysconfig
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

HELD_OUT = 10
"""Every tenth file is for testing."""


@cache
def text(split: str) -> Tensor:
    """Return the top-level modules of the running interpreter's library, one after another: (n,) uint8. `split` is `train` or `test`."""
    files = sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))
    chosen = [file for i, file in enumerate(files) if (i % HELD_OUT == 0) == (split == "test")]
    return torch.frombuffer(bytearray(b"".join(file.read_bytes() for file in chosen)), dtype=torch.uint8)


def windows(split: str, count: int, length: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Return `count` stretches of text from random places, and the byte after each byte: (count, length) twice, int64."""
    source = text(split)
    starts = torch.randint(len(source) - length, (count, 1), generator=torch.Generator().manual_seed(seed))
    stretch = source[starts + torch.arange(length + 1)].long()
    return stretch[:, :-1].contiguous(), stretch[:, 1:].contiguous()
