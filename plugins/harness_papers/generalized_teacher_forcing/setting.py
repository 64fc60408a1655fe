"""The numbers of each experiment: one row for a system at a scale. Imports no torch."""

from __future__ import annotations

from dataclasses import dataclass

EXPONENT = 0.906
"""Largest Lyapunov exponent of the Lorenz system, per unit of time."""


@dataclass(frozen=True)
class Setting:
    """One system at one scale.

    Attributes:
        N: Dimensions of an observation, and of the latent state.
        L: Hidden units of the network.
        T: Steps of a training sequence.
        steps: Of the optimizer.
        train: Observations to learn from.
        test: Observations that the free-running model is held against.
        dt: Time between two observations.
        noise: Standard deviation of what is added to the training data, in standard deviations of the data.
        context: Observations that a model is shown before it goes on by itself.
        ahead: Steps that one call predicts.
        contexts: Of one timed call.
        units: Of the reservoir.
        ridge: Penalty on the reservoir's readout, for each observation: the square of a noise in the units that it should not mind.
        window: Observations by which SINDy smooths, odd.
        smoothing: Standard deviation of the Gaussian by which power spectra are smoothed, in bins.
        affine: Whether observations are a learnt linear map of the latent state.
    """

    N: int
    L: int
    T: int
    steps: int = 0
    train: int = 0
    test: int = 0
    dt: float = 0.01
    noise: float = 0.0
    context: int = 50
    ahead: int = 20
    contexts: int = 64
    units: int = 500
    ridge: float = 1e-5
    window: int = 21
    smoothing: float = 20.0
    affine: bool = False


SETTINGS = {
    ("lorenz63", "smoke"): Setting(
        3, 16, 30, steps=200, train=3000, test=2000, noise=0.05, context=10, ahead=10, contexts=8, units=50, smoothing=5.0
    ),
    ("lorenz63", "small"): Setting(3, 50, 100, steps=4000, train=50_000, test=10_000, noise=0.05),
    ("sunspots", "small"): Setting(5, 50, 50, steps=1500, train=229, test=305, dt=1.0, context=20, ridge=1e-2, window=5, smoothing=2.0),
    ("lorenz63", "paper"): Setting(3, 50, 200, ahead=1, contexts=1),
    ("lorenz96", "paper"): Setting(20, 100, 200, dt=0.04, ahead=1, contexts=1),
    ("ecg", "paper"): Setting(5, 250, 200, ahead=1, contexts=1, affine=True),
}


@dataclass(frozen=True)
class Forcing:
    """How far the latent state is drawn to the data after each step of training.

    Attributes:
        alpha: The share of the data; the first one where it is adaptive.
        every: Forced fully, but only after so many steps; 0 at each of them.
        adaptive: Whether alpha follows the network's Jacobians.
    """

    alpha: float
    every: int = 0
    adaptive: bool = False


FORCINGS = {
    "gtf": Forcing(0.15),
    "agtf": Forcing(1.0, adaptive=True),
    "bptt": Forcing(0.0),
    "one_step": Forcing(1.0),
    "sparse": Forcing(1.0, every=16),
}
"""Variants that are one network, trained in different ways. Sixteen steps are what the authors' settings have."""
