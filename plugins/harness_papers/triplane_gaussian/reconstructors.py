"""The method and its baselines. Each is called with an image, its mask and cameras, and answers with views.

    views = model(image, silhouette, R)   # (B, 3, S, S), (B, 2, S, S), (B, V, 3, 3) -> (B, V, 4, view, view)

The silhouette is the mask and every pixel's distance from it; a view is colour over white, and opacity. `represent` does what the image is needed for,
`render` the rest.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from .image_tokens import ImageTokens, as_map
from .points import PointDecoder, mlp, project
from .setting import DISTANCE, RADIUS, Shape, focal
from .splatting import BACKGROUND, Gaussians, pixel_centres, splat
from .transformer import Stack
from .triplane import GaussianDecoder, Planes, PointEncoder, Radiance, activated, read_planes, start_biases

SAMPLES_AT_ONCE = 2**20
"""Points along rays that are looked at at a time."""
DENSITY = 10
"""What the network's density is multiplied by, so that 1 stops most of the light within the width of an object."""
SOLID = 0.9
"""Opacity of `points_only`'s points."""


class Reconstructor(nn.Module):
    """What all variants share.

    Attributes:
        points: The point decoder, which is trained first; None where there is none.
    """

    def __init__(self, shape: Shape, points: PointDecoder | None = None) -> None:
        super().__init__()
        self.shape = shape
        self.points = points

    def placed(self, image: Tensor) -> list[Tensor]:
        """Return the points that the first stage of training moves to the surface, (B, N, 3) each; none where there are none."""
        return [] if self.points is None else self.points(image)

    def fixed(self, image: Tensor) -> Tensor:
        """Return the points as the first stage has made them (B, N, 3); the second does not train them."""
        with torch.no_grad():
            return self.placed(image)[-1]

    def represent(self, image: Tensor, silhouette: Tensor) -> Any:
        """Return the object that is rendered."""
        raise NotImplementedError

    def render(self, represented: Any, R: Tensor, side: int) -> Tensor:
        """Draw Gaussians from cameras R (B, V, 3, 3): (B, V, 4, side, side)."""
        return splat(represented, R, side)

    def forward(self, image: Tensor, silhouette: Tensor, R: Tensor) -> Tensor:
        """From one image to views."""
        return self.render(self.represent(image, silhouette), R, self.shape.view)


class TriplaneGaussian(Reconstructor):
    """The paper's: points from the first transformer, planes from the second, a Gaussian at each point.

    Args:
        shape: Dimensions.
        projects: Whether points take colour, features and silhouette from the pixel at which they are seen.
    """

    def __init__(self, shape: Shape, projects: bool = True) -> None:
        super().__init__(shape, PointDecoder(shape))
        taken = shape.projected if projects else 0
        self.projects = projects
        self.image_tokens = ImageTokens(shape)
        self.encoder = PointEncoder(shape, taken)
        self.planes = Planes(shape)
        self.decoder = GaussianDecoder(shape, 3 * shape.channels + taken)

    def represent(self, image: Tensor, silhouette: Tensor) -> Gaussians:
        """Return a Gaussian for each point."""
        points = self.fixed(image)
        tokens = self.image_tokens(image)
        taken = points[..., :0]
        if self.projects:
            taken = project(points, torch.cat((image, as_map(tokens, self.shape.image), silhouette), 1), self.shape)
        planes = self.planes(tokens, self.encoder(points, taken))
        return self.decoder(points, torch.cat((read_planes(planes, points), taken), -1))


class PointsOnly(Reconstructor):
    """The same points as balls of one size and opacity, coloured by what they take from the image."""

    def __init__(self, shape: Shape) -> None:
        super().__init__(shape, PointDecoder(shape))
        self.image_tokens = ImageTokens(shape)
        self.colour = mlp(3 + shape.projected, shape.hidden, shape.hidden, 3)

    def represent(self, image: Tensor, silhouette: Tensor) -> Gaussians:
        """Return a ball for each point."""
        points = self.fixed(image)
        maps = torch.cat((image, as_map(self.image_tokens(image), self.shape.image), silhouette), 1)
        colour = self.colour(torch.cat((points, project(points, maps, self.shape)), -1))
        scale = torch.full_like(points, math.exp(self.shape.log_scale))
        upright = torch.eye(4, device=points.device, dtype=points.dtype)[0].expand(*points.shape[:2], 4)
        return Gaussians(points, scale, upright, torch.full_like(points[..., :1], SOLID), colour[:, :, None])


class DirectGaussians(Reconstructor):
    """Tokens that look at the image, and one linear layer from each to all the parameters of its Gaussians; no planes.

    The image encoder is as deep as the subject's two together, the transformer two layers deeper: so it has about as many parameters.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__(shape)
        self.each = math.prod(shape.up)
        self.image_tokens = ImageTokens(shape, 2 * shape.image_layers)
        self.tokens = nn.Parameter(torch.randn(shape.tokens, shape.d))
        self.stack = Stack(shape.d, shape.heads, 2 * shape.layers + 2, shape.d_image)
        self.sizes = (3, 3, 4, 1, 3 * shape.harmonics)
        self.regress = nn.Linear(shape.d, self.each * sum(self.sizes))
        with torch.no_grad():
            parts = [part.split(self.sizes) for part in self.regress.bias.view(self.each, -1)]
        for _, scale, rotation, opacity, sh in parts:
            start_biases(scale, rotation, opacity, shape.log_scale)
            nn.init.zeros_(sh)

    def represent(self, image: Tensor, silhouette: Tensor) -> Gaussians:
        """Return the Gaussians of every token; the silhouette is not looked at."""
        return self.regressed(image)

    def regressed(self, image: Tensor) -> Gaussians:
        """(B, 3, S, S) -> Gaussians."""
        tokens = self.stack(self.tokens.expand(len(image), -1, -1), self.image_tokens(image))
        raw = self.regress(tokens).unflatten(-1, (self.each, -1)).flatten(1, 2)
        xyz, scale, rotation, opacity, sh = raw.split(self.sizes, -1)
        return activated(RADIUS * xyz.tanh(), scale, rotation, opacity, sh)

    def placed(self, image: Tensor) -> list[Tensor]:
        """The centres; they get the first stage's training too."""
        return [self.regressed(image).xyz]


class TriplaneRadiance(Reconstructor):
    """Planes alone, drawn by volume rendering: density and colour at many points along each ray.

    The image encoder is as deep as the subject's two together, the transformer two layers deeper: so it has about as many parameters.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__(shape)
        self.image_tokens = ImageTokens(shape, 2 * shape.image_layers)
        self.planes = Planes(shape, 2 * shape.layers + 2)
        self.radiance = Radiance(shape)

    def represent(self, image: Tensor, silhouette: Tensor) -> Tensor:
        """Return the planes (B, 3, channels, 2 plane, 2 plane)."""
        return self.planes(self.image_tokens(image))

    def render(self, represented: Tensor, R: Tensor, side: int) -> Tensor:
        """Draw views from cameras R (B, V, 3, 3): (B, V, 4, side, side)."""
        pixels = pixel_centres(side, R)
        drawn = [self.rays(represented, R, part, side) for part in pixels.split(max(1, SAMPLES_AT_ONCE // self.shape.samples))]
        return torch.cat(drawn, 2).mT.unflatten(-1, (side, side))

    def rays(self, planes: Tensor, R: Tensor, pixels: Tensor, side: int) -> Tensor:
        """Draw pixels (P, 2) of views of `side` pixels a side: (B, V, P, 4), colour over white and opacity."""
        ahead = torch.cat(((pixels - side / 2) / focal(side), torch.ones_like(pixels[:, :1])), 1)
        towards = (ahead / ahead.norm(dim=1, keepdim=True)) @ R.mT  # (B, V, P, 3)
        half = math.sqrt(2) * RADIUS
        at = (torch.arange(self.shape.samples, device=R.device, dtype=R.dtype) + 0.5) / self.shape.samples
        t = DISTANCE - half + 2 * half * at  # (S,)
        places = -DISTANCE * R[:, :, None, None, :, 2] + t[:, None] * towards[:, :, :, None]  # (B, V, P, S, 3)
        density, colour = self.radiance(read_planes(planes, places.flatten(1, 3)))
        shape = places.shape[1:4]
        outside = (places.abs() > RADIUS).any(-1)
        thickness = density.unflatten(1, shape).masked_fill(outside, 0) * (DENSITY * 2 * half / self.shape.samples)
        reached = thickness.cumsum(-1)
        weights = (1 - (-thickness).exp()) * (thickness - reached).exp()
        left = (-reached[..., -1:]).exp()
        return torch.cat(((weights[..., None] * colour.unflatten(1, shape)).sum(-2) + BACKGROUND * left, 1 - left), -1)


def build(variant: str, shape: Shape) -> Reconstructor:
    """Return a variant of the card."""
    match variant:
        case "tgs":
            return TriplaneGaussian(shape)
        case "no_projection":
            return TriplaneGaussian(shape, projects=False)
        case "points_only":
            return PointsOnly(shape)
        case "direct_gs":
            return DirectGaussians(shape)
        case "triplane_nerf":
            return TriplaneRadiance(shape)
    raise ValueError(variant)
