"""The GPU's own gather, in Triton: it reads rows of a table in pinned host memory over the link. Imported only where there is a GPU."""

from __future__ import annotations

from contextlib import nullcontext

import torch
import triton
import triton.language as tl
from torch import Tensor

from .traffic import LINE

BLOCK = 128
"""Values that a program reads at a time: four warps, and of each warp's 32 lanes every one a float, a line of 128 bytes."""

ROWS = 4
"""Rows a program copies: enough reads under way to cover the latency of the link."""


@triton.jit
def _copy_rows(F, idx, out, count, d, base, LINE_VALUES: tl.constexpr, ROWS: tl.constexpr, BLOCK: tl.constexpr):
    for r in range(ROWS):
        row = tl.program_id(0).to(tl.int64) * ROWS + r
        if row < count:
            source = tl.load(idx + row) * d  # where the row begins, in values
            lead = (base + source) % LINE_VALUES  # how far that is past a line's boundary
            for first in range(0, d + lead, BLOCK):
                column = first - lead + tl.arange(0, BLOCK)
                inside = (column >= 0) & (column < d)
                tl.store(out + row * d + column, tl.load(F + source + column, mask=inside), mask=inside)


def gather_rows(table: Tensor, idx: Tensor, out: Tensor, shifted: bool) -> Tensor:
    """Write table[idx] to `out` (R, d) and return it.

    Args:
        table: F, (n, d), contiguous, in host memory that is registered with the driver.
        idx: (R,) int64, on the GPU.
        out: Contiguous, on the GPU.
        shifted: Begin every row's reads at the line boundary before it, so that each warp reads one line and not parts of two.
    """
    values = LINE // table.element_size() if shifted else 1  # any number is a multiple of 1: no lead
    base = table.data_ptr() // table.element_size() % values
    if len(idx):
        with torch.cuda.device(out.device) if out.is_cuda else nullcontext():  # Triton's interpreter runs on the CPU
            grid = (triton.cdiv(len(idx), ROWS),)
            _copy_rows[grid](table, idx, out, len(idx), table.shape[1], base, LINE_VALUES=values, ROWS=ROWS, BLOCK=BLOCK, num_warps=4)
    return out
