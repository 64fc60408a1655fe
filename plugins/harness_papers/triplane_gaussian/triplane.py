"""Three planes of features that know where the points are, and the networks that read them."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .points import mlp
from .setting import RADIUS, Shape
from .splatting import Gaussians
from .transformer import Stack

PLANES = ((0, 1), (0, 2), (1, 2))
"""The axes of the planes xy, xz and yz, across first."""
LARGEST = 0.2
"""The greatest extent of a Gaussian."""
OPACITY = 0.1
"""Of every Gaussian at the start."""
FAINT = 3
"""Taken off what becomes a density, so that space starts half transparent and rays learn beyond the first surface."""
EDGE = 1e-6
"""How far inside the cube a point counts as lying."""


def cells_of(points: Tensor, cells: int) -> Tensor:
    """Return in which cell of each plane points (B, N, 3) lie, row by row: (B, 3, N)."""
    at = ((points.clamp(-RADIUS + EDGE, RADIUS - EDGE) / RADIUS + 1) / 2 * cells).long()
    return torch.stack([at[..., down] * cells + at[..., across] for across, down in PLANES], 1)


def scatter(x: Tensor, cell: Tensor, cells: int, how: str) -> Tensor:
    """Reduce the rows of x (B, N, C) that fall into one cell (B, N), by `amax` or `mean`: (B, cells^2, C), zeros where none does."""
    index = cell[..., None].expand(-1, -1, x.shape[2])
    return x.new_zeros(len(x), cells**2, x.shape[2]).scatter_reduce(1, index, x, how, include_self=False)


class ResidualBlock(nn.Module):
    """Two linear layers behind ReLUs and a linear shortcut; at first the shortcut alone."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.first, self.second, self.short = nn.Linear(before, after), nn.Linear(after, after), nn.Linear(before, after, bias=False)
        nn.init.zeros_(self.second.weight)

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, before) -> (B, N, after)."""
        return self.short(x) + self.second(self.first(x.relu()).relu())


class PointEncoder(nn.Module):
    """A PointNet whose points hear, between blocks, the maximum over their cell of each plane; in the end the mean over each cell is kept.

    Args:
        shape: Dimensions.
        taken: Numbers that each point takes from the image.
    """

    BLOCKS = 5

    def __init__(self, shape: Shape, taken: int) -> None:
        super().__init__()
        self.cells = shape.plane
        self.enter = nn.Linear(3 + taken, 2 * shape.hidden)
        self.blocks = nn.ModuleList([ResidualBlock(2 * shape.hidden, shape.hidden) for _ in range(self.BLOCKS)])
        self.leave = nn.Linear(shape.hidden, shape.d)

    def pooled(self, x: Tensor, cells: Tensor) -> Tensor:
        """Return, for each point, the sum of the maxima over its three cells: (B, N, hidden) -> (B, N, hidden)."""
        found = []
        for cell in cells.unbind(1):
            most = scatter(x, cell, self.cells, "amax")
            found.append(most.gather(1, cell[..., None].expand_as(x)))
        return torch.stack(found).sum(0)

    def forward(self, points: Tensor, taken: Tensor) -> Tensor:
        """(B, N, 3), (B, N, taken) -> tokens of the three planes (B, 3 plane^2, d)."""
        cells = cells_of(points, self.cells)
        x = self.blocks[0](self.enter(torch.cat((points, taken), -1)))
        for block in self.blocks[1:]:
            x = block(torch.cat((x, self.pooled(x, cells)), -1))
        x = self.leave(x)
        return torch.cat([scatter(x, cell, self.cells, "mean") for cell in cells.unbind(1)], 1)


class Planes(nn.Module):
    """The second transformer: learnt planes, to which what the points say is added, look at the image and are enlarged twofold.

    Args:
        shape: Dimensions.
        layers: Of the transformer; the shape's where it is None.
    """

    def __init__(self, shape: Shape, layers: int | None = None) -> None:
        super().__init__()
        self.cells = shape.plane
        self.learnt = nn.Parameter(torch.randn(3, shape.d, shape.plane, shape.plane) / math.sqrt(shape.d))
        self.stack = Stack(shape.d, shape.heads, layers or shape.layers, shape.d_image)
        self.enlarge = nn.ConvTranspose2d(shape.d, shape.channels, 2, 2)

    def forward(self, image_tokens: Tensor, said: Tensor | None = None) -> Tensor:
        """(B, T, d_image), (B, 3 plane^2, d) -> (B, 3, channels, 2 plane, 2 plane)."""
        tokens = self.learnt.flatten(2).mT.flatten(0, 1).expand(len(image_tokens), -1, -1)
        tokens = self.stack(tokens if said is None else tokens + said, image_tokens)
        planes = tokens.mT.unflatten(-1, (3, self.cells, self.cells)).transpose(1, 2).flatten(0, 1)  # (B 3, d, plane, plane)
        return self.enlarge(planes).unflatten(0, (-1, 3))


def read_planes(planes: Tensor, points: Tensor) -> Tensor:
    """Return what three planes (B, 3, C, S, S) say at points (B, N, 3), side by side: (B, N, 3 C)."""
    at = torch.stack([points[..., list(axes)] for axes in PLANES], 1) / RADIUS  # (B, 3, N, 2)
    read = F.grid_sample(planes.flatten(0, 1), at.flatten(0, 1)[:, None], align_corners=False)[:, :, 0]
    return read.unflatten(0, (-1, 3)).flatten(1, 2).mT


class GaussianDecoder(nn.Module):
    """From what a point reads to its Gaussian. The last layers start at zero: at first all Gaussians are alike.

    Args:
        shape: Dimensions.
        read: Numbers that a point reads.
    """

    def __init__(self, shape: Shape, read: int) -> None:
        super().__init__()
        hidden = shape.hidden
        self.step = 2 * RADIUS / shape.plane
        self.mlp = nn.Sequential(nn.Linear(read, hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU(), nn.Linear(hidden, hidden))
        outputs = {"xyz": 3, "scale": 3, "rotation": 4, "opacity": 1, "sh": 3 * shape.harmonics}
        heads = {name: nn.Linear(hidden, count) for name, count in outputs.items()}
        for head in heads.values():
            nn.init.zeros_(head.weight)
            nn.init.zeros_(head.bias)
        start_biases(heads["scale"].bias, heads["rotation"].bias, heads["opacity"].bias, shape.log_scale)
        self.heads = nn.ModuleDict(heads)

    def forward(self, points: Tensor, read: Tensor) -> Gaussians:
        """(B, N, 3), (B, N, read) -> Gaussians, no farther than half a cell of the planes from their points along each axis."""
        x = self.mlp(read)
        raw = {name: head(x) for name, head in self.heads.items()}
        xyz = points + (raw["xyz"].sigmoid() - 0.5) * self.step
        return activated(xyz, raw["scale"], raw["rotation"], raw["opacity"], raw["sh"])


def start_biases(scale: Tensor, rotation: Tensor, opacity: Tensor, log_scale: float) -> None:
    """Let every Gaussian start as a small faint ball, through the biases of the layers that make its parameters."""
    with torch.no_grad():
        scale.fill_(log_scale)
        rotation.copy_(torch.eye(4)[0])
        opacity.fill_(math.log(OPACITY / (1 - OPACITY)))


def activated(xyz: Tensor, scale: Tensor, rotation: Tensor, opacity: Tensor, sh: Tensor) -> Gaussians:
    """Return Gaussians of centres and raw parameters: extents by exp, at most 0.2; unit quaternions; opacities by a sigmoid."""
    return Gaussians(xyz, scale.exp().clamp(max=LARGEST), F.normalize(rotation, dim=-1), opacity.sigmoid(), sh.unflatten(-1, (-1, 3)))


class Radiance(nn.Module):
    """Volume rendering's network behind the planes: density and colour at a point."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.net = mlp(3 * shape.channels, shape.nerf, shape.nerf, 4)

    def forward(self, read: Tensor) -> tuple[Tensor, Tensor]:
        """(..., 3 channels) -> density (...,) and colour (..., 3)."""
        raw = self.net(read)
        return F.softplus(raw[..., 0] - FAINT), raw[..., 1:].sigmoid()
