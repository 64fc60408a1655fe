"""The network that classifies by its distances to prototypes, and the networks it is compared with.

In the paper's notation: an encoder f and a decoder g, and on the codes z = f(x) a prototype classification network h, which is a layer of
squared distances to the prototypes p and a linear layer w. A label needs h(f(x)) alone; g serves the training, and shows what a prototype is.
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .setting import Setting

WEIGHT_STD = 0.01
"""Standard deviation of the convolutions' first weights in the authors' script; their biases start at 0."""


def build(variant: str, setting: Setting) -> nn.Module:
    """Build a variant, untrained: (B, 1, size, size) images in [0, 1] to (B, K) logits."""
    if variant == "cnn":
        return PlainCNN(setting)
    if variant == "class_means":
        return ClassMeans(PlainCNN(setting))
    return PrototypeNet(setting)  # the ablations are the same network under another loss


class PrototypeNet(nn.Module):
    """The paper's network: s(w(p(f(x)))), less the softmax s, which the loss applies."""

    def __init__(self, setting: Setting) -> None:
        super().__init__()
        self.f = encoder(setting)
        self.g = decoder(setting)
        self.h = PrototypeClassifier(setting.features, setting.prototypes, len(setting.labels))

    def forward(self, x: Tensor) -> Tensor:
        """Classify images: (B, 1, H, W) -> (B, K) logits."""
        return self.h(self.f(x))


class PrototypeClassifier(nn.Module):
    """h: distances to m prototypes, and a linear layer on the distances. A negative weight makes a near prototype evidence for its class."""

    def __init__(self, q: int, m: int, classes: int) -> None:
        super().__init__()
        self.p = nn.Parameter(torch.rand(m, q))  # free to go negative, where codes are not
        self.w = nn.Parameter(torch.rand(m, classes))  # starts positive: which entries turn negative is learned

    def distances(self, z: Tensor) -> Tensor:
        """Return D[b, j] = |z_b - p_j|^2, (B, q) -> (B, m), from one product; rounding may take a zero slightly below zero."""
        return (z**2).sum(1, keepdim=True) + (self.p**2).sum(1) - 2 * z @ self.p.T

    def forward(self, z: Tensor) -> Tensor:
        """Classify codes: (B, q) -> (B, K) logits."""
        return self.distances(z) @ self.w


def encoder(setting: Setting) -> nn.Sequential:
    """Return f: images (B, 1, H, W) to codes (B, q), which are never negative."""
    layers: list[nn.Module] = []
    for (before, after), size in zip(pairwise(setting.channels), setting.sizes, strict=False):
        layers += [SameConv(before, after, size), nn.ReLU()]
    return nn.Sequential(*layers, nn.Flatten())


def decoder(setting: Setting) -> nn.Sequential:
    """Return g, the encoder's mirror: codes (B, q) to images (B, 1, H, W) in [0, 1]."""
    layers: list[nn.Module] = []
    for (before, after), size in zip(pairwise(setting.channels[::-1]), setting.sizes[-2::-1], strict=True):
        layers += [SameTranspose(before, after, size), nn.ReLU()]
    return nn.Sequential(nn.Unflatten(1, setting.code_shape), *layers[:-1], nn.Sigmoid())


class SameConv(nn.Conv2d):
    """A 3x3 convolution of stride 2 with TensorFlow's SAME padding: one pixel after an even side, one at both ends of an odd one."""

    def __init__(self, before: int, after: int, size: int) -> None:
        super().__init__(before, after, 3, stride=2)
        self.lead = size % 2
        _start(self)

    def forward(self, x: Tensor) -> Tensor:
        """Halve the map: (B, C, size, size) -> (B, C', ceil(size / 2), ceil(size / 2))."""
        return super().forward(F.pad(x, (self.lead, 1, self.lead, 1)))


class SameTranspose(nn.ConvTranspose2d):
    """The transpose of a `SameConv` that reads maps of `size`: it cuts off what that one pads."""

    def __init__(self, before: int, after: int, size: int) -> None:
        super().__init__(before, after, 3, stride=2)
        self.kept = slice(size % 2, size % 2 + size)
        _start(self)

    def forward(self, x: Tensor) -> Tensor:
        """Double the map: (B, C', ceil(size / 2), ceil(size / 2)) -> (B, C, size, size)."""
        return super().forward(x)[:, :, self.kept, self.kept]


def _start(layer: nn.Conv2d | nn.ConvTranspose2d) -> None:
    nn.init.normal_(layer.weight, std=WEIGHT_STD)
    nn.init.zeros_(layer.bias)


class PlainCNN(nn.Module):
    """The same encoder with a linear layer on its codes: the network that explains nothing."""

    def __init__(self, setting: Setting) -> None:
        super().__init__()
        self.f = encoder(setting)
        self.h = nn.Linear(setting.features, len(setting.labels))

    def forward(self, x: Tensor) -> Tensor:
        """Classify images: (B, 1, H, W) -> (B, K) logits."""
        return self.h(self.f(x))


class ClassMeans(nn.Module):
    """Prototypes attached afterwards to a trained CNN: an image belongs to the class whose mean code is nearest."""

    def __init__(self, cnn: PlainCNN) -> None:
        super().__init__()
        self.cnn = cnn
        self.register_buffer("means", torch.zeros(cnn.h.out_features, cnn.h.in_features))  # (K, q)

    @torch.no_grad()
    def attach(self, x: Tensor, y: Tensor) -> ClassMeans:
        """Take the mean codes of the classes from images x (N, 1, H, W) with labels y (N,)."""
        z = self.cnn.f(x)
        self.means = torch.stack([z[y == k].mean(0) for k in range(len(self.means))])
        return self

    def forward(self, x: Tensor) -> Tensor:
        """Classify images: (B, 1, H, W) -> (B, K), the negative squared distances to the means, less |z|^2, which all classes share."""
        z = self.cnn.f(x)
        return 2 * z @ self.means.T - (self.means**2).sum(1)
