"""Tokens of the input image: a vision transformer like DINOv2, whose norms the camera modulates."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .setting import DISTANCE, Shape, focal

CAMERA = 25
"""A camera-to-world matrix of 16 numbers and normalised intrinsics of 9."""
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class CameraEmbedding(nn.Sequential):
    """An MLP from the input camera to what modulates the norms: (B, 25) -> (B, d_image)."""

    def __init__(self, d_image: int) -> None:
        super().__init__(nn.Linear(CAMERA, d_image), nn.SiLU(), nn.Linear(d_image, d_image))


def input_camera(batch: int, like: Tensor) -> Tensor:
    """Return the intrinsics and the pose of the input camera, the same for every object: (B, 25)."""
    f = focal(1)
    intrinsics = torch.tensor([[f, 0, 0.5], [0, f, 0.5], [0, 0, 1]], device=like.device, dtype=like.dtype)
    pose = torch.eye(4, device=like.device, dtype=like.dtype)
    pose = torch.cat((pose[:, :3], pose.new_tensor([[0.0], [0.0], [-DISTANCE], [1.0]])), 1)
    return torch.cat((intrinsics.flatten(), pose.flatten())).expand(batch, -1)


class ModulatedNorm(nn.Module):
    """A layer norm whose result is scaled and moved by the camera; at first it is not."""

    def __init__(self, d: int) -> None:
        super().__init__()
        self.norm, self.modulate = nn.LayerNorm(d, eps=1e-6), nn.Linear(d, 2 * d)
        nn.init.zeros_(self.modulate.weight)
        nn.init.zeros_(self.modulate.bias)

    def forward(self, x: Tensor, camera: Tensor) -> Tensor:
        """(B, T, d), (B, d) -> (B, T, d)."""
        scale, shift = self.modulate(F.silu(camera))[:, None].chunk(2, -1)
        return self.norm(x) * (1 + scale) + shift


class Layer(nn.Module):
    """Self-attention and an MLP, each behind a modulated norm and in front of a learnt scale."""

    def __init__(self, d: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = ModulatedNorm(d), ModulatedNorm(d)
        self.qkv, self.out = nn.Linear(d, 3 * d), nn.Linear(d, d)
        self.mlp = nn.Sequential(nn.Linear(d, 4 * d), nn.GELU(), nn.Linear(4 * d, d))
        self.scale1, self.scale2 = nn.Parameter(torch.ones(d)), nn.Parameter(torch.ones(d))

    def forward(self, x: Tensor, camera: Tensor) -> Tensor:
        """(B, T, d), (B, d) -> (B, T, d)."""
        q, k, v = self.qkv(self.norm1(x, camera)).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)  # (B, h, T, d / h) each
        x = x + self.scale1 * self.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(-2))
        return x + self.scale2 * self.mlp(self.norm2(x, camera))


class ImageTokens(nn.Module):
    """The image encoder with its camera.

    Args:
        shape: Dimensions.
        layers: How many; the shape's where it is None.
    """

    def __init__(self, shape: Shape, layers: int | None = None) -> None:
        super().__init__()
        d = shape.d_image
        self.camera = CameraEmbedding(d)
        self.patches = nn.Conv2d(3, d, shape.patch, shape.patch)
        self.grid = shape.grid
        self.whole = nn.Parameter(0.02 * torch.randn(1, 1, d))
        self.positions = nn.Parameter(0.02 * torch.randn(1, 1 + shape.grid**2, d))
        self.layers = nn.ModuleList([Layer(d, shape.image_heads) for _ in range(layers or shape.image_layers)])
        self.norm = nn.LayerNorm(d, eps=1e-6)

    def forward(self, image: Tensor) -> Tensor:
        """(B, 3, image, image) in [0, 1] -> tokens (B, 1 + patches, d_image), that of the whole image first."""
        mean, std = (image.new_tensor(value)[:, None, None] for value in (MEAN, STD))
        x = self.patches((image - mean) / std)
        camera = self.camera(input_camera(len(image), image))
        tokens = torch.cat((self.whole.expand(len(image), -1, -1), x.flatten(2).mT), 1) + self.places(x.shape[-1])
        for layer in self.layers:
            tokens = layer(tokens, camera)
        return self.norm(tokens)

    def places(self, side: int) -> Tensor:
        """Return the learnt positions, resized to side x side patches: (1, 1 + side^2, d_image)."""
        if side == self.grid:
            return self.positions
        plane = self.positions[:, 1:].mT.unflatten(-1, (self.grid, self.grid))
        resized = F.interpolate(plane, size=(side, side), mode="bicubic", align_corners=False)
        return torch.cat((self.positions[:, :1], resized.flatten(2).mT), 1)


def as_map(tokens: Tensor, side: int) -> Tensor:
    """Return the tokens of patches as a map, enlarged bilinearly: (B, 1 + n^2, d) -> (B, d, side, side)."""
    patches = tokens[:, 1:]
    n = round(patches.shape[1] ** 0.5)
    return F.interpolate(patches.mT.unflatten(-1, (n, n)), size=(side, side), mode="bilinear", align_corners=False)
