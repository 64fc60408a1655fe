"""What a variant is: built as it is initialised, or unlearned from what was trained once for all of them."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from harness import Budget, Data, Work

from .network import Unlearned, pack, unpack
from .setting import PLANS, Labelled, Scenario, build_network, scenario
from .training import originals, retrained
from .unlearning import UNLEARNERS, method_of, prune_untrained

TRAINED = "retrain"
"""The variant whose fit trains the networks that all others are made of."""
DENSE, SPARSE, SPARSE_RETRAINED = range(3)
"""Rows of what it keeps."""


def build(variant: str, scale: str, params: Mapping[str, Any], seed: int, fitted: Unlearned | None) -> Unlearned:
    """Return a variant: untrained, or unlearned from the networks that `fitted` keeps."""
    plan, (method, sparse) = PLANS[scale], method_of(variant)
    net = build_network(scale)
    if fitted is None:
        size = sum(value.numel() for value in net.state_dict().values() if value.is_floating_point())
        kept = torch.zeros(SPARSE_RETRAINED + 1 if variant == TRAINED else 0, size)
        return Unlearned(prune_untrained(net, plan.rate) if sparse else net, kept)
    reference = fitted.kept[SPARSE_RETRAINED] if sparse else pack(fitted.net)
    unpack(net, reference if method == TRAINED else fitted.kept[SPARSE if sparse else DENSE])
    if method != TRAINED:
        with torch.enable_grad():
            UNLEARNERS[method](net, scenario(scale, params["forget"], seed), plan, torch.Generator().manual_seed(seed))
    return Unlearned(net.eval(), reference.clone()[None])


def train(model: Unlearned, data: Data, scale: str, params: Mapping[str, Any], budget: Budget, seed: int) -> Unlearned:
    """Train on everything, dense and sparse, and again on what is retained, dense and sparse; in place."""
    plan, case = PLANS[scale], data.extra["scenario"]
    generator = torch.Generator().manual_seed(seed)
    origin = originals(model.net, case.training, plan, generator, params.get("pruner", "omp"), budget.steps)
    dense, sparse = (pack(retrained(scale, mask, case, plan, generator, budget.steps)) for mask in (None, origin.sparse))
    unpack(model.net, dense)
    model.kept.copy_(torch.stack([origin.dense, origin.sparse, sparse]))
    return model


def procedure(variant: str, model: Unlearned, data: Data, seed: int = 0) -> Work:
    """Return the whole unlearning procedure on the few images of a timed call; it starts from the same weights each time."""
    plan, (method, _) = PLANS[data.extra["scale"]], method_of(variant)
    x_r, y_r, x_f, y_f = data.inputs
    case = Scenario(Labelled(x_r, y_r), Labelled(x_f, y_f), Labelled(x_f[:0], y_f[:0]), -1)

    def run() -> Tensor:
        net = copy.deepcopy(model.net)
        UNLEARNERS[method](net, case, plan, torch.Generator().manual_seed(seed))
        return torch.cat([p.detach().flatten() for p in net.parameters()])

    return Work(run, items=len(x_r) + len(x_f))


def forward_only(model: Unlearned, data: Data) -> Work:
    """Return a forward pass over one image: what the published multiply-accumulates are of."""
    return Work(partial(model, *data.inputs), items=1)
