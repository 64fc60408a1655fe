"""Other ways to the same end: an LSTM, an echo-state network, and sparse regression of a vector field (SINDy)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from scipy.signal import savgol_filter
from torch import Tensor, nn

from .plrnn import Generator

SEGMENT = 5000
"""Observations, and up to twice as many, of each piece of training data that the reservoir reads side by side."""
WASHOUT = 100
"""Steps after which a reservoir has forgotten how it began; at most a third of a sequence."""


class LSTM(Generator):
    """An LSTM with a linear readout; while it is trained it is always fed with data.

    Args:
        N: Dimensions of an observation.
        hidden: Units.
        ahead: Steps that a call predicts.
    """

    largest_gradient: Tensor

    def __init__(self, N: int, hidden: int, ahead: int) -> None:
        super().__init__(ahead)
        self.cell = nn.LSTM(N, hidden, batch_first=True)
        self.readout = nn.Linear(hidden, N)
        self.register_buffer("largest_gradient", torch.zeros(()))

    def forced(self, x: Tensor, alphas: Sequence[float]) -> Tensor:
        """Return predictions of x_1..x_T from the data before each: (T + 1, B, N) -> (T, B, N). There is nothing to mix: `alphas` is not looked at."""
        predicted: Tensor = self.readout(self.cell(x[:-1].transpose(0, 1))[0])
        return predicted.transpose(0, 1)

    def start(self, context: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Return the last observation, and the cell's state after those before it."""
        return context[:, -1], self.cell(context[:, :-1])[1]

    def advance(self, state: tuple[Tensor, tuple[Tensor, Tensor]]) -> tuple[Tensor, tuple[Tensor, tuple[Tensor, Tensor]]]:
        """Feed back what was predicted."""
        x, inner = state
        out, inner = self.cell(x[:, None], inner)
        x = self.readout(out[:, 0])
        return x, (x, inner)


def lstm_width(N: int, parameters: int) -> int:
    """Return the number of units with which an LSTM and its readout come closest to so many parameters."""

    def counted(hidden: int) -> int:
        return 4 * hidden * (hidden + N + 2) + (hidden + 1) * N

    return min(range(1, 200), key=lambda hidden: abs(counted(hidden) - parameters))


class Reservoir(Generator):
    """An echo-state network: random recurrent units that are never trained, and a ridge regression from them to the next observation.

    Args:
        N: Dimensions of an observation.
        units: Of the reservoir.
        ahead: Steps that a call predicts.
        ridge: Penalty on the readout, for each observation.
        radius: Spectral radius of the recurrent matrix, by the circular law.
        scale: Of the inputs.
    """

    recurrent: Tensor
    inward: Tensor
    bias: Tensor
    squared: Tensor

    def __init__(self, N: int, units: int, ahead: int, ridge: float, radius: float = 0.9, scale: float = 0.5) -> None:
        super().__init__(ahead)
        self.ridge = ridge
        self.register_buffer("recurrent", radius * units**-0.5 * torch.randn(units, units))
        self.register_buffer("inward", scale * (2 * torch.rand(units, N) - 1))
        self.register_buffer("bias", scale * (2 * torch.rand(units) - 1))
        self.register_buffer("squared", torch.arange(units) % 2 == 1)
        self.readout = nn.Parameter(torch.zeros(units + 1, N), requires_grad=False)

    def excite(self, r: Tensor, x: Tensor) -> Tensor:
        """Return the units (B, units) after an observation (B, N)."""
        return torch.tanh(r @ self.recurrent.T + torch.addmm(self.bias, x, self.inward.T))

    def features(self, r: Tensor) -> Tensor:
        """Return what the readout sees: the units, every other one squared, and a constant: (..., units + 1)."""
        return torch.cat([torch.where(self.squared, r * r, r), torch.ones_like(r[..., :1])], -1)

    def start(self, context: Tensor) -> Tensor:
        """Return the units after the context, from rest."""
        r = context.new_zeros(len(context), len(self.bias))
        for x in context.unbind(1):
            r = self.excite(r, x)
        return r

    def advance(self, state: Tensor) -> tuple[Tensor, Tensor]:
        """Read the next observation off the units, and feed it back."""
        x = self.features(state) @ self.readout
        return x, self.excite(state, x)

    def statistics(self, x: Tensor) -> tuple[Tensor, Tensor, int]:
        """Return what the regression needs of sequences (T + 1, B, N): F^T F, F^T Y in double precision, and the number of rows."""
        r, visited = x.new_zeros(x.shape[1], len(self.bias)), []
        for x_t in x[:-1]:
            r = self.excite(r, x_t)
            visited.append(r)
        skipped = min(WASHOUT, len(x) // 3)
        features = self.features(torch.stack(visited[skipped:])).flatten(0, 1).double()
        return features.T @ features, features.T @ x[1 + skipped :].flatten(0, 1).double(), len(features)

    def learn(self, series: Tensor) -> None:
        """Fit the readout to (steps, N) observations."""
        pieces = max(1, len(series) // SEGMENT)
        length = len(series) // pieces
        gram, cross, rows = self.statistics(series[: pieces * length].view(pieces, length, -1).transpose(0, 1))
        gram.diagonal().add_(self.ridge * rows)
        self.readout.copy_(torch.linalg.solve(gram, cross))


class SINDy(Generator):
    """dx/dt as a sparse polynomial of degree two, fitted to smoothed data by thresholded least squares; steps are Runge-Kutta's.

    Args:
        N: Dimensions of an observation.
        ahead: Steps that a call predicts.
        dt: Time between two observations.
        window: Observations by which data are smoothed and differentiated, with a cubic.
        threshold: Share of an equation's largest coefficient below which a coefficient is dropped.
        rounds: Of dropping and fitting anew.
    """

    pairs: Tensor

    def __init__(self, N: int, ahead: int, dt: float, window: int, threshold: float = 0.02, rounds: int = 10) -> None:
        super().__init__(ahead)
        self.dt, self.window, self.threshold, self.rounds = dt, window, threshold, rounds
        self.register_buffer("pairs", torch.triu_indices(N, N))
        self.coefficients = nn.Parameter(torch.zeros(1 + N + N * (N + 1) // 2, N), requires_grad=False)

    def library(self, x: Tensor) -> Tensor:
        """Return 1, x_i and x_i x_j: (..., N) -> (..., 1 + N + N (N + 1) / 2)."""
        return torch.cat([torch.ones_like(x[..., :1]), x, x[..., self.pairs[0]] * x[..., self.pairs[1]]], -1)

    def field(self, x: Tensor) -> Tensor:
        """Return dx/dt."""
        return self.library(x) @ self.coefficients

    def start(self, context: Tensor) -> Tensor:
        """Return the last observation."""
        return context[:, -1]

    def advance(self, state: Tensor) -> tuple[Tensor, Tensor]:
        """Make a Runge-Kutta step of fourth order."""
        k1 = self.field(state)
        k2 = self.field(state + self.dt / 2 * k1)
        k3 = self.field(state + self.dt / 2 * k2)
        k4 = self.field(state + self.dt * k3)
        x = state + self.dt / 6 * (k1 + 2 * (k2 + k3) + k4)
        return x, x

    def statistics(self, x: Tensor) -> tuple[Tensor, Tensor, int]:
        """Return what the regression needs of sequences (T, B, N): F^T F, F^T dX in double precision, and the number of rows."""
        values = x.double().cpu().numpy()
        smooth, slope = (torch.from_numpy(savgol_filter(values, self.window, 3, deriv=d, delta=self.dt, axis=0)) for d in (0, 1))
        features = self.library(smooth.to(x.device)).flatten(0, 1)
        return features.T @ features, features.T @ slope.to(x.device).flatten(0, 1), len(features)

    def learn(self, series: Tensor) -> None:
        """Fit the coefficients to (steps, N) observations."""
        gram, cross, _ = self.statistics(series[:, None])
        self.coefficients.copy_(torch.stack([self._sparse(gram, column) for column in cross.T], 1))

    def _sparse(self, gram: Tensor, cross: Tensor) -> Tensor:
        found: Tensor = torch.linalg.solve(gram, cross)
        for _ in range(self.rounds):
            kept = found.abs() >= self.threshold * found.abs().max()
            found = torch.zeros_like(cross)
            found[kept] = torch.linalg.solve(gram[kept][:, kept], cross[kept])
        return found
