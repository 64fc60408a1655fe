"""TransUNet and what it is compared with: an encoder of convolutions, of attention or of both, and a way back to the resolution of the image."""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .setting import CLASSES, PARTS, PLANS, STRIDE, Parts, Plan
from .stem import Stem

DROPOUT = 0.1
NORM_EPS = 1e-6
MLP_BIAS_STD = 1e-6


def build(variant: str, scale: str, size: int) -> nn.Module:
    """Return a variant at a scale, for images of `size` pixels a side: (B, 1 or 3, H, W) -> class scores (B, 9, H, W)."""
    return UNet(PLANS[scale].unet) if variant == "unet" else Segmenter(PLANS[scale], PARTS[variant], size // STRIDE)


def coloured(x: Tensor) -> Tensor:
    """Return images of three channels, those of one channel three times over, channels last: convolutions are faster so on a CPU."""
    return (x.expand(-1, 3, -1, -1) if x.shape[1] == 1 else x).contiguous(memory_format=torch.channels_last)


class Segmenter(nn.Module):
    """A stem, a transformer, or one on the other, and a decoder.

    Args:
        plan: Dimensions.
        parts: What it is made of.
        grid: Tokens a side of the images that positions are learned for.
    """

    def __init__(self, plan: Plan, parts: Parts, grid: int) -> None:
        super().__init__()
        self.stem = Stem(plan.width, plan.units) if parts.stem else None
        channels, patch = (16 * plan.width, 1) if parts.stem else (3, STRIDE)
        self.transformer = Transformer(channels, patch, grid, plan) if parts.transformer else None
        skips = [8 * plan.width, 4 * plan.width, plan.width][: parts.skips]
        encoded = plan.d if parts.transformer else channels
        self.decoder = Cascade(encoded, plan.decoder, skips) if parts.cascade else Naive(encoded)

    def forward(self, x: Tensor) -> Tensor:
        """Return class scores (B, 9, H, W) of images (B, 1 or 3, H, W) whose sides 16 divides."""
        x = coloured(x)
        x, skips = (x, []) if self.stem is None else self.stem(x)
        if self.transformer is not None:
            x = self.transformer(x)
        scores: Tensor = self.decoder(x, skips)
        return scores


class Transformer(nn.Module):
    """Tokens with learned positions, pre-norm blocks, and a last norm: (B, C_in, H, W) -> (B, d, h, w).

    Args:
        C_in: Channels of the map that tokens are made of.
        patch: Places a side of what makes a token.
        grid: Tokens a side that positions are learned for.
        plan: Dimensions.
    """

    def __init__(self, C_in: int, patch: int, grid: int, plan: Plan) -> None:
        super().__init__()
        self.grid = grid
        self.project = nn.Conv2d(C_in, plan.d, patch, patch)
        self.positions = nn.Parameter(torch.zeros(1, grid * grid, plan.d))
        self.dropout = nn.Dropout(DROPOUT)
        self.blocks = nn.Sequential(*[Block(plan.d, plan.heads, plan.mlp) for _ in range(plan.layers)])
        self.norm = nn.LayerNorm(plan.d, NORM_EPS)

    def forward(self, x: Tensor) -> Tensor:
        """Encode a map."""
        x = self.project(x)
        h, w = x.shape[-2:]
        z = self.encode(x.flatten(2).transpose(1, 2) + self.positions_at(h, w))  # (B, N, d)
        return z.transpose(1, 2).reshape(len(z), -1, h, w)

    def encode(self, z: Tensor) -> Tensor:
        """Return (B, N, d) of tokens with their positions: (B, N, d)."""
        encoded: Tensor = self.norm(self.blocks(self.dropout(z)))
        return encoded

    def positions_at(self, h: int, w: int) -> Tensor:
        """Return positions of h x w tokens (1, N, d), between the learned ones by bilinear interpolation."""
        if (h, w) == (self.grid, self.grid):
            return self.positions
        learned = self.positions.transpose(1, 2).unflatten(2, (self.grid, self.grid))
        return F.interpolate(learned, (h, w), mode="bilinear", align_corners=True).flatten(2).transpose(1, 2)


class Block(nn.Module):
    """Attention among all tokens, then an MLP, each on normalised tokens and added to them.

    Args:
        d: Channels of a token.
        heads: Heads.
        mlp: Hidden units.
    """

    def __init__(self, d: int, heads: int, mlp: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm_attention, self.norm_mlp = nn.LayerNorm(d, NORM_EPS), nn.LayerNorm(d, NORM_EPS)
        self.qkv, self.out = nn.Linear(d, 3 * d), nn.Linear(d, d)
        up, down = nn.Linear(d, mlp), nn.Linear(mlp, d)
        for layer in (up, down):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.normal_(layer.bias, std=MLP_BIAS_STD)
        self.mlp = nn.Sequential(up, nn.GELU(), nn.Dropout(DROPOUT), down, nn.Dropout(DROPOUT))

    def forward(self, z: Tensor) -> Tensor:
        """Apply the block: (B, N, d) -> (B, N, d)."""
        z = z + self.attend(self.norm_attention(z))
        fed: Tensor = self.mlp(self.norm_mlp(z))
        return z + fed

    def attend(self, z: Tensor) -> Tensor:
        """Return softmax(q k^T / sqrt(d / heads)) v, projected: (B, N, d)."""
        q, k, v = self.qkv(z).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)  # (B, heads, N, d / heads) each
        mixed: Tensor = self.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
        return mixed


class Cascade(nn.Module):
    """CUP, the cascaded upsampler: four times doubled, each time with a skip where there is one.

    Args:
        C_in: Channels of the encoder's map.
        channels: Of the first convolution, then of the four blocks.
        skips: Channels of the skips, coarsest first.
    """

    def __init__(self, C_in: int, channels: tuple[int, ...], skips: list[int]) -> None:
        super().__init__()
        self.first = convolution(C_in, channels[0])
        self.blocks = nn.ModuleList()
        for i, (before, after) in enumerate(pairwise(channels)):
            joined = before + (skips[i] if i < len(skips) else 0)
            self.blocks.append(nn.Sequential(convolution(joined, after), convolution(after, after)))
        self.head = nn.Conv2d(channels[-1], CLASSES, 3, padding=1)
        self.skips = len(skips)

    def forward(self, x: Tensor, skips: list[Tensor]) -> Tensor:
        """Return class scores (B, 9, 16h, 16w) of (B, C_in, h, w)."""
        x = self.first(x)
        for i, block in enumerate(self.blocks):
            x = enlarged(x, 2)
            x = block(torch.cat([x, skips[i]], 1) if i < self.skips else x)
        scores: Tensor = self.head(x)
        return scores


class Naive(nn.Module):
    """One class score for each place of the encoder's map, enlarged 16 times.

    Args:
        C_in: Channels of the encoder's map.
    """

    def __init__(self, C_in: int) -> None:
        super().__init__()
        self.head = nn.Conv2d(C_in, CLASSES, 1)

    def forward(self, x: Tensor, skips: list[Tensor]) -> Tensor:
        """Return class scores (B, 9, 16h, 16w) of (B, C_in, h, w)."""
        return enlarged(self.head(x), STRIDE)


def enlarged(x: Tensor, times: int) -> Tensor:
    """Return a map enlarged by bilinear interpolation with its corners kept in place."""
    return F.interpolate(x, scale_factor=times, mode="bilinear", align_corners=True)


def convolution(C_in: int, C_out: int) -> nn.Sequential:
    """Return a 3x3 convolution with batch norm and ReLU."""
    return nn.Sequential(nn.Conv2d(C_in, C_out, 3, padding=1, bias=False), nn.BatchNorm2d(C_out), nn.ReLU())


class UNet(nn.Module):
    """A plain U-Net: two convolutions a level, maxima on the way down, transposed convolutions on the way up, every level's map handed across.

    Args:
        channels: Of the levels, the finest first.
    """

    def __init__(self, channels: tuple[int, ...]) -> None:
        super().__init__()

        def level(C_in: int, C_out: int) -> nn.Sequential:
            return nn.Sequential(convolution(C_in, C_out), convolution(C_out, C_out))

        pairs = list(pairwise(channels))
        self.down = nn.ModuleList([level(3, channels[0]), *(level(fine, coarse) for fine, coarse in pairs)])
        self.up = nn.ModuleList([nn.ConvTranspose2d(coarse, fine, 2, 2) for fine, coarse in reversed(pairs)])
        self.joined = nn.ModuleList([level(2 * fine, fine) for fine, _ in reversed(pairs)])
        self.head = nn.Conv2d(channels[0], CLASSES, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return class scores (B, 9, H, W) of images (B, 1 or 3, H, W) whose sides 16 divides."""
        x = coloured(x)
        skips = []
        for i, level in enumerate(self.down):
            x = level(F.max_pool2d(x, 2) if i else x)
            skips.append(x)
        skips.pop()
        for up, level in zip(self.up, self.joined, strict=True):
            x = level(torch.cat([skips.pop(), up(x)], 1))
        scores: Tensor = self.head(x)
        return scores
