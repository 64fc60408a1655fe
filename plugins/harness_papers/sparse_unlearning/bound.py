"""The theory's case: plain SGD, undone by one step against the gradients that the forgotten images had at the start.

Were every gradient what it was at the start, that step would lead exactly to where SGD ends without the forgotten images. The distance that is left
grows with eta^2, with the number of steps and with how far the masked weights have moved: |m * (theta_t - theta_0)|.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .pruning import enforce, magnitude_masks, masks_of
from .setting import Scenario
from .unlearning import gradient

DENSITIES = (1.0, 0.5, 0.2, 0.05)
ETA, BATCH = 0.1, 32
SHIFT = 0.1
"""Deviation of the first shifts of batch norms. With shifts of zero every black pixel would put ReLUs exactly on their kink, where no gradient is one of a
smooth loss, as the theory asks for."""


def density_errors(net: nn.Module, case: Scenario, steps: int, generator: torch.Generator) -> list[float]:
    """Return the unlearning error at each of `DENSITIES`: the same initial weights, pruned by magnitude, and the same batches."""
    images, net = case.training, shifted(net, generator)
    order = torch.cat([torch.randperm(len(images.x), generator=generator) for _ in range(1 + steps * BATCH // len(images.x))])
    batches = order.split(BATCH)[:steps]
    found = []
    for density in DENSITIES:
        start = copy.deepcopy(net).eval()  # batch statistics would tie the images of a batch together
        enforce(start, magnitude_masks(start, 1 - density))
        found.append(unlearning_error(start, case, batches))
    return found


def shifted(net: nn.Module, generator: torch.Generator) -> nn.Module:
    """Return a copy of a fresh network whose batch norms have random shifts."""
    found = copy.deepcopy(net)
    with torch.no_grad():
        for layer in found.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.bias.copy_(SHIFT * torch.randn(layer.bias.shape, generator=generator))
    return found


def unlearning_error(start: nn.Module, case: Scenario, batches: Sequence[Tensor], eta: float = ETA) -> float:
    """Return the distance between what one step of unlearning gives and SGD over the same batches without the forgotten images.

    Args:
        start: The network at theta_0; its zeros stay zero.
        case: What is retained, and forgotten.
        batches: Indices into `case.training`, whose last images are the forgotten ones; gradients are divided by the batch's size in either run.
        eta: Learning rate.
    """
    images, retained = case.training, len(case.retain.x)
    ends = []
    for kept in (batches, [batch[batch < retained] for batch in batches]):
        net = copy.deepcopy(start)
        masks = masks_of(start)
        for batch, whole in zip(kept, batches, strict=True):
            _move(net, -eta / len(whole) * gradient(net, images.x[batch], images.y[batch]))
            enforce(net, masks)
        ends.append(net)
    for batch in batches:
        seen = batch[batch >= retained]
        _move(ends[0], eta / len(batch) * gradient(start, images.x[seen], images.y[seen]))
    return float((_vector(ends[0]) - _vector(ends[1])).norm())


def _move(net: nn.Module, change: Tensor) -> None:
    with torch.no_grad():
        for parameter, part in zip(net.parameters(), change.split([p.numel() for p in net.parameters()]), strict=True):
            parameter.add_(part.view_as(parameter))


def _vector(net: nn.Module) -> Tensor:
    return torch.cat([p.detach().flatten() for p in net.parameters()])
