"""How large each experiment is, and the solvers and vectors that it takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from harness import Data

from .network import PAIRS, DirectionNet
from .poisson import KINDS, as_torch, laplacian, right_hand_sides, ritz
from .solvers import ClassicSolver, Deflated, IncompleteCholesky, LearnedSolver

TOL = 1e-6
"""Relative residual at which a timed solve stops."""


@dataclass(frozen=True)
class Setting:
    """One scale.

    Attributes:
        dims: Of the grid.
        channels: Of the network.
        trained_on: Cells a side of the grid that the network is trained on, whichever it is used on.
        m: Lanczos iterations.
        steps: Of training.
        tests: Right-hand sides of each kind.
        limit: Iterations after which a learned solver is given up.
    """

    dims: int
    channels: int
    trained_on: int
    m: int
    steps: int
    tests: int
    limit: int


SETTINGS = {
    "smoke": Setting(2, 8, 16, 60, 10, 1, 50),
    "small": Setting(2, 16, 32, 200, 600, 3, 200),
    "paper": Setting(3, 16, 64, 200, 0, 0, 200),
}


def build(variant: str, scale: str, params: Mapping[str, Any], fitted: Any) -> Any:
    """Return a solver, untrained; around a trained network where one is given."""
    setting = SETTINGS[scale]
    classic = {"cg": ClassicSolver, "icpcg": IncompleteCholesky, "deflated": lambda: Deflated(setting.m)}
    if variant in classic:
        return classic[variant]()
    if fitted is None:
        pairs = PAIRS["N128" if params["N"] >= 128 else "N64"]
        f = DirectionNet(params.get("dims", setting.dims), setting.channels, pairs)
    else:
        f = fitted.f
    return LearnedSolver(f, kept=0 if variant == "refine" else 2, limit=1 if variant == "single_pass" else setting.limit)


def profile(scale: str, params: Mapping[str, Any]) -> Data:
    """Return one right-hand side: a plume's, and at paper scale, where only shapes matter, noise."""
    N, setting = params["N"], SETTINGS[scale]
    if scale == "paper":
        b = torch.randn(N ** params.get("dims", setting.dims), dtype=torch.float64)
        return Data((b / b.norm(),), items=1)
    return Data((right_hand_sides("smoke", N, setting.m, 1)[0],), items=1)


def training_vectors(scale: str) -> Data:
    """Return the Ritz vectors that training vectors are mixed from, and the matrix."""
    setting = SETTINGS[scale]
    _, Q = ritz(setting.trained_on, setting.m)
    return Data((Q,), extra={"A": as_torch(laplacian(setting.trained_on))})


def tests(scale: str, params: Mapping[str, Any]) -> Data:
    """Return right-hand sides of every kind, (kinds, count, n)."""
    N, setting = params["N"], SETTINGS[scale]
    return Data((torch.stack([right_hand_sides(kind, N, setting.m, setting.tests, seed=1) for kind in KINDS]),))
