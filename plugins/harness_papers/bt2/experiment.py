"""What a variant is: an encoder that is deployed while the gallery is still the old one; and how it came about."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from harness import Budget, Data, Quality, Work

from .network import Deployed, Encoder
from .retrieval import nearest, ranking
from .setting import BACKFILL, INDEPENDENT, OLD, TASKS, Labelled, Task, encoder, images
from .training import anchors, embed, train

MATCHED = "bt2"
"""The variant that matches an independent new model as well."""
QUALITIES = {
    "cross_top1": "higher",
    "cross_map": "higher",
    "top1": "higher",
    "map": "higher",
    "gallery_passes": "lower",
    "trained_images": "lower",
}
UNITS = {"gallery_passes": "images", "trained_images": "images"}


def build(variant: str, scale: str, params: Mapping[str, Any], seed: int, fitted: Deployed | None) -> Deployed:
    """Return a variant: untrained, or made from the independent models of all generations."""
    task = TASKS[params["task"], scale]
    if fitted is None:
        made = encoder(variant, task, 0 if variant == OLD else task.last)
        kept = states(line(task)) if variant == INDEPENDENT else torch.zeros(0)
        return Deployed(made, torch.zeros(0 if scale == "paper" else len(images(task, "test").x), task.d), kept)
    alone = restore(line(task), fitted.kept)
    if variant == OLD:
        made = alone[0]
    elif variant == BACKFILL:
        made = alone[-1]
    else:
        with torch.enable_grad():
            made = upgraded(variant, task, alone, torch.Generator().manual_seed(seed))
    return Deployed(made.eval(), fitted.gallery.clone(), torch.zeros(0))


def line(task: Task) -> list[Encoder]:
    """Return fresh independent encoders of all generations."""
    return [encoder(INDEPENDENT, task, generation) for generation in range(task.last + 1)]


def fit(model: Deployed, scale: str, params: Mapping[str, Any], budget: Budget, seed: int) -> Deployed:
    """Train the independent models of all generations, and embed the gallery with the oldest; in place."""
    task, generator = TASKS[params["task"], scale], torch.Generator().manual_seed(seed)
    whole = images(task, "train")
    models = line(task)
    for model_of, classes in zip(models, task.classes, strict=True):
        train(model_of, whole.first(classes), task, generator, limit=budget.steps)
    model.encoder.load_state_dict(models[-1].state_dict())
    model.kept.copy_(states(models))
    model.gallery.copy_(embed(models[0], images(task, "test").x))
    return model


def upgraded(variant: str, task: Task, alone: list[Encoder], generator: torch.Generator) -> Encoder:
    """Return the newest encoder of a line in which each holds on to the one before it, from the oldest model on."""
    whole, previous = images(task, "train"), alone[0]
    for generation, classes in enumerate(task.classes[1:], start=1):
        shown = whole.first(classes)
        held = anchors(previous, alone[generation] if variant == MATCHED else None, shown, classes)
        previous = train(encoder(variant, task, generation), shown, task, generator, held)
    return previous


def states(models: list[Encoder]) -> Tensor:
    """Return the parameters and statistics of encoders as one vector (S,)."""
    return torch.cat([value.flatten() for model in models for value in _values(model)])


def restore(models: list[Encoder], state: Tensor) -> list[Encoder]:
    """Give encoders the states that `states` returned; in place."""
    targets = [value for model in models for value in _values(model)]
    with torch.no_grad():
        for value, part in zip(targets, state.split([v.numel() for v in targets]), strict=True):
            value.copy_(part.view_as(value))
    for model in models:
        model.eval()
    return models


def _values(model: nn.Module) -> list[Tensor]:
    return [value for value in model.state_dict().values() if value.is_floating_point()]


# Service


def served(variant: str, model: Deployed, x: Tensor) -> tuple[Tensor, int]:
    """Return the gallery that queries meet on the day of the upgrade, and how many images had to be embedded anew for it."""
    return (embed(model.encoder, x), len(x)) if variant == BACKFILL else (model.gallery, 0)


def judge(variant: str, model: Deployed, data: Data, scale: str, params: Mapping[str, Any]) -> dict[str, Quality]:
    """Return a variant's qualities on the test images: with the gallery as it is on that day, and once all of it is new."""
    (x,), y, task = data.inputs, data.targets, TASKS[params["task"], scale]
    g = embed(model.encoder, x)
    gallery, passes = served(variant, model, x)
    cross_top1, cross_map = ranking(g[:, : gallery.shape[1]], gallery, y)
    top1, precision = ranking(g, g, y)
    found = (cross_top1, cross_map, top1, precision, passes, trained_images(variant, task))
    return {name: Quality(value, UNITS.get(name, "1"), better) for (name, better), value in zip(QUALITIES.items(), found, strict=True)}


def trained_images(variant: str, task: Task) -> int:
    """Return how many images training saw since the oldest model; BT^2 needs the independent models as well."""
    if variant == OLD:
        return 0
    y = images(task, "train").y
    seen = sum(task.epochs * int((y < classes).sum()) for classes in task.classes[1:])
    if variant in (INDEPENDENT, BACKFILL):
        return task.epochs * int((y < task.classes[-1]).sum())
    return 2 * seen if variant == MATCHED else seen


def work(name: str, model: Deployed, data: Data) -> Work:
    """Prepare a call: `query` embeds images and finds their nearest items, `search` finds those of features that are there already."""
    (x,), count = data.inputs, data.extra["items"]
    generator = torch.Generator().manual_seed(0)
    queries, gallery = (F.normalize(torch.randn(n, model.encoder.width, generator=generator)).to(x) for n in (len(x), count))
    if name == "search":
        return Work(partial(nearest, queries, gallery), items=len(x))
    return Work(lambda: nearest(model(x), gallery), items=len(x))


def by_novelty(model: Deployed, shown: Labelled, classes: int) -> list[tuple[str, str, float]]:
    """Return top-1 of queries whose class the oldest model knew, and of others, against the old gallery and the new."""
    g = embed(model.encoder, shown.x)
    found = []
    for name, gallery in (("old gallery", model.gallery), ("new gallery", g)):
        scores = F.normalize(g[:, : gallery.shape[1]]) @ F.normalize(gallery).T
        hit = (shown.y[scores.fill_diagonal_(-1e9).argmax(1)] == shown.y).float()
        for known, chosen in (("known to the old model", shown.y < classes), ("new classes", shown.y >= classes)):
            found.append((name, known, float(hit[chosen].mean())))
    return found
