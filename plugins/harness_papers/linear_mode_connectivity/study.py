"""The study: many pairs over spawn point, learning rate and width, and how well an answer ranks their barriers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import torch
from scipy.stats import spearmanr
from torch import Tensor, nn

from harness_papers.linear_mode_connectivity.barrier import distance, estimate, layer_barrier, midpoint, scan, sharpness
from harness_papers.linear_mode_connectivity.network import Loss, build_network
from harness_papers.linear_mode_connectivity.training import LRS, learning_rates, spawn

PREDICTORS = {"estimate": estimate, "midpoint": midpoint, "distance": distance, "sharpness": sharpness}
PAIR_COLUMNS = ("percent", "lr", "width", "barrier", *PREDICTORS)
LAYER_COLUMNS = ("barrier", "estimate", "distance")
STREAMS = 1000
"""Random streams set apart for one seed's pairs."""


PERCENTS = {"smoke": (0, 10, 100), "small": (0, 1, 3, 10, 30, 100), "paper": (0, 1, 3, 10, 30, 100)}
"""k, the share of the training after which two copies part."""
WIDTHS = {
    "smoke": {"mlp": (16,), "cnn": (4,)},
    "small": {"mlp": (32, 128), "cnn": (8, 16)},
    "paper": {"mlp": (32, 128), "cnn": (8, 16)},
}


def grid(scale: str, kind: str, images: str) -> list[tuple[float, float, int]]:
    """Return (k, learning rate, width) of every pair: all combinations."""
    return list(product(PERCENTS[scale], LRS[kind, images], WIDTHS[scale][kind]))


class Study(nn.Module):
    """What was measured on every pair of the grid, on the training images.

    Attributes:
        pairs: (pairs, `PAIR_COLUMNS`).
        layers: (pairs, layers, `LAYER_COLUMNS`).
    """

    def __init__(self, pairs: int, layers: int) -> None:
        super().__init__()
        self.pairs: Tensor
        self.layers: Tensor
        self.register_buffer("pairs", torch.zeros(pairs, len(PAIR_COLUMNS)))
        self.register_buffer("layers", torch.zeros(pairs, layers, len(LAYER_COLUMNS)))

    def column(self, name: str) -> Tensor:
        """Return one quantity over all pairs: (pairs,)."""
        return self.pairs[:, PAIR_COLUMNS.index(name)]

    @property
    def parted(self) -> Tensor:
        """Which pairs have two different ends; the others have no barrier by definition, and nothing to predict: (pairs,)."""
        return self.column("distance") > 0

    def rank_agreement(self, predictor: str) -> float:
        """Return Spearman's correlation of a predictor with the barriers, over all pairs that parted."""
        return spearman(self.column(predictor)[self.parted], self.column("barrier")[self.parted])

    def layer_agreement(self, predictor: str) -> float:
        """Return Spearman's correlation of a layer-wise predictor with the layers' barriers, over the layers of all pairs that parted."""
        layers = self.layers[self.parted].flatten(0, 1)  # (parted * layers, columns)
        return spearman(layers[:, LAYER_COLUMNS.index(predictor)], layers[:, 0])

    def trend(self) -> float:
        """Return Spearman's correlation of the barrier with k, the mean over the combinations of learning rate and width."""
        percent, found = self.column("percent"), self.column("barrier")
        groups = self.pairs[:, 1:3].unique(dim=0)
        members = [(self.pairs[:, 1:3] == group).all(1) for group in groups]
        return sum(spearman(percent[m], found[m]) for m in members) / len(members)


def spearman(a: Tensor, b: Tensor) -> float:
    """Return the rank correlation of two vectors; 0 where one of them is constant and ranks nothing."""
    if bool((a == a[0]).all()) or bool((b == b[0]).all()):
        return 0.0
    return float(spearmanr(a.numpy(), b.numpy()).statistic)


def run_study(scale: str, kind: str, images: str, x: Tensor, y: Tensor, steps: int, schedule: str, seed: int) -> Study:
    """Train and measure every pair of the grid.

    Args:
        scale: `smoke` or `small`.
        kind: `mlp` or `cnn`.
        images: `digits` or `photos`.
        x: Training images (N, C, H, W).
        y: Their labels (N,).
        steps: Steps of each copy.
        schedule: Of the learning rate.
        seed: Of the batches.
    """
    networks = {width: build_network(kind, images, width) for width in WIDTHS[scale][kind]}
    starts = {width: network.init() for width, network in networks.items()}
    rows = grid(scale, kind, images)
    study = Study(len(rows), len(networks[rows[0][2]].layers))
    for index, (percent, lr, width) in enumerate(rows):
        network, theta_0, rates = networks[width], starts[width], learning_rates(lr, steps, schedule)
        run_1, run_2, _ = spawn(network, (theta_0, theta_0), percent, x, y, rates, seed=STREAMS * seed + index + 1)
        L, ends = network.loss_on(x, y), (run_1[-1], run_2[-1])
        study.pairs[index] = torch.tensor([percent, lr, width, *survey(L, *ends)])
        study.layers[index] = torch.tensor(survey_layers(L, *ends, network.blocks))
    return study


def survey(L: Loss, theta_1: Tensor, theta_2: Tensor) -> list[float]:
    """Return the barrier between two networks and what each predictor says."""
    return [float(answer(L, theta_1, theta_2)) for answer in (scan, *PREDICTORS.values())]


def survey_layers(L: Loss, theta_1: Tensor, theta_2: Tensor, blocks: Sequence[slice]) -> list[list[float]]:
    """Return B_l, B_hat_l and |d_l| of every layer."""
    d = theta_1 - theta_2
    return [
        [float(layer_barrier(L, theta_1, theta_2, block)), float(estimate(L, theta_1, theta_2, block)), float(d[block].norm())]
        for block in blocks
    ]
