"""The elastic deformation of training images, after Simard et al. (2003)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

SIGMA, ALPHA, SIZE = 4.0, 20.0, 28
"""Width of the smoothing in pixels and strength of the displacement in the authors' script, for images of 28x28."""


class ElasticDeformation:
    """Moves each pixel by two smoothed fields of uniform noise, drawn anew for each image.

    A smooth value is an average over about sigma^2 pixels of noise, so the displacement falls as sigma grows. With sigma proportional to the
    image's size and alpha to its square, the strokes of a small image move by the same share of its width as those of a large one.
    """

    def __init__(self, size: int, generator: torch.Generator) -> None:
        scale = size / SIZE
        self.alpha = ALPHA * scale**2
        self.smoothing = gaussian_matrix(size, SIGMA * scale)
        self.places = torch.arange(size, dtype=torch.float32)
        self.generator = generator

    def fields(self, count: int) -> Tensor:
        """Return displacements in pixels, down and across: (count, 2, size, size)."""
        size = len(self.places)
        noise = 2 * torch.rand(count, 2, size, size, generator=self.generator) - 1
        return self.alpha * self.smoothing @ noise @ self.smoothing.T

    def __call__(self, x: Tensor) -> Tensor:
        """Deform images (B, 1, size, size); what comes in from outside is black."""
        down, across = self.fields(len(x)).unbind(1)
        source = torch.stack([self.places + across, self.places[:, None] + down], -1)  # (B, size, size, 2), in pixels
        return F.grid_sample(x, 2 * source / (len(self.places) - 1) - 1, align_corners=True)


def gaussian_matrix(size: int, sigma: float) -> Tensor:
    """Return G (size, size), so that G @ image @ G.T is the image smoothed by a Gaussian cut off at 4 sigma, with zeros around it."""
    reach = int(4 * sigma + 0.5)
    whole = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / sigma) ** 2).sum()
    offset = torch.arange(size) - torch.arange(size)[:, None]
    return torch.where(offset.abs() <= reach, torch.exp(-0.5 * (offset / sigma) ** 2) / whole, 0)
