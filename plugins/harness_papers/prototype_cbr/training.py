"""The loss of the paper, term by term, and the loop that lowers it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .deformation import ElasticDeformation
from .network import ClassMeans, PrototypeNet
from .setting import Setting

LEARNING_RATE = 2e-3
"""Adam's, constant, in the authors' script."""


@dataclass(frozen=True)
class Lambdas:
    """What each term of the loss counts: the values of the authors' script. 0 leaves a term out."""

    label: float = 20.0
    reconstruction: float = 1.0
    r1: float = 1.0
    r2: float = 1.0


LAMBDAS = {
    "prototype": Lambdas(),
    "no_r1": Lambdas(r1=0.0),
    "no_r2": Lambdas(r2=0.0),
    "no_reconstruction": Lambdas(reconstruction=0.0),
}


def reconstruction(decoded: Tensor, x: Tensor) -> Tensor:
    """Return R: the squared error, summed over the pixels of an image and averaged over the batch."""
    return ((decoded - x) ** 2).flatten(1).sum(1).mean()


def r1(D: Tensor) -> Tensor:
    """Return R1 of distances (B, m): how far a prototype is from the nearest code of the batch, on average."""
    return D.min(dim=0).values.mean()


def r2(D: Tensor) -> Tensor:
    """Return R2 of distances (B, m): how far a code is from the nearest prototype, on average."""
    return D.min(dim=1).values.mean()


def prototype_loss(net: PrototypeNet, x: Tensor, y: Tensor, lambdas: Lambdas) -> Tensor:
    """Return the weighted sum of classification error, reconstruction error and the two terms of interpretability."""
    z = net.f(x)  # (B, q)
    D = net.h.distances(z)  # (B, m)
    loss = lambdas.label * F.cross_entropy(D @ net.h.w, y)
    if lambdas.reconstruction:
        loss = loss + lambdas.reconstruction * reconstruction(net.g(z), x)
    return loss + lambdas.r1 * r1(D) + lambdas.r2 * r2(D)


def make_step(variant: str, model: nn.Module) -> Callable[[Tensor, Tensor], Tensor]:
    """Return a function that takes images and labels, moves the weights by one step of Adam, and returns the loss before it."""
    if isinstance(model, ClassMeans):
        model = model.cnn  # the means are attached afterwards: all the training there is
    lambdas = LAMBDAS.get(variant)  # none for a CNN, which learns from labels alone
    optimizer = torch.optim.Adam(model.parameters(), LEARNING_RATE)

    def step(x: Tensor, y: Tensor) -> Tensor:
        loss = prototype_loss(model, x, y, lambdas) if lambdas else F.cross_entropy(model(x), y)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step


def train(variant: str, model: nn.Module, x: Tensor, y: Tensor, setting: Setting, steps: int, seed: int) -> nn.Module:
    """Train `model` in place on shuffled batches of images (N, 1, H, W) and labels (N,), handwriting deformed anew in each batch."""
    generator = torch.Generator().manual_seed(seed)
    deform = ElasticDeformation(setting.size, generator)
    step = make_step(variant, model)
    batches: list[Tensor] = []
    for _ in range(steps):
        if not batches:
            batches = list(torch.randperm(len(x), generator=generator).split(setting.batch_size))
        chosen = batches.pop()
        step(deform(x[chosen]) if setting.deformed else x[chosen], y[chosen])
    return model
