"""How the networks learn: short sequences from anywhere in the data, one optimizer for all, forced as the variant says."""

from __future__ import annotations

from collections.abc import Callable
from itertools import repeat

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from harness import Budget

from .baselines import LSTM, Reservoir, SINDy, lstm_width
from .plrnn import ShallowPLRNN, estimated_alpha
from .setting import FORCINGS, Forcing, Setting

BATCH = 16
"""Sequences a step, as the authors'."""
START, END = 1e-2, 1e-4
"""Learning rate, falling exponentially; ten times the authors' at the start, since there are sixty times fewer steps."""
CLIP = 10.0
"""Largest norm of a gradient. It is there for training without forcing, and the same for all."""
EVERY = 5
"""Steps from one estimate of the adaptive alpha to the next."""
DECAY = 0.99
"""How much of the adaptive alpha is kept where the estimate is lower; 0.999 in the authors' settings, for sixty times as many estimates."""


Model = ShallowPLRNN | LSTM | Reservoir | SINDy


def build(variant: str, setting: Setting, affine: bool) -> Model:
    """Return a variant, untrained."""
    N, L = setting.N, setting.L
    if variant == "lstm":
        return LSTM(N, lstm_width(N, 2 * N * L + 2 * N + L), setting.ahead)
    if variant == "reservoir":
        return Reservoir(N, setting.units, setting.ahead, setting.ridge)
    if variant == "sindy":
        return SINDy(N, setting.ahead, setting.dt, setting.window)
    return ShallowPLRNN(N, N, L, setting.ahead, affine=affine)


def fit(model: Model, variant: str, series: Tensor, setting: Setting, budget: Budget, seed: int) -> Model:
    """Fit a model in place to observations (steps, N)."""
    if isinstance(model, Reservoir | SINDy):
        model.learn(series)
        return model
    generator = torch.Generator().manual_seed(seed)
    learner = Learner(model, FORCINGS.get(variant, FORCINGS["one_step"]), setting.T)
    schedule = torch.optim.lr_scheduler.ExponentialLR(learner.optimizer, (END / START) ** (1 / setting.steps))
    model.train()
    for _ in repeat(None, budget.cap(setting.steps)):
        learner.step(sequences(series, setting.T, BATCH, generator))
        schedule.step()
    if isinstance(model, ShallowPLRNN):
        model.alpha.fill_(learner.alpha)
    return model.eval()


def sequences(series: Tensor, T: int, count: int, generator: torch.Generator) -> Tensor:
    """Return stretches of (steps, N) observations from random places: (T + 1, count, N)."""
    starts = torch.randint(len(series) - T, (count,), generator=generator)
    return series[starts + torch.arange(T + 1)[:, None]]


class Learner:
    """A network in training.

    Args:
        model: Changed in place.
        forcing: How its state is drawn to the data.
        T: Steps of a sequence.
    """

    def __init__(self, model: ShallowPLRNN | LSTM, forcing: Forcing, T: int) -> None:
        self.model, self.forcing, self.T = model, forcing, T
        self.alpha, self.taken = forcing.alpha, 0
        self.optimizer = torch.optim.RAdam(model.parameters(), START)

    def step(self, x: Tensor) -> Tensor:
        """Make one step on sequences (T + 1, B, N) and return the loss."""
        if self.forcing.adaptive and isinstance(self.model, ShallowPLRNN) and self.taken % EVERY == 0:
            self.adapt(self.model, x)
        self.taken += 1
        loss = F.mse_loss(self.model.forced(x, self.alphas()), x[1:])
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), CLIP)
        if torch.isfinite(norm):  # one overflow would leave nothing of the weights
            self.model.largest_gradient.copy_(torch.maximum(self.model.largest_gradient, norm))
            self.optimizer.step()
        return loss.detach()

    def alphas(self) -> tuple[float, ...]:
        """Return alpha after each step of a sequence."""
        every = self.forcing.every or 1
        return tuple(self.alpha if t % every == 0 else 0.0 for t in range(1, self.T + 1))

    @torch.no_grad()
    def adapt(self, model: ShallowPLRNN, x: Tensor) -> None:
        """Follow the Jacobians at the data: up at once, down slowly."""
        estimate = estimated_alpha(model.jacobian(model.encode(x[1:])))
        self.alpha = estimate if estimate > self.alpha else DECAY * self.alpha + (1 - DECAY) * estimate


def training_step(model: Model, variant: str, x: Tensor) -> Callable[[], Tensor]:
    """Return a call that learns from sequences (T + 1, B, N) once: a gradient step, or the sums that a regression adds up."""
    if isinstance(model, Reservoir | SINDy):
        return lambda: model.statistics(x)[0]
    learner = Learner(model.train(), FORCINGS.get(variant, FORCINGS["one_step"]), len(x) - 1)
    return lambda: learner.step(x)
