"""MobileNetV2 (Sandler et al., arXiv 1801.04381) and EfficientNet-B0 (Tan and Le, arXiv 1905.11946)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def conv_bn(wide_in: int, wide_out: int, kernel: int, stride: int, groups: int, act: type[nn.Module] | None) -> list[nn.Module]:
    conv = nn.Conv2d(wide_in, wide_out, kernel, stride, kernel // 2, groups=groups, bias=False)
    return [conv, nn.BatchNorm2d(wide_out), *([act()] if act else [])]


class SqueezeExcite(nn.Module):
    """Scale channels by a gate made from their means."""

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.down, self.up = nn.Conv2d(channels, squeezed, 1), nn.Conv2d(squeezed, channels, 1)

    def forward(self, x: Tensor) -> Tensor:  # (B, C, H, W)
        gate = torch.nn.functional.adaptive_avg_pool2d(x, 1)
        return x * torch.sigmoid(self.up(torch.nn.functional.silu(self.down(gate))))


class InvertedResidual(nn.Module):
    """1x1 expansion, depth-wise convolution, 1x1 projection; the input is added where the shapes allow."""

    def __init__(self, wide_in: int, wide_out: int, kernel: int, stride: int, expand: int, act: type[nn.Module], excite: bool) -> None:
        super().__init__()
        hidden = wide_in * expand
        layers = conv_bn(wide_in, hidden, 1, 1, 1, act) if expand != 1 else []
        layers += conv_bn(hidden, hidden, kernel, stride, hidden, act)
        if excite:
            layers.append(SqueezeExcite(hidden, max(1, wide_in // 4)))
        layers += conv_bn(hidden, wide_out, 1, 1, 1, None)
        self.body = nn.Sequential(*layers)
        self.adds = stride == 1 and wide_in == wide_out

    def forward(self, x: Tensor) -> Tensor:  # (B, C, H, W)
        return x + self.body(x) if self.adds else self.body(x)


def _inverted(stem: int, rows: list[tuple[int, int, int, int, int]], last: int, act: type[nn.Module], excite: bool) -> nn.Sequential:
    layers, channels = conv_bn(3, stem, 3, 2, 1, act), stem
    for expand, kernel, width, depth, stride in rows:
        for index in range(depth):
            layers.append(InvertedResidual(channels, width, kernel, stride if not index else 1, expand, act, excite))
            channels = width
    layers += conv_bn(channels, last, 1, 1, 1, act)
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2), nn.Linear(last, 1000))


def mobilenet_v2() -> nn.Module:
    rows = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]
    return _inverted(32, [(t, 3, c, n, s) for t, c, n, s in rows], 1280, nn.ReLU6, excite=False)


def efficientnet_b0() -> nn.Module:
    rows = [
        (1, 3, 16, 1, 1),
        (6, 3, 24, 2, 2),
        (6, 5, 40, 2, 2),
        (6, 3, 80, 3, 2),
        (6, 5, 112, 3, 1),
        (6, 5, 192, 4, 2),
        (6, 3, 320, 1, 1),
    ]
    return _inverted(32, rows, 1280, nn.SiLU, excite=True)
