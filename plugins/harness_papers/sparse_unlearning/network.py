"""The classifiers: a small convolutional network that is trained here, and the ResNet-18 of the paper; and a network's state as one vector."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

CLASSES = 10


class CNN(nn.Module):
    """Convolutions with batch norm and ReLU, halved in size after the second, the mean over the image, and a linear head."""

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for index, (before, width) in enumerate(zip((1, *widths), widths, strict=False)):
            if index == 2:
                layers.append(nn.MaxPool2d(2))
            layers += [nn.Conv2d(before, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
        self.features = nn.Sequential(*layers)
        self.head = nn.Linear(widths[-1], CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (B, 10) of images x (B, 1, H, W)."""
        logits: Tensor = self.head(self.features(x).mean((2, 3)))
        return logits


class Block(nn.Module):
    """Two 3x3 convolutions beside a shortcut, which is a 1x1 convolution where the shape changes."""

    def __init__(self, before: int, width: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(before, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width))
        self.second = nn.Sequential(nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width))
        same = stride == 1 and before == width
        self.shortcut = nn.Identity() if same else nn.Sequential(nn.Conv2d(before, width, 1, stride, bias=False), nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, width, H / stride, W / stride)."""
        return F.relu(self.second(F.relu(self.first(x))) + self.shortcut(x))


class ResNet18(nn.Module):
    """ResNet-18 with the stem for CIFAR: a 3x3 convolution of stride 1 and no pooling."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU())
        plan = [(64, 64, 1), (64, 64, 1), (64, 128, 2), (128, 128, 1), (128, 256, 2), (256, 256, 1), (256, 512, 2), (512, 512, 1)]
        self.blocks = nn.Sequential(*(Block(*shape) for shape in plan))
        self.head = nn.Linear(512, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (B, 10) of images x (B, 3, 32, 32)."""
        logits: Tensor = self.head(self.blocks(self.stem(x)).mean((2, 3)))
        return logits


def convolutions(net: nn.Module) -> list[Tensor]:
    """Return the weights of all convolutions: what is pruned."""
    return [layer.weight for layer in net.modules() if isinstance(layer, nn.Conv2d)]


def _state(net: nn.Module) -> Iterator[Tensor]:
    """Yield parameters and running statistics."""
    yield from (value for value in net.state_dict().values() if value.is_floating_point())


def pack(net: nn.Module) -> Tensor:
    """Return parameters and running statistics as one vector (S,)."""
    return torch.cat([value.flatten() for value in _state(net)])


def unpack(net: nn.Module, state: Tensor) -> nn.Module:
    """Give a network the state that `pack` returned; in place."""
    sizes = [value.numel() for value in _state(net)]
    with torch.no_grad():
        for value, part in zip(_state(net), state.split(sizes), strict=True):
            value.copy_(part.view_as(value))
    return net


class Unlearned(nn.Module):
    """The network that answers for a variant, and other networks' states that are kept for later.

    Attributes:
        net: The network.
        kept: Rows (n, S). For the variant that is trained: the trained network, the trained sparse one, and the sparse one that was retrained without
            the forget set. For others: the network that was retrained at their density, which they are compared with.
    """

    def __init__(self, net: nn.Module, kept: Tensor) -> None:
        super().__init__()
        self.net = net
        self.kept: Tensor
        self.register_buffer("kept", kept)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (B, 10)."""
        logits: Tensor = self.net(x)
        return logits
