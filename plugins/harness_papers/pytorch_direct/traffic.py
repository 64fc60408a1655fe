"""What a gather moves, by construction: bytes in host memory, and the lines that a GPU asks for over the link."""

from __future__ import annotations

import torch
from torch import Tensor

LINE = 128
"""Bytes of one request over the link."""
FLOAT = 4


def delivered_bytes(rows: int, d: int) -> int:
    """Return the bytes that training asked for: R rows of d floats."""
    return rows * d * FLOAT


def host_bytes(variant: str, rows: int, d: int) -> int:
    """Return the bytes that cross the host's memory bus for a GPU: read, written to staging and read again; or read once."""
    return (3 if variant == "cpu_gather" else 1) * delivered_bytes(rows, d)


def lines(idx: Tensor, d: int) -> Tensor:
    """Return how many 128-byte lines each row lies on, (R,), in a table that begins at a boundary: the fewest requests there can be."""
    begin = idx * d * FLOAT
    return (begin + d * FLOAT - 1) // LINE - begin // LINE + 1


def requests(idx: Tensor, d: int, shifted: bool) -> Tensor:
    """Return how many requests the warps make for each row, (R,), each warp reading 32 floats in a row.

    Unless reads are shifted to a boundary, a warp's 128 bytes lie on two lines, and both are asked for.
    """
    if shifted:
        return lines(idx, d)
    begin = idx * d * FLOAT
    asked = torch.zeros_like(idx)
    for first in range(0, d * FLOAT, LINE):
        last = min(first + LINE, d * FLOAT) - 1
        asked += (begin + last) // LINE - (begin + first) // LINE + 1
    return asked
