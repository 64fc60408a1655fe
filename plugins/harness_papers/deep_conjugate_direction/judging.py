"""How many iterations a solver takes, on what it was trained for and on what it was not, and what the paper's page shows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from harness import Artifact, Chart, Image, Quality

from .network import best_step_loss
from .poisson import KINDS, as_torch, disc, laplacian
from .solvers import ClassicSolver, LearnedSolver, Solution

FEW = 20
"""Iterations within which the paper's method should reach any usual tolerance."""
LOOSE, TIGHT = 1e-4, 1e-6
RATIOS = ("others_ratio", "obstacle_ratio")


def judge(model: Any, vectors: Tensor, N: int) -> dict[str, Quality]:
    """Return how many iterations a solver takes at home, on mixtures as it was trained on, and how many more elsewhere.

    Args:
        model: A solver.
        vectors: (kinds, count, n).
        N: Cells a side.
    """
    A = laplacian(N)
    home = vectors[KINDS.index("ritz")]
    solved = solve_all(model, A, home)
    found = {"residual_20": float(np.mean([s.history[min(FEW, len(s.history) - 1)] for s in solved]))}
    if isinstance(model, LearnedSolver):
        found["loss"] = best_step_loss(model(home), home, as_torch(A)).item()
    if model.limit > 1:  # a single pass takes one iteration, whatever it reaches
        found |= {"iterations_1e4": _mean(solved, LOOSE, model.limit), "iterations_1e6": _mean(solved, TIGHT, model.limit)}
        given_up = any(s.history[-1] > TIGHT for s in solved)
        found |= dict.fromkeys(RATIOS, float(model.limit)) if given_up else _ratios(model, vectors, N, found["iterations_1e6"])
    return {name: Quality(value, "1", "lower") for name, value in found.items()}


def _ratios(model: Any, vectors: Tensor, N: int, home: float) -> dict[str, float]:
    """Return iterations over those on mixtures, `home`: the worst of the other sources, and plumes with a solid disc in their way."""
    A, solid = laplacian(N), disc(N)
    others = [solve_all(model, A, b) for kind, b in zip(KINDS, vectors, strict=True) if kind != "ritz"]
    around = solve_all(model, laplacian(N, solid=solid), vectors[KINDS.index("smoke")] * torch.from_numpy(~solid))
    worst = max(_mean(solved, TIGHT, model.limit) for solved in others)
    return dict(zip(RATIOS, (worst / home, _mean(around, TIGHT, model.limit) / home), strict=True))


def solve_all(model: Any, A: Any, b: Tensor) -> list[Solution]:
    """Solve A x = b for each of (count, n) to the tighter tolerance."""
    model.prepare(A)
    matrix = as_torch(A)
    return [model.solve(matrix, one, TIGHT) for one in b]


def _mean(solutions: Iterable[Solution], tol: float, limit: int) -> float:
    """Mean iterations to a tolerance; what misses it counts as having taken `limit`."""
    return float(np.mean([min(s.iterations(tol), limit) for s in solutions]))


def show(model: LearnedSolver, vectors: Tensor, N: int) -> dict[str, Artifact]:
    """Return residuals over iterations beside those of conjugate gradients, and a plume's pressure round the disc."""
    A = laplacian(N)
    rows = [
        {"solver": name, "right-hand side": kind, "iteration": k, "residual": max(residual, 1e-16)}
        for name, solver in (("DCDM", model), ("CG", ClassicSolver()))
        for kind, b in zip(KINDS, vectors, strict=True)
        for k, residual in enumerate(solve_all(solver, A, b[:1])[0].history)
    ]
    spec = {
        "mark": "line",
        "data": {"values": rows},
        "encoding": {
            "x": {"field": "iteration", "type": "quantitative"},
            "y": {"field": "residual", "type": "quantitative", "scale": {"type": "log"}, "title": "relative residual"},
            "color": {"field": "solver", "type": "nominal"},
            "strokeDash": {"field": "right-hand side", "type": "nominal"},
        },
    }
    solid = disc(N)
    around = laplacian(N, solid=solid)
    b = vectors[KINDS.index("smoke"), :1] * torch.from_numpy(~solid)
    (solution,) = solve_all(model, around, b)
    return {
        "residuals": Chart(spec, f"Residual over iterations on {N} x {N} cells, one right-hand side of each kind."),
        "plume": Image(
            _pair(b[0], solution.x, solid, N), "Left the source of a rising plume with a solid disc in its way, right the solution."
        ),
    }


def _pair(b: Tensor, x: Tensor, solid: np.ndarray, N: int) -> np.ndarray:
    """Return two fields side by side, up to 1 where largest, the floor below: (8 N, 16 N)."""
    pictures = []
    for field in (b.cpu().numpy(), x.cpu().numpy()):
        grey = 0.5 + 0.5 * field / np.abs(field).max()
        pictures.append(np.where(solid, 0.0, grey).reshape(N, N)[::-1])
    return np.kron(np.concatenate(pictures, 1), np.ones((8, 8)))
