"""Masks: which weights of the convolutions stay. By magnitude, over all layers at once, or without data by SynFlow."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .network import convolutions

Masks = Sequence[Tensor]
"""One mask of ones and zeros for each convolution, in the order of `convolutions`."""

SYNFLOW_ROUNDS = 100
"""As in the authors' code."""


def largest(scores: Sequence[Tensor], share: float) -> list[Tensor]:
    """Return masks that keep the `share` of all scores that is largest, taken over all layers together: exactly round(share * n) of n."""
    flat = torch.cat([score.flatten() for score in scores])
    keep = round(share * flat.numel())
    mask = torch.zeros_like(flat).index_fill(0, flat.topk(keep).indices, 1.0)
    return [part.view_as(score) for part, score in zip(mask.split([s.numel() for s in scores]), scores, strict=True)]


def magnitude_masks(net: nn.Module, rate: float) -> list[Tensor]:
    """Return masks that drop the share `rate` of the convolutions' weights that is smallest."""
    return largest([weight.detach().abs() for weight in convolutions(net)], 1 - rate)


def synflow_masks(net: nn.Module, rate: float, image: Tensor, rounds: int = SYNFLOW_ROUNDS) -> list[Tensor]:
    """Return SynFlow's masks: scores |theta dR/dtheta|, R the output for an image of ones with all parameters positive, in rounds of falling density."""
    linear = copy.deepcopy(net).eval()
    with torch.no_grad():
        for value in linear.state_dict().values():
            value.abs_()
    masks = [torch.ones_like(weight) for weight in convolutions(linear)]
    ones = torch.ones_like(image[:1])
    for index in range(1, rounds + 1):
        enforce(linear, masks)
        weights = convolutions(linear)
        gradients = torch.autograd.grad(linear(ones).sum(), weights)
        scores = [(weight * gradient).detach().abs() for weight, gradient in zip(weights, gradients, strict=True)]
        masks = largest([score + mask for score, mask in zip(_below_one(scores), masks, strict=True)], (1 - rate) ** (index / rounds))
    return masks


def _below_one(scores: Sequence[Tensor]) -> list[Tensor]:
    """Scale scores to at most one, so that a mask added to them puts what is kept before what is gone, whatever its score."""
    top = torch.stack([score.max() for score in scores]).max().clamp_min(torch.finfo(scores[0].dtype).tiny)
    return [score / top for score in scores]


def masks_of(net: nn.Module) -> list[Tensor]:
    """Return the masks that a network's exact zeros tell; ones alone for a dense network."""
    return [(weight != 0).to(weight.dtype) for weight in convolutions(net)]


def enforce(net: nn.Module, masks: Masks) -> None:
    """Set what is pruned to zero; in place."""
    with torch.no_grad():
        for weight, mask in zip(convolutions(net), masks, strict=True):
            weight.mul_(mask)


def sparsity(net: nn.Module) -> float:
    """Return the share of the convolutions' weights that are exactly zero."""
    weights = convolutions(net)
    return float(sum((weight == 0).sum() for weight in weights) / sum(weight.numel() for weight in weights))
