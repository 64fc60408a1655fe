"""Samplers: a loop over steps in which the encoder runs at key steps, and the decoder at all of them."""

from __future__ import annotations

import math
from itertools import accumulate

import torch
from torch import Tensor, nn

from .setting import INJECTED, INJECTED_BELOW, Plan, Shape
from .unet import UNet

TIMES = 1000
BETA_FIRST, BETA_LAST = 1e-4, 0.02
ALPHA_BAR = tuple(
    accumulate((1 - BETA_FIRST - (BETA_LAST - BETA_FIRST) * t / (TIMES - 1) for t in range(TIMES)), lambda product, alpha: product * alpha)
)
"""The share of an image's variance that is left at each time, on a linear schedule of noise."""


def sampling_times(steps: int) -> list[int]:
    """Return the times of the steps, noisiest first: 981, 961, ..., 1 for 50."""
    gap = TIMES // steps
    return [min(gap * step + 1, TIMES - 1) for step in reversed(range(steps))]


class Sampler(nn.Module):
    """A noise predictor with a way to sample from it: noise x_T (B, C, H, W) and conditions (B, L, d_c) -> samples (B, C, H, W).

    Args:
        unet: The noise predictor; nothing is added to it.
        plan: Steps, key steps, solver.
        shape: For the weight of guidance.
    """

    def __init__(self, unet: UNet, plan: Plan, shape: Shape) -> None:
        super().__init__()
        self.unet, self.plan, self.guidance = unet, plan, shape.guidance
        self.times = sampling_times(plan.rule.steps)

    def forward(self, noise: Tensor, c: Tensor, hint: Tensor | None = None) -> Tensor:
        """Draw samples; the same noise always gives the same samples."""
        solver = {"ddim": DDIM, "dpm": DPMSolver}[self.plan.solver](self.times)
        c = torch.cat([torch.zeros_like(c), c]) if self._guided else c  # (2B, L, d_c)
        hint = torch.cat([hint] * 2) if self._guided and hint is not None else hint
        x = noise
        for group in self.plan.groups:
            x = self._injected(x, noise, group[0])
            features = self.unet.encode(torch.cat([x] * 2) if self._guided else x, self._time(group[:1], c), c, hint)
            if self.plan.parallel:
                n = len(group)
                ahead = self.unet.decode(features.repeated(n), self._time(group, c), c.repeat(n, 1, 1)).chunk(n)
            for k, step in enumerate(group):
                predicted = ahead[k] if self.plan.parallel else self.unet.decode(features, self._time([step], c), c)
                x = x if k == 0 else self._injected(x, noise, step)
                x = solver.step(x, self._guide(predicted), step)
        return x

    @property
    def _guided(self) -> bool:
        return self.guidance != 1

    def _time(self, steps: list[int], c: Tensor) -> Tensor:
        """Return the time of each of the steps, once for every row of c: (n B,)."""
        return torch.tensor([self.times[step] for step in steps], device=c.device).repeat_interleave(len(c))

    def _guide(self, predicted: Tensor) -> Tensor:
        if not self._guided:
            return predicted
        without, under = predicted.chunk(2)
        return without + self.guidance * (under - without)

    def _injected(self, x: Tensor, noise: Tensor, step: int) -> Tensor:
        late = self.times[step] / TIMES < INJECTED_BELOW
        return x + INJECTED * noise if self.plan.injected and late else x


class DDIM:
    """The deterministic sampler of Song et al. (2021)."""

    def __init__(self, times: list[int]) -> None:
        self.alphas = [*(ALPHA_BAR[t] for t in times), ALPHA_BAR[0]]

    def step(self, x: Tensor, noise: Tensor, step: int) -> Tensor:
        """Go from one time to the next, given the predicted noise."""
        now, then = self.alphas[step : step + 2]
        clean = (x - math.sqrt(1 - now) * noise) / math.sqrt(now)
        return math.sqrt(then) * clean + math.sqrt(1 - then) * noise


class DPMSolver:
    """DPM-Solver++ of second order, multistep, by Lu et al. (2022); the first and the last step are of first order."""

    def __init__(self, times: list[int]) -> None:
        alphas = [*(ALPHA_BAR[t] for t in times), ALPHA_BAR[0]]
        self.alpha, self.sigma = [math.sqrt(a) for a in alphas], [math.sqrt(1 - a) for a in alphas]
        self.log_snr = [math.log(a / s) for a, s in zip(self.alpha, self.sigma, strict=True)]
        self.before: Tensor | None = None  # x_0 as it was predicted one step ago

    def step(self, x: Tensor, noise: Tensor, step: int) -> Tensor:
        """Go from one time to the next, given the predicted noise."""
        clean = (x - self.sigma[step] * noise) / self.alpha[step]
        h = self.log_snr[step + 1] - self.log_snr[step]
        ahead = clean
        if self.before is not None and step < len(self.alpha) - 2:
            ratio = (self.log_snr[step] - self.log_snr[step - 1]) / h
            ahead = clean + (clean - self.before) / (2 * ratio)
        self.before = clean
        return self.sigma[step + 1] / self.sigma[step] * x - self.alpha[step + 1] * math.expm1(-h) * ahead
