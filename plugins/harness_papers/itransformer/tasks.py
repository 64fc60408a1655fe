"""The series of the card's axis `series`, cut into windows for every split."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch

from harness import Data, Recipe
from harness_papers._kit.series import Series, calendar, lagged_factors, real_series, split, windows

from .network import Shape
from .partial import mse

CROWD = 4
"""Times as many variates in `crowded` and `leaders` as the axis `variates` says."""
STRONG_DRIFT = 3.0
"""Slow change in `drifting`, in standard deviations of the signal."""
SHORT_HORIZON = 24
"""Steps to forecast in `leaders`: what a leader knows of its followers is no further ahead."""
REAL_HORIZON = 12
"""Steps to forecast in `macrodata`, three years of quarters: its test part has no 96 steps."""
REAL_VARIATES = 12

STEPS = {"smoke": 1000, "small": 8000, "paper": 4000}
EVERY = 3
"""Steps from one training window of a generated series to the next; neighbours share nearly all they hold."""
BATCH = {"smoke": 4, "small": 4, "paper": 16}
"""Windows of one timed call; 16 is the authors' in their efficiency figure."""

RECIPE = Recipe(loss=mse, epochs=3, batch_size=8, lr=3e-3, optimizer="adam", schedule="cosine")
"""The rate is the best of 0.3, 1 and 3 thousandths on the validation part, for every model alike; 8 windows a step did better than 16."""
REAL_EPOCHS = 100
"""Passes over the few windows of `macrodata`."""


def shape(params: Mapping[str, Any]) -> Shape:
    """Return what a model sees at a sweep point: N, T and S."""
    N, T, S = params["variates"], params["lookback"], params["horizon"]
    match params["series"]:
        case "crowded":
            return Shape(CROWD * N, T, S)
        case "leaders":
            return Shape(CROWD * N, T, min(S, SHORT_HORIZON))
        case "macrodata":
            return Shape(min(N, REAL_VARIATES), T, min(S, REAL_HORIZON))
    return Shape(N, T, S)


def series(scale: str, params: Mapping[str, Any]) -> Series:
    """Return the whole series of a sweep point. No run's seed enters: all runs forecast the same future."""
    N = shape(params).N
    match params["series"]:
        case "leaders":
            return lagged_factors(N, STEPS[scale], follows=1)
        case "drifting":
            return lagged_factors(N, STEPS[scale], drift=STRONG_DRIFT)
        case "macrodata":
            real = real_series("macrodata")
            return Series(real.values[:, :N], real.stamps, real.names[:N])
    return lagged_factors(N, STEPS[scale])


def cut(scale: str, part: str, params: Mapping[str, Any]) -> Data:
    """Return past (W, T, N) and calendar (W, T + S, 4) as inputs, the future (W, S, N) as targets."""
    _, T, S = shape(params)
    chosen = split(series(scale, params), "train" if part == "profile" else part, T)
    real = params["series"] == "macrodata"
    every = EVERY if part == "train" and not real else 1
    past, future = windows(chosen.values, T, S, every)
    marks = torch.cat(windows(calendar(chosen.stamps), T, S, every), dim=1)
    if part == "profile":
        past, marks, future = (t[: BATCH[scale]].contiguous() for t in (past, marks, future))
    return Data(inputs=(past, marks), targets=future, recipe=replace(RECIPE, epochs=REAL_EPOCHS) if real else RECIPE)
