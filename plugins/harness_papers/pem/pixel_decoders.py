"""From the maps of a backbone to mask features at a quarter of the resolution, and to the three maps that queries attend to.

PEM's is convolutional: maps modulated by their own context, joined top-down through deformable convolutions. Mask2Former's lets every position of
three maps attend to a few positions of all of them, six times over.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .backbones import conv_norm_relu
from .positions import sine_positions
from .setting import Shape
from .start import by_inputs, feed_forward, xavier

TAPS = 9
"""Of a 3x3 kernel."""
LEVELS, POINTS = 3, 4
"""Of deformable attention: maps that are looked at, and points in each, for every head."""
NORM_GROUPS = 32


class SelfModulation(nn.Module):
    """CSM: x + x w, with a weight w in (0.5, 0.731) for each channel, made from the mean of the map. The two sigmoids are the released code's."""

    def __init__(self, conv: int) -> None:
        super().__init__()
        half = conv // 2
        self.mlp = nn.Sequential(
            nn.Conv2d(conv, half, 1, bias=False), nn.BatchNorm2d(half), nn.ReLU(), nn.Conv2d(half, conv, 1, bias=False)
        )

    def weights(self, x: Tensor) -> Tensor:
        """(B, conv, H, W) -> (B, conv, 1, 1)."""
        return self.mlp(x.mean((2, 3), keepdim=True)).sigmoid().sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        """(B, conv, H, W) -> (B, conv, H, W)."""
        return x + x * self.weights(x)


class DeformableConv(nn.Module):
    """Modulated deformable convolution: a 3x3 kernel whose taps are moved and weighed at each position by another convolution.

    Offsets and weights start at zero, so that at first it is an ordinary convolution times sigmoid(0) = 0.5.
    """

    def __init__(self, conv: int) -> None:
        super().__init__()
        self.offset = nn.Conv2d(conv, 3 * TAPS, 3, padding=1)
        for parameter in self.offset.parameters():
            nn.init.zeros_(parameter)
        self.weight = nn.Parameter(torch.empty(conv, conv, 3, 3))
        nn.init.kaiming_normal_(self.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """(B, conv, H, W) -> (B, conv, H, W)."""
        B, _, H, W = x.shape
        moved, weights = self.offset(x).split((2 * TAPS, TAPS), 1)
        down, across = moved.unflatten(1, (TAPS, 2)).unbind(2)  # (B, 9, H, W) each, in pixels
        rows, columns = (torch.arange(side, device=x.device, dtype=x.dtype) for side in (H, W))
        taps = torch.arange(-1, 2, device=x.device, dtype=x.dtype)
        y = rows[:, None] + taps.repeat_interleave(3)[:, None, None] + down
        x_at = columns + taps.repeat(3)[:, None, None] + across
        # the middle of the first pixel lies at -1, that of the last at 1; outside there are zeros
        grid = torch.stack((x_at * (2 / max(W - 1, 1)) - 1, y * (2 / max(H - 1, 1)) - 1), -1)  # (B, 9, H, W, 2)
        seen = F.grid_sample(x, grid.flatten(1, 2), align_corners=True).unflatten(2, (TAPS, H))  # (B, conv, 9, H, W)
        seen = seen * weights.sigmoid()[:, None]
        return (self.weight.flatten(1) @ seen.flatten(1, 2).flatten(2)).view(B, -1, H, W)


class DeformableBlock(nn.Module):
    """A deformable convolution, then a transposed one that doubles the resolution; both maps are returned."""

    def __init__(self, conv: int) -> None:
        super().__init__()
        self.deform = nn.Sequential(DeformableConv(conv), nn.BatchNorm2d(conv), nn.ReLU())
        up = nn.ConvTranspose2d(conv, conv, 4, 2, 1, bias=False)
        ramp = 1 - ((torch.arange(4) - 1.5) / 2).abs()
        with torch.no_grad():
            up.weight[:, 0] = torch.outer(ramp, ramp)  # as in the released code: only into the first channel
        self.up = nn.Sequential(up, nn.BatchNorm2d(conv), nn.ReLU())

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(B, conv, H, W) -> (B, conv, H, W), (B, conv, 2 H, 2 W)."""
        x = self.deform(x)
        return x, self.up(x)


def projection(before: int, after: int) -> nn.Sequential:
    """Return a 1x1 convolution, a batch norm and a ReLU; the weights begin normal, with a variance of one over `before`."""
    layers = conv_norm_relu(before, after, 1)
    nn.init.kaiming_normal_(layers[0].weight, a=1)
    return layers


class PEMPixelDecoder(nn.Module):
    """The paper's pixel decoder, all convolutions.

    Args:
        channels: Of C2 to C5.
        shape: Dimensions.
    """

    def __init__(self, channels: tuple[int, ...], shape: Shape) -> None:
        super().__init__()
        self.width = shape.conv
        self.project = nn.ModuleList([projection(c, shape.conv) for c in channels])
        self.context = projection(channels[-1], shape.conv)
        self.modulate = nn.ModuleList([SelfModulation(shape.conv) for _ in channels])
        self.deform = nn.ModuleList([DeformableBlock(shape.conv) for _ in channels[1:]])
        self.masks = projection(shape.conv, shape.mask)

    def forward(self, maps: list[Tensor]) -> tuple[list[Tensor], Tensor]:
        """C2 to C5 -> the maps at strides 32, 16, 8, (B, conv, H, W) each, and mask features (B, mask, H / 4, W / 4)."""
        P2, P3, P4, P5 = (project(C) for project, C in zip(self.project, maps, strict=True))
        context = self.context(maps[-1].mean((2, 3), keepdim=True))
        x32, up = self.deform[0](self.modulate[0](P5) + context)
        x16, up = self.deform[1](self.modulate[1](P4) + up)
        x8, up = self.deform[2](self.modulate[2](P3) + up)
        return [x32, x16, x8], self.masks(self.modulate[3](P2) + up)


class DeformableAttention(nn.Module):
    """Multi-scale deformable attention: each position reads `POINTS` points of each of three maps for each head, where a linear layer puts them."""

    def __init__(self, d: int, h: int) -> None:
        super().__init__()
        self.h = h
        self.offset = nn.Linear(d, h * LEVELS * POINTS * 2)
        self.score = nn.Linear(d, h * LEVELS * POINTS)
        self.value, self.out = xavier(nn.Linear(d, d)), xavier(nn.Linear(d, d))
        for linear in (self.offset, self.score):
            nn.init.zeros_(linear.weight)
            nn.init.zeros_(linear.bias)
        angle = torch.arange(h) * (2 * math.pi / h)
        towards = torch.stack((angle.cos(), angle.sin()), -1)
        towards = towards / towards.abs().amax(-1, keepdim=True)  # (h, 2): a direction for each head
        steps = torch.arange(1, POINTS + 1)[:, None]
        with torch.no_grad():
            self.offset.bias.copy_((towards[:, None, None] * steps).expand(h, LEVELS, POINTS, 2).flatten())

    def forward(self, x: Tensor, pos: Tensor, centres: Tensor, sizes: list[tuple[int, int]]) -> Tensor:
        """Let all positions of all maps, x (B, S, d), attend to one another's maps.

        Args:
            x: The maps one after the other, flat.
            pos: Their positions (S, d), for the queries.
            centres: Where each position lies (S, 2), across and down, 0 to 1.
            sizes: Height and width of each map.
        """
        query = x + pos
        offset = self.offset(query).unflatten(-1, (self.h, LEVELS, POINTS, 2))
        weights = self.score(query).unflatten(-1, (self.h, LEVELS * POINTS)).softmax(-1)  # (B, S, h, 12)
        values = self.value(x).split([H * W for H, W in sizes], 1)
        seen = []
        for level, (value, (H, W)) in enumerate(zip(values, sizes, strict=True)):
            plane = value.unflatten(-1, (self.h, -1)).permute(0, 2, 3, 1).flatten(0, 1).unflatten(-1, (H, W))  # (B h, d / h, H, W)
            scale = torch.tensor((W, H), device=x.device, dtype=x.dtype)
            at = centres[:, None, None] + offset[:, :, :, level] / scale  # (B, S, h, 4, 2)
            grid = 2 * at.transpose(1, 2).flatten(0, 1) - 1
            seen.append(F.grid_sample(plane, grid, align_corners=False))  # (B h, d / h, S, 4)
        sampled = torch.cat(seen, -1) * weights.transpose(1, 2).flatten(0, 1)[:, None]
        return self.out(sampled.sum(-1).unflatten(0, (-1, self.h)).flatten(1, 2).mT)


class EncoderLayer(nn.Module):
    """Deformable attention and a feed-forward network, each followed by a norm."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        d = shape.d
        self.attend, self.norm1 = DeformableAttention(d, shape.h), nn.LayerNorm(d)
        self.ffn = feed_forward(d, shape.encoder_ffn)
        self.norm2 = nn.LayerNorm(d)

    def forward(self, x: Tensor, pos: Tensor, centres: Tensor, sizes: list[tuple[int, int]]) -> Tensor:
        """(B, S, d) -> (B, S, d)."""
        x = self.norm1(x + self.attend(x, pos, centres, sizes))
        return self.norm2(x + self.ffn(x))


class DeformablePixelDecoder(nn.Module):
    """Mask2Former's pixel decoder.

    Args:
        channels: Of C2 to C5.
        shape: Dimensions.
    """

    def __init__(self, channels: tuple[int, ...], shape: Shape) -> None:
        super().__init__()
        d = self.width = shape.d
        self.project = nn.ModuleList([nn.Sequential(xavier(nn.Conv2d(c, d, 1)), nn.GroupNorm(NORM_GROUPS, d)) for c in channels[:0:-1]])
        self.level = nn.Parameter(torch.randn(LEVELS, d))
        self.layers = nn.ModuleList([EncoderLayer(shape) for _ in range(shape.encoder_layers)])
        self.lateral = nn.Sequential(by_inputs(nn.Conv2d(channels[0], d, 1, bias=False)), nn.GroupNorm(NORM_GROUPS, d))
        self.smooth = nn.Sequential(by_inputs(nn.Conv2d(d, d, 3, padding=1, bias=False)), nn.GroupNorm(NORM_GROUPS, d), nn.ReLU())
        self.masks = by_inputs(nn.Conv2d(d, shape.mask, 1))

    def forward(self, maps: list[Tensor]) -> tuple[list[Tensor], Tensor]:
        """C2 to C5 -> the maps at strides 32, 16, 8, (B, d, H, W) each, and mask features (B, mask, H / 4, W / 4)."""
        projected = [project(C) for project, C in zip(self.project, maps[:0:-1], strict=True)]
        sizes = [(P.shape[-2], P.shape[-1]) for P in projected]
        pos = torch.cat([(sine_positions(P) + e[:, None, None]).flatten(1) for P, e in zip(projected, self.level, strict=True)], 1).mT
        centres = torch.cat([cell_centres(P) for P in projected])
        x = torch.cat([P.flatten(2) for P in projected], 2).mT  # (B, S, d)
        for layer in self.layers:
            x = layer(x, pos, centres, sizes)
        parts = x.mT.split([H * W for H, W in sizes], 2)
        levels = [part.unflatten(2, size) for part, size in zip(parts, sizes, strict=True)]
        up = F.interpolate(levels[-1], size=maps[0].shape[-2:], mode="bilinear", align_corners=False)
        return levels, self.masks(self.smooth(self.lateral(maps[0]) + up))


def cell_centres(plane: Tensor) -> Tensor:
    """Return where the cells of a map (B, C, H, W) have their middles, across and down, 0 to 1: (H W, 2)."""
    down, across = ((torch.arange(side, device=plane.device, dtype=plane.dtype) + 0.5) / side for side in plane.shape[-2:])
    return torch.stack(torch.meshgrid(down, across, indexing="ij")[::-1], -1).flatten(0, 1)
