"""Where a cell of a map lies, as sines and cosines."""

from __future__ import annotations

import math

import torch
from torch import Tensor

BASE = 10_000


def sine_positions(plane: Tensor) -> Tensor:
    """Return the encoding (C, H, W) of the cells of a map (B, C, H, W): the first half tells the row, the second the column.

    Rows and columns are counted from 1 and stretched so that the last is at 2 pi; sines and cosines alternate.
    """
    C = plane.shape[1]
    angles = []
    for side in plane.shape[-2:]:
        at = torch.arange(1, side + 1, device=plane.device, dtype=plane.dtype) / side * (2 * math.pi)
        step = torch.arange(C // 4, device=plane.device, dtype=plane.dtype)
        angle = at[:, None] / BASE ** (4 * step / C)
        angles.append(torch.stack((angle.sin(), angle.cos()), -1).flatten(1).mT)  # (C / 2, side)
    rows, columns = angles
    H, W = plane.shape[-2:]
    return torch.cat((rows[:, :, None].expand(-1, -1, W), columns[:, None].expand(-1, H, -1)))
