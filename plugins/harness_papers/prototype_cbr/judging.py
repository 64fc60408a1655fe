"""How good a fitted network is: at its task, and at explaining itself."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from harness import Quality

from .network import ClassMeans, PrototypeNet
from .training import r1, r2

NEIGHBOURS = 10
"""Training codes that say which class a prototype stands for."""


def judge(net: nn.Module, test: tuple[Tensor, Tensor], train: tuple[Tensor, Tensor]) -> dict[str, Quality]:
    """Return the qualities that have a meaning for `net`; `test` and `train` are images (N, 1, H, W) and labels (N,)."""
    x, y = test
    predicted = net(x).argmax(1)
    found = {"accuracy": _share(predicted == y)}
    if isinstance(net, PrototypeNet):
        found |= _prototype_qualities(net, x, predicted, train)
    if isinstance(net, ClassMeans):
        found["nearest_agreement"] = _share(predicted == net.cnn(x).argmax(1))
    return found


def _prototype_qualities(net: PrototypeNet, x: Tensor, predicted: Tensor, train: tuple[Tensor, Tensor]) -> dict[str, Quality]:
    x_train, y_train = train
    z = net.f(x)  # (N, q)
    D = net.h.distances(z).clamp(min=0)  # (N, m)
    D_train = net.h.distances(net.f(x_train)).clamp(min=0)  # (N_train, m)
    labels = y_train[D_train.topk(NEIGHBOURS, dim=0, largest=False).indices]  # (10, m)
    majority = labels.mode(0).values  # (m,)
    owned = argued_class(net)
    return {
        "r1": Quality(r1(D_train), "squared distance", "lower"),
        "r2": Quality(r2(D), "squared distance", "lower"),
        "reconstruction_mse": Quality(((net.g(z) - x) ** 2).mean(), "per pixel", "lower"),
        "prototype_mse": Quality(likeness(net.g(net.h.p), x_train).mean(), "per pixel", "lower"),
        "purity": _share(labels == majority),
        "weight_agreement": _share(owned == majority),
        "nearest_agreement": _share(owned[D.argmin(1)] == predicted),
    }


def argued_class(net: PrototypeNet) -> Tensor:
    """Return the class that each prototype argues for: its smallest weight, (m,)."""
    return net.h.w.argmin(1)


def likeness(decoded: Tensor, images: Tensor) -> Tensor:
    """Return each decoded picture's squared error per pixel against the image it is most like: (m, 1, H, W), (N, 1, H, W) -> (m,)."""
    return (torch.cdist(decoded.flatten(1), images.flatten(1)) ** 2).min(1).values / images[0].numel()


def _share(hits: Tensor) -> Quality:
    return Quality(hits.float().mean())
