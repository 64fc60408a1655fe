"""Networks as points of parameter space: theta (P,) holds every weight, so that the paper's geometry is plain vector algebra."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate

import torch
from torch import Tensor
from torch.nn import functional as F

from harness_papers.linear_mode_connectivity.images import CLASSES, SHAPES

Loss = Callable[[Tensor], Tensor]
"""L(theta): a point of parameter space (P,) to a scalar."""


@dataclass(frozen=True)
class Layer:
    """A fully connected or convolutional layer: `weight` is (out, in) or (out, in, 3, 3); a bias (out,) follows it in theta."""

    weight: tuple[int, ...]
    stride: int = 1

    @property
    def size(self) -> int:
        """Number of parameters."""
        return math.prod(self.weight) + self.weight[0]

    def apply(self, W: Tensor, b: Tensor, h: Tensor) -> Tensor:
        """Apply the layer; a fully connected one after convolutions sees the mean over the image."""
        if W.dim() == 4:
            return F.conv2d(h, W, b, self.stride, padding=1)
        return F.linear(h.mean((2, 3)) if h.dim() == 4 else h, W, b)


@dataclass(frozen=True)
class Network:
    """A chain of layers with ReLU between them, without normalisation: no statistics to re-estimate on the path.

    Attributes:
        layers: In order; the last one gives the logits.
        spatial: Whether the first layer takes the image as it is, or all its pixels as one vector.
    """

    layers: tuple[Layer, ...]
    spatial: bool = False

    @property
    def size(self) -> int:
        """P, the number of parameters of one network."""
        return sum(layer.size for layer in self.layers)

    @property
    def blocks(self) -> list[slice]:
        """Where each layer lies in theta."""
        ends = list(accumulate(layer.size for layer in self.layers))
        return [slice(end - layer.size, end) for layer, end in zip(self.layers, ends, strict=True)]

    def init(self) -> Tensor:
        """Draw theta (P,): He's normal weights, zero biases."""
        drawn = []
        for layer in self.layers:
            fan_in = math.prod(layer.weight[1:])
            drawn += [torch.randn(math.prod(layer.weight)) * math.sqrt(2 / fan_in), torch.zeros(layer.weight[0])]
        return torch.cat(drawn)

    def parts(self, theta: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Return each layer's weight and bias as views of theta (P,)."""
        sizes = [n for layer in self.layers for n in (math.prod(layer.weight), layer.weight[0])]
        flat = theta.split(sizes)
        return [(W.view(layer.weight), b) for layer, W, b in zip(self.layers, flat[::2], flat[1::2], strict=True)]

    def logits(self, theta: Tensor, x: Tensor) -> Tensor:
        """Return the class scores (N, classes) of images x (N, C, H, W)."""
        h = x if self.spatial else x.flatten(1)
        for index, (layer, (W, b)) in enumerate(zip(self.layers, self.parts(theta), strict=True)):
            h = layer.apply(W, b, h if index == 0 else h.relu())
        return h

    def loss(self, theta: Tensor, x: Tensor, y: Tensor) -> Tensor:
        """Return L(theta), the mean cross-entropy in nats."""
        return F.cross_entropy(self.logits(theta, x), y)

    def loss_on(self, x: Tensor, y: Tensor) -> Loss:
        """Return L over images x (N, C, H, W) with labels y (N,)."""
        return lambda theta: self.loss(theta, x, y)

    def error(self, theta: Tensor, x: Tensor, y: Tensor) -> Tensor:
        """Return the share of images that theta gets wrong."""
        return (self.logits(theta, x).argmax(1) != y).to(theta.dtype).mean()


def mlp(pixels: int, width: int, classes: int) -> Network:
    """Return pixels-width-width-classes."""
    return Network((Layer((width, pixels)), Layer((width, width)), Layer((classes, width))))


def cnn(channels: int, width: int, classes: int) -> Network:
    """Return three 3x3 convolutions, the first two of stride 2, the mean over the image and a linear layer."""
    convolutions = (Layer((width, channels, 3, 3), 2), Layer((width, width, 3, 3), 2), Layer((width, width, 3, 3)))
    return Network((*convolutions, Layer((classes, width))), spatial=True)


def build_network(kind: str, images: str, width: int) -> Network:
    """Return the `mlp` or `cnn` of a width for `digits` or `photos`."""
    shape, classes = SHAPES[images], CLASSES[images]
    return mlp(math.prod(shape), width, classes) if kind == "mlp" else cnn(shape[0], width, classes)
