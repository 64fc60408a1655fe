"""The shallow piecewise-linear recurrent network, and what every model here can do: be shown observations and go on by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .rollout import Rollout, gates

THRESHOLD = 1.5
"""Thresholds h2 start within so many standard deviations of the data: a clipped unit whose h2 is 0 does nothing."""
OUTER = 0.5
"""Outer weights W1 start at this over sqrt(L)."""


class Generator(nn.Module):
    """A model that takes up a context and goes on from there.

    Args:
        ahead: Steps that a call predicts.
    """

    def __init__(self, ahead: int) -> None:
        super().__init__()
        self.ahead = ahead

    def start(self, context: Tensor) -> Any:
        """Return the state after (B, C, N) observations."""
        raise NotImplementedError

    def advance(self, state: Any) -> tuple[Tensor, Any]:
        """Return the next observation (B, N) and the state after it."""
        raise NotImplementedError

    def forward(self, context: Tensor) -> Tensor:
        """Predict: (B, C, N) -> (B, ahead, N)."""
        return torch.stack(self.run(context, self.ahead), 1)

    def run(self, context: Tensor, steps: int) -> list[Tensor]:
        """Return the next observations, (B, N) each."""
        state, found = self.start(context), []
        for _ in range(steps):
            x, state = self.advance(state)
            found.append(x)
        return found


class ShallowPLRNN(Generator):
    """z_t = A z_(t-1) + W1 phi(W2 z_(t-1)) + h1 with A diagonal, phi(u) = relu(u + h2) - relu(u), or relu(u + h2) where it is not clipped.

    The clipped phi is bounded, so that orbits are where |A| < 1.

    Args:
        N: Dimensions of an observation.
        M: Of the latent state.
        L: Hidden units.
        ahead: Steps that a call predicts.
        clipped: Which phi.
        affine: Whether x = B z; else x = z.
    """

    largest_gradient: Tensor
    alpha: Tensor

    def __init__(self, N: int, M: int, L: int, ahead: int = 1, clipped: bool = True, affine: bool = False) -> None:
        super().__init__(ahead)
        self.clipped = clipped
        R = torch.randn(M, M)
        K = R.T @ R / M + torch.eye(M)
        self.A = nn.Parameter(K.diagonal() / torch.linalg.eigvalsh(K)[-1])
        self.W1 = nn.Parameter(OUTER * L**-0.5 * torch.randn(M, L))
        self.W2 = nn.Parameter(M**-0.5 * (2 * torch.rand(L, M) - 1))
        self.h1 = nn.Parameter(torch.zeros(M))
        self.h2 = nn.Parameter(THRESHOLD * (2 * torch.rand(L) - 1))
        self.B = nn.Parameter(torch.eye(N, M) + 0.1 * torch.randn(N, M)) if affine else None
        self.register_buffer("largest_gradient", torch.zeros(()))
        self.register_buffer("alpha", torch.zeros(()))

    @property
    def weights(self) -> tuple[Tensor, ...]:
        """A (M), W1 (M, L), W2 (L, M), h1 (M) and h2 (L)."""
        return self.A, self.W1, self.W2, self.h1, self.h2

    def step(self, z: Tensor) -> Tensor:
        """Return the map's value at (..., M)."""
        u = F.linear(z, self.W2)  # (..., L)
        phi = (u + self.h2).relu() - u.relu() if self.clipped else (u + self.h2).relu()
        return self.A * z + F.linear(phi, self.W1, self.h1)

    def jacobian(self, z: Tensor) -> Tensor:
        """Return the map's derivative at (..., M): A + W1 D W2, (..., M, M)."""
        D = gates(F.linear(z, self.W2), self.h2, self.clipped)
        return torch.diag(self.A) + (self.W1 * D[..., None, :]) @ self.W2

    def decode(self, z: Tensor) -> Tensor:
        """Return the observation of a latent state."""
        return z if self.B is None else F.linear(z, self.B)

    def encode(self, x: Tensor) -> Tensor:
        """Return the estimate zbar of the latent state behind an observation: the pseudo-inverse of B, applied to it."""
        if self.B is None:
            return x
        return F.linear(x, torch.linalg.solve(self.B.T @ self.B, self.B.T))

    def start(self, context: Tensor) -> Tensor:
        """Return the latent state of the last observation."""
        return self.encode(context[:, -1])

    def advance(self, state: Tensor) -> tuple[Tensor, Tensor]:
        """Make one step of the map."""
        z = self.step(state)
        return self.decode(z), z

    def forced(self, x: Tensor, alphas: Sequence[float]) -> Tensor:
        """Return predictions of x_1..x_T, each made before its state is mixed with the data: (T + 1, B, N) -> (T, B, N)."""
        zbar = self.encode(x).detach()
        z: Tensor = Rollout.apply(zbar[0], zbar[1:], alphas, self.clipped, *self.weights)  # type: ignore[no-untyped-call]
        return self.decode(z)


def safe_alpha(jacobians: Tensor) -> float:
    """Return the least alpha for which no (1 - alpha) J stretches anything: 1 - 1/sigma, sigma being the largest singular value of (..., M, M)."""
    return max(0.0, 1 - 1 / float(torch.linalg.matrix_norm(jacobians.detach(), 2).max()))


def estimated_alpha(jacobians: Tensor) -> float:
    """Return the same of the geometric mean of the norms of (..., M, M): what the adaptive form goes by."""
    return max(0.0, 1 - 1 / float(torch.linalg.matrix_norm(jacobians.detach(), 2).log().mean().exp()))
