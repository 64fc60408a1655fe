"""ResNet-18 and ResNet-50 (He et al., arXiv 1512.03385), stride in the 3x3 convolution as everybody builds them."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def conv_bn(wide_in: int, wide_out: int, kernel: int, stride: int = 1) -> list[nn.Module]:
    return [nn.Conv2d(wide_in, wide_out, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(wide_out)]


class Residual(nn.Module):
    """x + body(x), with a strided projection of x where the shapes differ."""

    def __init__(self, body: list[nn.Module], wide_in: int, wide_out: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(*body)
        self.shortcut = nn.Sequential(*conv_bn(wide_in, wide_out, 1, stride)) if stride != 1 or wide_in != wide_out else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:  # (B, C, H, W)
        return torch.relu(self.body(x) + self.shortcut(x))


def basic(wide_in: int, width: int, stride: int) -> Residual:
    body = [*conv_bn(wide_in, width, 3, stride), nn.ReLU(), *conv_bn(width, width, 3)]
    return Residual(body, wide_in, width, stride)


def bottleneck(wide_in: int, width: int, stride: int) -> Residual:
    out = 4 * width
    body = [*conv_bn(wide_in, width, 1), nn.ReLU(), *conv_bn(width, width, 3, stride), nn.ReLU(), *conv_bn(width, out, 1)]
    return Residual(body, wide_in, out, stride)


def _resnet(block: type | object, depths: tuple[int, ...], expansion: int) -> nn.Sequential:
    layers: list[nn.Module] = [*conv_bn(3, 64, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    channels = 64
    for stage, depth in enumerate(depths):
        width = 64 * 2**stage
        for index in range(depth):
            layers.append(block(channels, width, 2 if stage and not index else 1))
            channels = width * expansion
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 1000))


def resnet18() -> nn.Module:
    return _resnet(basic, (2, 2, 2, 2), 1)


def resnet50() -> nn.Module:
    return _resnet(bottleneck, (3, 4, 6, 3), 4)
