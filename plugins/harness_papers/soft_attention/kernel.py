"""The Gaussian kernel, and the inverse of a kernel matrix by Newton's iteration with a gradient in closed form."""

from __future__ import annotations

from typing import Any

import torch

RIDGE = 0.01
"""Added to the diagonal of a matrix before it is inverted."""
FIRST_STEP = 1.8
"""Newton starts at 1.8 A / (largest row sum)^2: with the ridge, still less than the 2 above which it diverges."""


def gaussian(q: torch.Tensor, k: torch.Tensor) -> torch.Tensor:
    """Return exp(-|q_i - k_j|^2 / 2) of (..., N, d) and (..., M, d): (..., N, M)."""
    own, other = (t.square().sum(-1, keepdim=True) / 2 for t in (q, k))
    return (q @ k.mT - own - other.mT).exp()


def newton(A: torch.Tensor, steps: int) -> torch.Tensor:
    """Return the inverse of A + 0.01 I for symmetric A (..., m, m) with entries in [0, 1], in float32 at least."""
    wide = A.to(torch.promote_types(A.dtype, torch.float32))
    ridged = wide + RIDGE * torch.eye(A.shape[-1], dtype=wide.dtype, device=A.device)
    X = ridged * (FIRST_STEP / wide.sum(-1).amax(-1).square())[..., None, None]
    for _ in range(steps):
        X = 2 * X - X @ ridged @ X
    return X.to(A.dtype)


class NewtonInverse(torch.autograd.Function):
    """`newton`, whose gradient is that of the inverse itself: one product of three matrices, whatever the number of steps."""

    @staticmethod
    def forward(ctx: Any, A: torch.Tensor, steps: int) -> torch.Tensor:
        """(..., m, m) -> (..., m, m)."""
        X = newton(A, steps)
        ctx.save_for_backward(X)
        return X

    @staticmethod
    def backward(ctx: Any, G: torch.Tensor) -> tuple[torch.Tensor, None]:
        """DL/dA = -X^T G X^T, for G = dL/dX."""
        (X,) = ctx.saved_tensors
        return -X.mT @ G @ X.mT, None
