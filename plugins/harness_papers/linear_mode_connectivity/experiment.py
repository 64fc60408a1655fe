"""The experiment of each variant: which pair it is, how it comes about, and what is measured on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from harness import Budget
from harness_papers.linear_mode_connectivity.barrier import distance, estimate, path, scan, sharpness
from harness_papers.linear_mode_connectivity.matching import match, permute
from harness_papers.linear_mode_connectivity.network import build_network
from harness_papers.linear_mode_connectivity.pair import ANSWERS, Pair
from harness_papers.linear_mode_connectivity.study import Study, grid, run_study
from harness_papers.linear_mode_connectivity.toy import descend_pairs
from harness_papers.linear_mode_connectivity.training import LENGTHS, LRS, QUANTITIES, history, learning_rates, spawn, total_steps

Images = tuple[Tensor, Tensor]
"""Images (N, C, H, W) and labels (N,)."""

WIDTHS = {"smoke": {"mlp": 16, "cnn": 4}, "small": {"mlp": 32, "cnn": 16}, "paper": {"mlp": 128, "cnn": 16}}
"""Hidden units or channels of the pair. Narrow at `small`, where a barrier between copies is plain to see."""

SPAWN_PERCENT = {"spawn_late": 30, "spawn_early": 0, "different_init": 0}
"""k of the pairs that are trained: the share of the training after which the two copies part."""
PAIRS = (*SPAWN_PERCENT, "aligned")
"""Variants with networks of their own; the others judge those of `spawn_late` in another way."""
PREDICTS = {"spawn_late": "estimate", "midpoint": "midpoint", "distance": "distance", "sharpness": "sharpness"}
"""Variants that share the study, and the column that holds their answer for each of its pairs."""
PARTS = {"spawn_late": "late", "spawn_early": "early"}
"""When the copies part in the toy landscape."""

CONNECTED_LOSS = 0.05
CONNECTED_ERROR = 0.02
"""Two networks are linearly connected where the barrier on the training images is no higher than one of these."""


def build(variant: str, scale: str, params: Mapping[str, Any], fitted: Pair | None) -> Pair:
    """Return a variant's pair: as initialised, or made from the fitted pair of another variant."""
    kind, images = params["network"], params["images"]
    network = build_network(kind, images, WIDTHS[scale][kind])
    if fitted is None:
        theta_1 = network.init()
        theta_2 = network.init() if variant in ("different_init", "aligned") else theta_1.clone()
    else:
        theta_1, theta_2 = (theta.clone() for theta in fitted.ends)
        if variant == "aligned":
            theta_2 = permute(network, theta_2, match(network, theta_1, theta_2))
    moments = torch.zeros(LENGTHS[scale].moments + 1, len(QUANTITIES)) if variant in SPAWN_PERCENT else None
    study = Study(len(grid(scale, kind, images)), len(network.layers)) if variant in PREDICTS else None
    if study is not None and fitted is not None and fitted.study is not None:
        study.load_state_dict(fitted.study.state_dict())
    return Pair(network, ANSWERS[variant], theta_1, theta_2, moments, study)


def train(variant: str, pair: Pair, data: Images, scale: str, params: Mapping[str, Any], budget: Budget, seed: int) -> Pair:
    """Train a pair in place, and run the study too where the pair has room for it: with the subject."""
    x, y = data
    kind, images, schedule = params["network"], params["images"], params.get("schedule", "cosine")
    steps, moments = budget.cap(total_steps(len(x), LENGTHS[scale].epochs)), LENGTHS[scale].moments
    rates = learning_rates(max(LRS[kind, images]), steps, schedule)
    *runs, stops = spawn(pair.network, pair.ends, SPAWN_PERCENT[variant], x, y, rates, seed, moments)
    with torch.no_grad():
        for theta, run in zip((pair.theta_1, pair.theta_2), runs, strict=True):
            theta.copy_(run[-1])
        pair.history.copy_(history(pair.network.loss_on(x, y), *runs, stops))
    if pair.study is not None:
        pair.study = run_study(scale, kind, images, x, y, steps, schedule, seed)
    return pair


def judge(variant: str, pair: Pair, train_set: Images, test_set: Images, seed: int) -> dict[str, float]:
    """Return every quality that has a meaning for a variant, by name."""
    found: dict[str, float] = {}
    if variant in PAIRS:
        found |= geometry(pair, train_set, test_set)
    if variant == "scan":
        found["barrier"] = float(scan(pair.network.loss_on(*train_set), *pair.ends))
    if pair.history is not None:
        found |= {name: float(pair.history[-1, QUANTITIES.index(name)]) for name in ("cosine", "ridge")}
    if pair.study is not None:
        found["rank_agreement"] = pair.study.rank_agreement(PREDICTS[variant])
        if variant in ("spawn_late", "distance"):
            found["layer_agreement"] = pair.study.layer_agreement(PREDICTS[variant])
        if variant == "spawn_late":
            found["trend"] = pair.study.trend()
    if variant in PARTS:
        found["toy_barrier"] = float(descend_pairs(PARTS[variant], seed).barriers.mean())
    return found


def geometry(pair: Pair, train_set: Images, test_set: Images) -> dict[str, float]:
    """Return what can be measured on two networks and the line between them."""
    L, L_test = pair.network.loss_on(*train_set), pair.network.loss_on(*test_set)
    found = {
        "barrier": scan(L, *pair.ends),
        "barrier_test": scan(L_test, *pair.ends),
        "barrier_error": scan(lambda theta: pair.network.error(theta, *test_set), *pair.ends),
        "barrier_hat": estimate(L, *pair.ends),
        "distance": distance(L, *pair.ends),
        "sharpness": sharpness(L, *pair.ends),
        "accuracy": 1 - torch.stack([pair.network.error(theta, *test_set) for theta in pair.ends]).max(),
    }
    error = scan(lambda theta: pair.network.error(theta, *train_set), *pair.ends)
    found["connected"] = (found["barrier"] <= CONNECTED_LOSS) | (error <= CONNECTED_ERROR)
    return {name: float(value) for name, value in found.items()}


def path_table(pair: Pair, train_set: Images, test_set: Images) -> dict[str, list[float]]:
    """Return what a network meets on the straight path: training loss, test loss, test error, each (points,)."""
    measured = {
        "training loss": pair.network.loss_on(*train_set),
        "test loss": pair.network.loss_on(*test_set),
        "test error": lambda theta: pair.network.error(theta, *test_set),
    }
    return {name: path(L, *pair.ends).tolist() for name, L in measured.items()}
