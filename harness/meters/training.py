"""The default supervised loop, and one step of it as a workload."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

from harness.plugin.validate import check_type
from harness.plugin.values import Budget, Data, Recipe


def train(model: torch.nn.Module, data: Data, recipe: Recipe, budget: Budget, seed: int) -> None:
    """Train `model` in place on `data` by shuffled mini-batches.

    Args:
        model: Called as `model(*inputs)` with slices of `data.inputs` along the first axis.
        data: The `train` split.
        recipe: Loss, length, optimizer.
        budget: Cuts the number of steps.
        seed: Of the shuffling.
    """
    check_type("default fit", "the model", model, torch.nn.Module)
    count = len(data.inputs[0])
    batches = math.ceil(count / recipe.batch_size)
    steps = budget.cap(batches * recipe.epochs)
    optimizer = make_optimizer(model, recipe)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(recipe, step, batches * recipe.epochs))
    generator = torch.Generator().manual_seed(seed)
    order: list[torch.Tensor] = []
    model.train()
    for _ in range(steps):
        if not order:
            order = list(torch.randperm(count, generator=generator).split(recipe.batch_size))
        chosen = order.pop()
        output = model(*(_take(x, chosen) for x in data.inputs))
        _update(model, optimizer, recipe, recipe.loss(output, _take(data.targets, chosen)))
        scheduler.step()
    model.eval()


def train_step(model: torch.nn.Module, data: Data, recipe: Recipe) -> Callable[[], Any]:
    """Return a call that does forward, loss, backward and an optimizer step on the `profile` inputs."""
    check_type("workload 'train_step'", "the model", model, torch.nn.Module)
    optimizer = make_optimizer(model, recipe)
    model.train()

    def step() -> torch.Tensor:
        with torch.enable_grad():
            loss: torch.Tensor = recipe.loss(model(*data.inputs), data.targets)
            _update(model, optimizer, recipe, loss)
        return loss.detach()

    return step


def make_optimizer(model: torch.nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Return the recipe's optimizer over the parameters that train."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(parameters, recipe.lr, momentum=recipe.momentum, weight_decay=recipe.weight_decay)
    kind = torch.optim.AdamW if recipe.optimizer == "adamw" else torch.optim.Adam
    return kind(parameters, recipe.lr, weight_decay=recipe.weight_decay)


def _rate(recipe: Recipe, step: int, total: int) -> float:
    return 1.0 if recipe.schedule == "constant" else 0.5 * (1.0 + math.cos(math.pi * min(step, total) / total))


def _update(model: torch.nn.Module, optimizer: torch.optim.Optimizer, recipe: Recipe, loss: torch.Tensor) -> None:
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    if recipe.clip:
        torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.clip)
    optimizer.step()


def _take(values: Any, chosen: torch.Tensor) -> Any:
    """Return the chosen examples of a tensor, or of each tensor in a tuple."""
    return tuple(_take(v, chosen) for v in values) if isinstance(values, tuple) else values[chosen]
