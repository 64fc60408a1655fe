"""3-D Gaussians and how they are drawn: projected, sorted by depth, blended front to back over white. In plain PyTorch, every Gaussian at every pixel.

The world is the input camera's: it stands at (0, 0, -DISTANCE) and looks along z, with x to the right and y down. Another camera is the rotation R whose
columns are its own axes; it looks at the origin from the same distance.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from .setting import DISTANCE, focal

BLUR = 0.3
"""Added to the variance of a projected Gaussian along both axes, in square pixels."""
MOST_OPAQUE = 0.99
BACKGROUND = 1.0
AT_ONCE = 2**24
"""Gaussians times pixels that are blended at a time."""

SH_0, SH_1 = 0.28209479177387814, 0.4886025119029199
SH_2 = (1.0925484305920792, -1.0925484305920792, 0.31539156525252005, -1.0925484305920792, 0.5462742152960396)
SH_3 = (
    -0.5900435899266435,
    2.890611442640554,
    -0.4570457994644658,
    0.3731763325901154,
    -0.4570457994644658,
    1.445305721320277,
    -0.5900435899266435,
)
"""Factors of the real spherical harmonics, in the order and with the signs of Gaussian splatting."""


class Gaussians(NamedTuple):
    """What is drawn.

    Attributes:
        xyz: Centres (B, N, 3).
        scale: Extents along their own axes (B, N, 3).
        rotation: Unit quaternions (B, N, 4), real part first.
        opacity: (B, N, 1).
        sh: Coefficients of the colour (B, N, harmonics, 3).
    """

    xyz: Tensor
    scale: Tensor
    rotation: Tensor
    opacity: Tensor
    sh: Tensor


def rotation_matrix(q: Tensor) -> Tensor:
    """(..., 4) unit quaternions, real part first -> (..., 3, 3)."""
    w, x, y, z = q.unbind(-1)
    rows = (
        (1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
        (2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
        (2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
    )
    return torch.stack([torch.stack(row, -1) for row in rows], -2)


def seen_from(points: Tensor, R: Tensor) -> Tensor:
    """Return points (B, N, 3) in the axes of cameras R (B, 3, 3), depth last."""
    x, y, z = (points @ R).unbind(-1)
    return torch.stack((x, y, z + DISTANCE), -1)


def to_pixels(seen: Tensor, side: int) -> Tensor:
    """Return where points in a camera's axes (B, N, 3) lie in its image, across and down in pixels: (B, N, 2)."""
    return focal(side) * seen[..., :2] / seen[..., 2:] + side / 2


def covariance(g: Gaussians, R: Tensor, side: int) -> Tensor:
    """Return the covariance of each Gaussian in the image of cameras R (B, 3, 3), to first order at its centre: (B, N, 2, 2), in square pixels."""
    x, y, z = seen_from(g.xyz, R).unbind(-1)
    f, zero = focal(side), torch.zeros_like(x)
    J = torch.stack((torch.stack((f / z, zero, -f * x / z**2), -1), torch.stack((zero, f / z, -f * y / z**2), -1)), -2)  # (B, N, 2, 3)
    A = J @ R.mT[:, None] @ (rotation_matrix(g.rotation) * g.scale[..., None, :])
    return A @ A.mT + BLUR * torch.eye(2, device=x.device, dtype=x.dtype)


def harmonics(towards: Tensor, degree: int) -> Tensor:
    """Return the basis functions of a colour at unit vectors (..., 3): (..., (degree + 1)^2)."""
    x, y, z = towards.unbind(-1)
    basis = [torch.full_like(x, SH_0)]
    if degree > 0:
        basis += [-SH_1 * y, SH_1 * z, -SH_1 * x]
    if degree > 1:
        xx, yy, zz = x * x, y * y, z * z
        basis += [c * v for c, v in zip(SH_2, (x * y, y * z, 2 * zz - xx - yy, x * z, xx - yy), strict=True)]
    if degree > 2:
        terms = (
            y * (3 * xx - yy),
            x * y * z,
            y * (4 * zz - xx - yy),
            z * (2 * zz - 3 * xx - 3 * yy),
            x * (4 * zz - xx - yy),
            z * (xx - yy),
            x * (xx - 3 * yy),
        )
        basis += [c * v for c, v in zip(SH_3, terms, strict=True)]
    return torch.stack(basis, -1)


def colours(g: Gaussians, R: Tensor) -> Tensor:
    """Return the colour of each Gaussian as cameras R (B, 3, 3) see it: (B, N, 3), not below 0."""
    if g.sh.shape[2] == 1:
        return (SH_0 * g.sh[:, :, 0] + 0.5).clamp(min=0)
    towards = F.normalize(g.xyz + DISTANCE * R[:, None, :, 2], dim=-1)
    basis = harmonics(towards, round(g.sh.shape[2] ** 0.5) - 1)
    return ((basis[..., None] * g.sh).sum(2) + 0.5).clamp(min=0)


def blending_weights(g: Gaussians, R: Tensor, side: int, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return what each Gaussian adds to each pixel.

    Args:
        g: The Gaussians.
        R: One camera for each of the batch (B, 3, 3).
        side: Of the whole image.
        pixels: Places (P, 2), across and down.

    Returns:
        Weights (B, P, N), nearest Gaussian first, the order (B, N) in which they stand, and what is left for the background (B, P).
    """
    seen = seen_from(g.xyz, R)
    order = seen[..., 2].argsort(1)
    centre = to_pixels(seen, side) - side / 2
    cov = covariance(g, R, side)
    a, b, c = cov[..., 0, 0], cov[..., 0, 1], cov[..., 1, 1]
    determinant = a * c - b * b
    A, Bxy, C = c / determinant, -b / determinant, a / determinant  # the inverse
    x, y = centre.unbind(-1)
    form = torch.stack(
        (-A / 2, -Bxy, -C / 2, A * x + Bxy * y, Bxy * x + C * y, -(A * x * x + 2 * Bxy * x * y + C * y * y) / 2), 1
    )  # (B, 6, N): the exponent as a polynomial of the pixel's place
    form = form.gather(2, order[:, None].expand(-1, 6, -1))
    opacity = g.opacity[..., 0].gather(1, order)
    px, py = (pixels - side / 2).unbind(-1)
    terms = torch.stack((px * px, px * py, py * py, px, py, torch.ones_like(px)), -1)  # (P, 6)
    alpha = (opacity[:, None] * (terms @ form).clamp(max=0).exp()).clamp(max=MOST_OPAQUE)  # (B, P, N)
    through = torch.log1p(-alpha)
    reached = through.cumsum(-1)
    return alpha * (reached - through).exp(), order, reached[..., -1].exp()


def pixel_centres(side: int, like: Tensor) -> Tensor:
    """Return the middles of all pixels of an image, row by row: (side^2, 2), across and down."""
    at = torch.arange(side, device=like.device, dtype=like.dtype) + 0.5
    return torch.stack((at.repeat(side), at.repeat_interleave(side)), -1)


def splat(g: Gaussians, R: Tensor, side: int) -> Tensor:
    """Draw Gaussians as cameras see them.

    Args:
        g: Of a batch of B.
        R: Cameras (B, V, 3, 3).
        side: Of a view, in pixels.

    Returns:
        Colour and opacity (B, V, 4, side, side).
    """
    V = R.shape[1]
    many, one = Gaussians(*(part.repeat_interleave(V, 0) for part in g)), R.flatten(0, 1)
    tint = colours(many, one)
    drawn = []
    for pixels in pixel_centres(side, g.xyz).split(max(1, AT_ONCE // g.xyz.shape[1])):
        weights, order, left = blending_weights(many, one, side, pixels)
        colour = weights @ tint.gather(1, order[..., None].expand(-1, -1, 3)) + BACKGROUND * left[..., None]
        drawn.append(torch.cat((colour, 1 - left[..., None]), -1))
    return torch.cat(drawn, 1).mT.unflatten(-1, (side, side)).unflatten(0, (-1, V))
