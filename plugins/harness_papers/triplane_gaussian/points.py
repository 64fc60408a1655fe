"""From an image to points on the surface: learnt tokens look at the image and become coarse points, which are split twice."""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor, nn

from .image_tokens import ImageTokens, as_map
from .setting import Shape
from .splatting import seen_from, to_pixels
from .transformer import Stack


def mlp(*widths: int) -> nn.Sequential:
    """Return linear layers with a ReLU between each two."""
    layers: list[nn.Module] = []
    for before, after in itertools.pairwise(widths):
        layers += [nn.Linear(before, after), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def visible(points: Tensor, shape: Shape) -> tuple[Tensor, Tensor]:
    """Find the pixels of the input image at which points are seen.

    A point hides what lies behind it in its own pixel and in those up to `footprint` away; `slack` says how much farther away a point may be than the
    nearest and still be seen.

    Args:
        points: (B, N, 3).
        shape: Dimensions.

    Returns:
        The pixel of each point, row by row (B, N), and whether it is seen there (B, N).
    """
    side = shape.image
    seen = seen_from(points, torch.eye(3, device=points.device, dtype=points.dtype).expand(len(points), -1, -1))
    column, row = to_pixels(seen, side).floor().long().unbind(-1)
    inside = (column >= 0) & (column < side) & (row >= 0) & (row < side)
    depth = torch.where(inside, seen[..., 2], math.inf)
    reach = torch.arange(-shape.footprint, shape.footprint + 1, device=points.device)
    near_row = (row[..., None, None] + reach[:, None]).clamp(0, side - 1)
    near_column = (column[..., None, None] + reach).clamp(0, side - 1)
    cells = (near_row * side + near_column).flatten(1)  # (B, N k^2)
    nearest = depth.new_full((len(points), side * side), math.inf)
    nearest = nearest.scatter_reduce(1, cells, depth.repeat_interleave(len(reach) ** 2, 1), "amin")
    pixel = row.clamp(0, side - 1) * side + column.clamp(0, side - 1)
    return pixel, inside & (depth <= nearest.gather(1, pixel) + shape.slack)


def project(points: Tensor, maps: Tensor, shape: Shape) -> Tensor:
    """Return what each point (B, N, 3) takes from maps of the input image (B, C, image, image): (B, N, C), zeros where it is hidden."""
    pixel, seen = visible(points.detach(), shape)
    taken = maps.flatten(2).gather(2, pixel[:, None].expand(-1, maps.shape[1], -1))
    return (taken * seen[:, None]).mT


def neighbours_of(points: Tensor, k: int) -> Tensor:
    """Return the k nearest points of each, itself among them: (B, N, 3) -> (B, N, k)."""
    return torch.cdist(points, points).topk(min(k, points.shape[1]), largest=False).indices


def group(x: Tensor, index: Tensor) -> Tensor:
    """Return the rows of x (B, N, C) that index (B, N, k) names, channels first: (B, C, N, k)."""
    rows = x.mT.gather(2, index.flatten(1)[:, None].expand(-1, x.shape[2], -1))
    return rows.unflatten(2, index.shape[1:])


class SkipTransformer(nn.Module):
    """Attention of each point to those around it, with a weight for each channel, made from the difference of features and places."""

    def __init__(self, width: int, neighbours: int) -> None:
        super().__init__()
        half = width // 2
        self.k = neighbours
        self.hidden, self.shown, self.short = nn.Linear(2 * width, width), nn.Linear(width, width), nn.Linear(2 * width, width)
        self.to_key, self.to_query, self.to_value = (nn.Linear(width, half) for _ in range(3))
        self.place = nn.Sequential(nn.Conv2d(3, half, 1), nn.BatchNorm2d(half), nn.ReLU(), nn.Conv2d(half, half, 1))
        self.weigh = nn.Sequential(nn.Conv2d(half, 4 * half, 1), nn.BatchNorm2d(4 * half), nn.ReLU(), nn.Conv2d(4 * half, half, 1))
        self.out = nn.Linear(half, width)

    def forward(self, points: Tensor, key: Tensor, query: Tensor) -> Tensor:
        """(B, N, 3), (B, N, width), (B, N, width) -> (B, N, width)."""
        both = torch.cat((key, query), -1)
        value = self.shown(self.hidden(both).relu()) + self.short(both)
        index = neighbours_of(points.detach(), self.k)
        place = self.place(points.mT[..., None] - group(points, index))  # (B, width / 2, N, k)
        weights = self.weigh(self.to_query(query).mT[..., None] - group(self.to_key(key), index) + place).softmax(-1)
        return value + self.out((weights * (self.to_value(value).mT[..., None] + place)).sum(-1).mT)


class Splitting(nn.Module):
    """Splits each point into `factor`, each moved by a vector between -1 and 1 along each axis (after Snowflake point deconvolution)."""

    def __init__(self, factor: int, width: int, neighbours: int) -> None:
        super().__init__()
        half, quarter = width // 2, width // 4
        self.factor = factor
        self.place = mlp(3, half, width)
        self.query = mlp(3 * width, 2 * width, width)
        self.look = SkipTransformer(width, neighbours)
        self.narrow = mlp(width, half, quarter)
        self.bear = nn.Linear(quarter, factor * width, bias=False)  # a matrix for each child
        self.hidden, self.shown, self.short = nn.Linear(2 * width, width), nn.Linear(width, width), nn.Linear(2 * width, width)
        self.move = mlp(width, half, 3)

    def forward(self, points: Tensor, seen: Tensor, before: Tensor | None) -> tuple[Tensor, Tensor]:
        """Split points.

        Args:
            points: (B, N, 3).
            seen: What each takes from the image (B, N, width).
            before: Features from the block before (B, N, width), if there is one.

        Returns:
            Points (B, factor N, 3), children side by side, and their features (B, factor N, width).
        """
        place = self.place(points)
        query = self.query(torch.cat((place, place.amax(1, keepdim=True).expand_as(place), seen), -1))
        H = self.look(points, query if before is None else before, query)
        children = self.bear(self.narrow(H)).unflatten(-1, (self.factor, -1)).flatten(1, 2)
        both = torch.cat((children, H.repeat_interleave(self.factor, 1)), -1)
        features = self.shown(self.hidden(both).relu()) + self.short(both)
        return points.repeat_interleave(self.factor, 1) + self.move(features.relu()).tanh(), features


class PointDecoder(nn.Module):
    """The first of the two transformers, with an image encoder of its own."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.image_tokens = ImageTokens(shape)
        self.tokens = nn.Parameter(torch.randn(shape.tokens, shape.d))
        self.stack = Stack(shape.d, shape.heads, shape.layers, shape.d_image)
        self.place = nn.Linear(shape.d, 3)
        nn.init.zeros_(self.place.weight)
        nn.init.zeros_(self.place.bias)
        self.condition = mlp(shape.d_image, 2 * shape.split, shape.split)
        self.splitting = nn.ModuleList([Splitting(factor, shape.split, shape.neighbours) for factor in shape.up])

    def forward(self, image: Tensor) -> list[Tensor]:
        """(B, 3, image, image) -> the coarse points (B, tokens, 3), then those after each splitting."""
        seen = self.image_tokens(image)
        points = [self.place(self.stack(self.tokens.expand(len(image), -1, -1), seen))]
        features, looks = None, as_map(self.condition(seen), self.shape.image)
        for split in self.splitting:
            moved, features = split(points[-1], project(points[-1], looks, self.shape), features)
            points.append(moved)
        return points
