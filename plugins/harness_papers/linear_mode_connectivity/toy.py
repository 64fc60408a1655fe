"""A landscape of two parameters: one valley on the mountainside, which a ridge splits in two further down.

    f(x, y) = (x^2 - tanh y)^2 + 0.05 (y - 3)^2

Descents come from y < 0, where x = 0 is the only valley, to y = 3, where x = sqrt(tanh 3) and x = -sqrt(tanh 3) are minima with a ridge between
them. Copies that part on the mountainside may end on different sides of the ridge; copies that part once they are on one side end together.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from harness_papers.linear_mode_connectivity.barrier import POINTS, barrier

START = (0.0, -2.0)
STEPS = 800
LR = 0.1
NOISE = 0.05
"""Standard deviation of the gradient's noise: enough to choose a side, too little to climb the ridge from the valley's floor."""
SETTLED = 400
"""Last steps, without noise, in which each copy settles to the bottom of its valley."""
PARTS = {"early": 0, "late": 200}
"""Steps after which two copies part: at the start, where y < 0, or once y > 0 and one side of the ridge is taken."""
PAIRS = 64


def landscape(point: Tensor) -> Tensor:
    """Return f at points (..., 2): (...)."""
    x, y = point.unbind(-1)
    return (x.square() - y.tanh()).square() + 0.05 * (y - 3).square()


def slope(point: Tensor) -> Tensor:
    """Return the gradient of f at points (..., 2)."""
    x, y = point.unbind(-1)
    gap = x.square() - y.tanh()
    return torch.stack([4 * gap * x, -2 * gap * (1 - y.tanh().square()) + 0.1 * (y - 3)], -1)


@dataclass(frozen=True)
class Descents:
    """Pairs of noisy descents that share their noise until they part.

    Attributes:
        tracks: (steps + 1, pairs, 2 copies, 2 coordinates).
        part: The step at which the two copies of each pair part.
    """

    tracks: Tensor
    part: int

    @property
    def parting_points(self) -> Tensor:
        """Where the copies part: (pairs, 2)."""
        return self.tracks[self.part, :, 0]

    @property
    def barriers(self) -> Tensor:
        """The barrier on the straight line between the two copies of each pair: (pairs,)."""
        end_1, end_2 = self.tracks[-1].unbind(1)  # (pairs, 2)
        alpha = torch.linspace(0, 1, POINTS, dtype=end_1.dtype)[:, None, None]
        losses = landscape(alpha * end_1 + (1 - alpha) * end_2)  # (points, pairs)
        return torch.stack([barrier(line) for line in losses.unbind(1)])


def descend_pairs(parting: str, seed: int) -> Descents:
    """Let `PAIRS` pairs of copies descend in double precision.

    Args:
        parting: `early` or `late`, one of `PARTS`.
        seed: Of the noise.
    """
    generator = torch.Generator().manual_seed(seed)
    noise = NOISE * torch.randn(STEPS, PAIRS, 2, 2, dtype=torch.float64, generator=generator)
    part = PARTS[parting]
    noise[:part, :, 1] = noise[:part, :, 0]
    noise[-SETTLED:] = 0
    point = torch.tensor(START, dtype=torch.float64).expand(PAIRS, 2, 2)
    tracks = [point]
    for step in range(STEPS):
        point = point - LR * (slope(point) + noise[step])
        tracks.append(point)
    return Descents(torch.stack(tracks), part)
