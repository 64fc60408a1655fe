"""Two stages: points are moved to the surface, then what is drawn is compared with what was seen. The points stay where the first stage put them.

An object is seen in the world of its input camera. Any of its views can be the input, and any the view that is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor
from torch.nn import functional as F

from .objects import Objects
from .reconstructors import Reconstructor, TriplaneRadiance
from .splatting import pixel_centres


@dataclass(frozen=True)
class Plan:
    """How long and on what.

    Attributes:
        placing: Steps of the first stage.
        drawing: Steps of the second.
        batch: Objects a step.
        objects: To learn from.
        tested: To be judged on.
        views: Of each object.
        surface: Points of each object's surface.
        rays: Pixels of a view that volume rendering draws in a step.
    """

    placing: int
    drawing: int
    batch: int
    objects: int
    tested: int
    views: int
    surface: int
    rays: int


PLANS = {"smoke": Plan(2, 2, 4, 6, 2, 3, 64, 32), "small": Plan(150, 200, 4, 128, 16, 8, 512, 128)}
RATE, WARM, CLIP = 2e-3, 0.05, 1.0
"""Peak rate of Adam, the share of steps in which it rises, and the limit of the gradient."""

MATCHED = 64
"""About how many points the earth mover's distance is taken of: its cost grows with their third power."""


def fit(model: Reconstructor, seen: Objects, plan: Plan, steps: int, seed: int) -> Reconstructor:
    """Train a variant in place for at most `steps` steps.

    A variant without points draws in all steps.

    Args:
        model: Untrained.
        seen: The objects to learn from.
        plan: Lengths of the stages.
        steps: Of both stages together.
        seed: Of the batches.
    """
    generator = torch.Generator().manual_seed(seed)
    placing = 0 if isinstance(model, TriplaneRadiance) else min(steps, plan.placing)
    model.train()
    run(model, placing, lambda: placing_loss(model, draw(seen, plan.batch, generator)))
    if model.points is not None:
        model.points.requires_grad_(False).eval()
    run(model, steps - placing, lambda: drawing_loss(model, draw(seen, plan.batch, generator), plan, generator))
    return model.requires_grad_(True).eval()


def run(model: Reconstructor, steps: int, loss: Callable[[], Tensor]) -> None:
    """Take steps of Adam at a rate that rises and then falls along a cosine."""
    free = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.Adam(free, RATE)
    for step in range(steps):
        done = step / steps
        for part in optimizer.param_groups:
            part["lr"] = RATE * min(1, (done + 1 / steps) / WARM) * 0.5 * (1 + math.cos(math.pi * done))
        optimizer.zero_grad(set_to_none=True)
        loss().backward()
        torch.nn.utils.clip_grad_norm_(free, CLIP)
        optimizer.step()


@dataclass(frozen=True)
class Batch:
    """Objects in the worlds of their input cameras.

    Attributes:
        image: Input (B, 3, S, S).
        silhouette: Its mask and distances (B, 2, S, S).
        R: The camera of another view (B, 1, 3, 3).
        wanted: Colour and mask of that view (B, 4, S, S).
        surface: Points (B, P, 3).
    """

    image: Tensor
    silhouette: Tensor
    R: Tensor
    wanted: Tensor
    surface: Tensor


def draw(seen: Objects, batch: int, generator: torch.Generator) -> Batch:
    """Draw objects, an input view of each, and a view to be drawn, which may be the same."""
    count, views = seen.images.shape[:2]
    chosen = torch.randint(count, (batch,), generator=generator)
    given, other = torch.randint(views, (2, batch), generator=generator)
    R = seen.R[chosen, given]
    wanted = torch.cat((seen.images[chosen, other], seen.silhouettes[chosen, other, :1]), 1)
    return Batch(
        seen.images[chosen, given],
        seen.silhouettes[chosen, given],
        (R.mT @ seen.R[chosen, other])[:, None],
        wanted,
        seen.surface[chosen] @ R,
    )


def placing_loss(model: Reconstructor, batch: Batch) -> Tensor:
    """Return Chamfer distances of the points at each level, and the earth mover's distance of the coarsest."""
    levels = model.placed(batch.image)
    return earth_mover(levels[0], batch.surface) + sum(chamfer(points, batch.surface) for points in levels)


def chamfer(points: Tensor, surface: Tensor) -> Tensor:
    """Return the mean distance of each set, (B, N, 3) and (B, P, 3), from the nearest of the other, both ways."""
    away = torch.cdist(points, surface)
    return away.amin(1).mean() + away.amin(2).mean()


def earth_mover(points: Tensor, surface: Tensor) -> Tensor:
    """Return the mean distance of some of the points (B, N, 3) from as many of the surface's (B, P, 3), paired so that it is least."""
    some = points[:, :: max(1, points.shape[1] // MATCHED)]
    away = torch.cdist(some, surface[:, : some.shape[1]])
    pairs = [linear_sum_assignment(table) for table in away.detach().numpy()]
    return torch.stack([away[b, row, column].mean() for b, (row, column) in enumerate(pairs)]).mean()


def drawing_loss(model: Reconstructor, batch: Batch, plan: Plan, generator: torch.Generator) -> Tensor:
    """Return the squared error of colour and of opacity; volume rendering draws some pixels, splatting all."""
    represented = model.represent(batch.image, batch.silhouette)
    side = batch.wanted.shape[-1]
    if isinstance(model, TriplaneRadiance):
        some = torch.randint(side * side, (plan.rays,), generator=generator)
        drawn = model.rays(represented, batch.R, pixel_centres(side, batch.R)[some], side)[:, 0].mT
        return drawing_error(drawn, batch.wanted.flatten(2)[..., some])
    return drawing_error(model.render(represented, batch.R, side)[:, 0], batch.wanted)


def drawing_error(drawn: Tensor, wanted: Tensor) -> Tensor:
    """Return the squared error of colours and that of opacities, added up: (B, 4, ...), (B, 4, ...) -> ()."""
    return F.mse_loss(drawn[:, :3], wanted[:, :3]) + F.mse_loss(drawn[:, 3:], wanted[:, 3:])
