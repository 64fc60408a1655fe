"""A small ResNet whose calls are slowed down by an exact share of their own time. Imports torch: not for the driver."""

from __future__ import annotations

import time

import torch
from torch import Tensor, nn

WIDTHS = (16, 32, 64)
IMAGES = (4, 3, 32, 32)


class Block(nn.Module):
    """Two 3x3 convolutions around which the input is added."""

    def __init__(self, channels: int, out: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, out, 3, stride, 1, bias=False),
            nn.BatchNorm2d(out),
            nn.ReLU(),
            nn.Conv2d(out, out, 3, 1, 1, bias=False),
            nn.BatchNorm2d(out),
        )
        same = channels == out and stride == 1
        self.skip = nn.Identity() if same else nn.Conv2d(channels, out, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to (B, out, H / stride, W / stride)."""
        return torch.relu(self.body(x) + self.skip(x))


class SmallResNet(nn.Module):
    """ResNet of He et al. (2015), section 4.2, with one block a stage: three stages of 16, 32 and 64 channels."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, WIDTHS[0], 3, 1, 1, bias=False)
        self.stages = nn.Sequential(Block(WIDTHS[0], WIDTHS[0], 1), Block(WIDTHS[0], WIDTHS[1], 2), Block(WIDTHS[1], WIDTHS[2], 2))
        self.head = nn.Linear(WIDTHS[2], 10)

    def forward(self, x: Tensor) -> Tensor:
        """Map images (B, 3, 32, 32) to logits (B, 10)."""
        logits: Tensor = self.head(self.stages(torch.relu(self.stem(x))).mean((2, 3)))
        return logits


class Slowed(nn.Module):
    """A module that takes `share` longer: the processor time of each call is taken, and spun out to that much more.

    Exact on a machine whose clock wanders, which calibrated extra work is not; and processor time, so that a call that was interrupted is
    not made longer by a share of the interruption. For one thread. Looking at that clock adds some 1% to a small network's call, whatever
    the share: compare with a module that is slowed by nothing, which looks as well.
    """

    def __init__(self, inner: nn.Module, share: float) -> None:
        super().__init__()
        self.inner, self.share = inner, share

    def forward(self, x: Tensor) -> Tensor:
        """Return what the inner module does, later."""
        start = time.thread_time()
        result: Tensor = self.inner(x)
        until = start + (time.thread_time() - start) * (1 + self.share)
        while time.thread_time() < until:
            pass
        return result


def build(slowed_by: float = 0.0) -> nn.Module:
    """Return the network with the same random weights each time, its calls longer by a share than those of `build()`."""
    torch.manual_seed(0)
    return Slowed(SmallResNet(), slowed_by).eval()


def images() -> Tensor:
    """Return a batch, the same each time."""
    return torch.randn(IMAGES, generator=torch.Generator().manual_seed(1))
