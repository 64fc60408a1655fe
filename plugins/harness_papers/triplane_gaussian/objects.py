"""Generated objects: two to five coloured spheres, boxes, cylinders and tori, found along rays by sphere tracing and lit from one side.

Each object has a random stream of its own, so that a longer split begins with the objects of a shorter one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from scipy.ndimage import distance_transform_edt
from torch import Tensor

from .setting import DISTANCE, focal

KINDS = ("sphere", "box", "cylinder", "torus")
FEWEST, MOST = 2, 5
SPREAD = 0.22
"""How far from the middle a primitive may be, along each axis."""
REACH = 0.62
"""Nothing that is drawn here lies farther from the middle, where rays begin; a box in the corner could, by 0.11."""
STEPS, NEAR = 28, 2e-3
LIGHT = np.array([0.4, -0.7, -0.6]) / math.sqrt(0.4**2 + 0.7**2 + 0.6**2)
"""Where the light comes from, in the world of an object."""
AMBIENT = 0.35
STEEPEST = math.radians(60)
"""Greatest elevation of a camera."""


class Objects(NamedTuple):
    """Views of objects.

    Attributes:
        images: Over white (N, V, 3, S, S).
        silhouettes: The mask and each pixel's distance from it, in halves of the image, at most 1: (N, V, 2, S, S).
        R: Cameras, their axes in the columns (N, V, 3, 3).
        surface: Points spread evenly over the surface (N, P, 3).
    """

    images: Tensor
    silhouettes: Tensor
    R: Tensor
    surface: Tensor


@dataclass(frozen=True)
class Primitive:
    """A solid.

    Attributes:
        kind: Of `KINDS`.
        middle: (3,).
        axes: Its own axes in the columns (3, 3).
        size: Half sides of a box; radius of a sphere; radius and half height of a cylinder; the two radii of a torus.
        colour: (3,).
    """

    kind: str
    middle: np.ndarray
    axes: np.ndarray
    size: np.ndarray
    colour: np.ndarray

    def distance(self, points: np.ndarray) -> np.ndarray:
        """Return the signed distance of points (M, 3): (M,)."""
        p = (points - self.middle) @ self.axes
        s = self.size
        match self.kind:
            case "sphere":
                return np.linalg.norm(p, axis=1) - s[0]
            case "torus":
                return np.hypot(np.hypot(p[:, 0], p[:, 2]) - s[0], p[:, 1]) - s[1]
        q = np.abs(p) - s if self.kind == "box" else np.stack((np.hypot(p[:, 0], p[:, 2]) - s[0], np.abs(p[:, 1]) - s[1]), 1)
        return np.linalg.norm(np.maximum(q, 0), axis=1) + np.minimum(q.max(1), 0)

    @property
    def area(self) -> float:
        """Of the surface."""
        s = self.size
        match self.kind:
            case "sphere":
                return 4 * math.pi * s[0] ** 2
            case "torus":
                return 4 * math.pi**2 * s[0] * s[1]
            case "box":
                return 8 * (s[0] * s[1] + s[1] * s[2] + s[2] * s[0])
        return 4 * math.pi * s[0] * s[1] + 2 * math.pi * s[0] ** 2

    def surface(self, count: int, random: np.random.Generator) -> np.ndarray:
        """Return points spread evenly over the surface: (count, 3)."""
        s, angle = self.size, random.uniform(0, 2 * math.pi, count)
        match self.kind:
            case "sphere":
                p = random.normal(size=(count, 3))
                p *= s[0] / np.linalg.norm(p, axis=1, keepdims=True)
            case "torus":
                tilt = random.uniform(0, 2 * math.pi, 8 * count)  # the outer side is longer than the inner: keep by circumference
                kept = random.uniform(0, s[0] + s[1], 8 * count) < s[0] + s[1] * np.cos(tilt)
                tilt = tilt[kept][:count]
                ring = s[0] + s[1] * np.cos(tilt)
                p = np.stack((ring * np.cos(angle), s[1] * np.sin(tilt), ring * np.sin(angle)), 1)
            case "box":
                areas = np.array([s[1] * s[2], s[2] * s[0], s[0] * s[1]])
                p = random.uniform(-1, 1, (count, 3)) * s
                face = random.choice(3, count, p=areas / areas.sum())
                p[np.arange(count), face] = s[face] * random.choice((-1, 1), count)
            case _:
                side = random.uniform(size=count) < 2 * s[1] / (2 * s[1] + s[0])
                ring = np.where(side, s[0], s[0] * np.sqrt(random.uniform(size=count)))
                height = np.where(side, random.uniform(-s[1], s[1], count), s[1] * random.choice((-1, 1), count))
                p = np.stack((ring * np.cos(angle), height, ring * np.sin(angle)), 1)
        return p @ self.axes.T + self.middle


def make_object(random: np.random.Generator) -> list[Primitive]:
    """Draw an object."""
    parts = []
    for _ in range(int(random.integers(FEWEST, MOST + 1))):
        kind = KINDS[random.integers(len(KINDS))]
        size = random.uniform(0.10, 0.20, 3)
        if kind == "torus":
            size[1] = random.uniform(0.04, 0.08)
        axes = np.linalg.qr(random.normal(size=(3, 3)))[0]
        parts.append(Primitive(kind, random.uniform(-SPREAD, SPREAD, 3), axes, size, random.uniform(0.1, 0.95, 3)))
    return parts


def distances(parts: list[Primitive], points: np.ndarray) -> np.ndarray:
    """Return the signed distance of points (M, 3) to each primitive: (M, parts)."""
    return np.stack([part.distance(points) for part in parts], 1)


def camera(azimuth: float, elevation: float) -> np.ndarray:
    """Return a camera's axes in the columns: turned about the vertical, after it was raised."""
    a, e = (np.array((math.cos(x), math.sin(x))) for x in (azimuth, elevation))
    turned = np.array([[a[0], 0, a[1]], [0, 1, 0], [-a[1], 0, a[0]]])
    return turned @ np.array([[1, 0, 0], [0, e[0], -e[1]], [0, e[1], e[0]]])


def photograph(parts: list[Primitive], R: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the picture of an object over white (side^2, 3), and where it is (side^2,)."""
    at = (np.arange(side) + 0.5 - side / 2) / focal(side)
    ahead = np.stack((np.tile(at, side), at.repeat(side), np.ones(side * side)), 1)
    towards = ahead / np.linalg.norm(ahead, axis=1, keepdims=True) @ R.T
    places, alive = towards * (DISTANCE - REACH) - DISTANCE * R[:, 2], np.arange(side * side)
    hit = np.zeros(side * side, bool)
    for _ in range(STEPS):
        away = distances(parts, places[alive]).min(1)
        hit[alive[away < NEAR]] = True
        places[alive] += towards[alive] * away[:, None]
        going = (away >= NEAR) & ((places[alive] ** 2).sum(1) < DISTANCE**2)
        alive = alive[going]
    picture = np.ones((side * side, 3))
    if hit.any():
        picture[hit] = lit(parts, places[hit])
    return picture, hit


def lit(parts: list[Primitive], points: np.ndarray) -> np.ndarray:
    """Return the colour of points on the surface (M, 3), matt and lit from one side: (M, 3)."""
    each = distances(parts, points)
    ahead = np.stack([distances(parts, points + 1e-3 * axis).min(1) for axis in np.eye(3)], 1)
    normal = ahead - each.min(1, keepdims=True)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True) + 1e-12
    shade = AMBIENT + (1 - AMBIENT) * np.maximum(normal @ LIGHT, 0)
    return shade[:, None] * np.stack([part.colour for part in parts])[each.argmin(1)]


def surface_points(parts: list[Primitive], count: int, random: np.random.Generator) -> np.ndarray:
    """Return points spread evenly over what can be touched of an object: (count, 3)."""
    areas = np.array([part.area for part in parts])
    drawn = random.multinomial(8 * count, areas / areas.sum())
    points = np.concatenate([part.surface(n, random) for part, n in zip(parts, drawn, strict=True)])
    outside = points[distances(parts, points).min(1) > -1e-6]
    return outside[random.integers(len(outside), size=count)]


def silhouette(mask: np.ndarray) -> np.ndarray:
    """Return a mask (S, S) and each pixel's distance from it, in halves of the image, at most 1: (2, S, S)."""
    away = distance_transform_edt(~mask) if mask.any() else np.full(mask.shape, np.inf)
    return np.stack((mask, np.minimum(away / (len(mask) / 2), 1)))


@cache
def objects(split: str, count: int, views: int, side: int, points: int) -> Objects:
    """Return objects of a split, each seen from `views` cameras."""
    made = [_object(np.random.default_rng((split == "test", i)), views, side, points) for i in range(count)]
    return Objects(*(torch.from_numpy(np.stack(part)).float() for part in zip(*made, strict=True)))


def _object(random: np.random.Generator, views: int, side: int, points: int) -> tuple[np.ndarray, ...]:
    parts = make_object(random)
    surface = surface_points(parts, points, random)
    cameras = [camera(random.uniform(0, 2 * math.pi), random.uniform(-STEEPEST, STEEPEST)) for _ in range(views)]
    pictures, masks = zip(*(photograph(parts, R, side) for R in cameras), strict=True)
    images = np.stack([picture.T.reshape(3, side, side) for picture in pictures])
    return images, np.stack([silhouette(mask.reshape(side, side)) for mask in masks]), np.stack(cameras), surface
