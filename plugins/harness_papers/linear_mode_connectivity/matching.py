"""Weight matching: permute the hidden units of one network to lie as near as possible to another's.

A network's function does not change when its hidden units change places, yet its point in parameter space does. Coordinate ascent over the layers
on <theta_1, pi(theta_2)>: each layer's best permutation, its neighbours' held fixed, is a linear assignment.
"""

from __future__ import annotations

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from harness_papers.linear_mode_connectivity.network import Network

Permutation = list[Tensor]
"""For each hidden layer, which of its units comes at each place: (units,)."""

SWEEPS = 100
"""The objective cannot fall and has finitely many values; it has always settled within ten sweeps."""


def identity(network: Network) -> Permutation:
    """Return the permutation that leaves every unit in place."""
    return [torch.arange(layer.weight[0]) for layer in network.layers[:-1]]


def permute(network: Network, theta: Tensor, permutation: Permutation) -> Tensor:
    """Return theta (P,) with its hidden units in another order: the same function."""
    moved = []
    for index, (W, b) in enumerate(network.parts(theta)):
        if index > 0:
            W = W[:, permutation[index - 1]]  # noqa: PLW2901  the layer's inputs follow the units before it
        if index < len(permutation):
            W, b = W[permutation[index]], b[permutation[index]]  # noqa: PLW2901
        moved += [W.flatten(), b]
    return torch.cat(moved)


def match(network: Network, theta_1: Tensor, theta_2: Tensor) -> Permutation:
    """Return the permutation of theta_2's hidden units that brings it near theta_1."""
    permutation = identity(network)
    for _ in range(SWEEPS):
        before = [p.clone() for p in permutation]
        for index in range(len(permutation)):
            gain = _gain(network, theta_1, theta_2, permutation, index)  # (units, units)
            permutation[index] = torch.from_numpy(linear_sum_assignment(gain.numpy(), maximize=True)[1])
        if all(torch.equal(p, q) for p, q in zip(before, permutation, strict=True)):
            break
    return permutation


def _gain(network: Network, theta_1: Tensor, theta_2: Tensor, permutation: Permutation, index: int) -> Tensor:
    """Inner products of one layer's units of theta_1 (rows) with those of theta_2 (columns): weights in, bias, weights out."""
    freed = [*permutation[:index], torch.arange(len(permutation[index])), *permutation[index + 1 :]]
    one, two = network.parts(theta_1), network.parts(permute(network, theta_2, freed))
    (W_1, b_1), (W_2, b_2) = one[index], two[index]
    out_1, out_2 = one[index + 1][0].transpose(0, 1), two[index + 1][0].transpose(0, 1)
    return W_1.flatten(1) @ W_2.flatten(1).T + torch.outer(b_1, b_2) + out_1.flatten(1) @ out_2.flatten(1).T
