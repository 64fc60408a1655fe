"""Solvers of A x = b for sparse symmetric positive definite A: the paper's and those that it is held against.

All loops are in double precision and stop when ||r|| <= tol ||b||. `history[k]` is ||r|| / ||b|| after k iterations.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from scipy import sparse
from torch import Tensor, nn

from .network import DirectionNet
from .poisson import as_torch, lanczos

DEFLATED = 16
"""Ritz vectors of the deflated solver: the authors' number."""


@dataclass(frozen=True)
class Solution:
    """What a solver found.

    Attributes:
        x: (n,).
        history: Relative residuals, the start's first.
    """

    x: Tensor
    history: list[float]

    def iterations(self, tol: float) -> float:
        """Return how many iterations brought the residual to `tol`; infinity where none did."""
        return next((float(k) for k, residual in enumerate(self.history) if residual <= tol), float("inf"))


def conjugate_directions(A: Tensor, b: Tensor, f: Callable[[Tensor], Tensor], tol: float, limit: int, kept: int = 2) -> Solution:
    """Solve by the paper's method: search directions from f, made A-orthogonal to the last `kept` of them.

    Args:
        A: Sparse, (n, n).
        b: (n,).
        f: Unit residual (n,) to direction (n,).
        tol: Relative residual to stop at.
        limit: The most iterations.
        kept: Directions that are remembered; two are enough where f is linear and symmetric, none makes it plain refinement.
    """
    x, r = torch.zeros_like(b), b
    size = b.norm()
    history = [1.0]
    past: list[tuple[Tensor, Tensor, Tensor]] = []  # p, A p, <p, A p>
    while history[-1] > tol and len(history) <= limit:
        p = f(r / r.norm())
        for q, Aq, alpha in past:
            p = p - q * ((p @ Aq) / alpha)
        Ap = A @ p
        alpha = p @ Ap
        x = x + p * ((p @ r) / alpha)
        r = b - A @ x
        past = [(p, Ap, alpha), *past][:kept]
        history.append((r.norm() / size).item())
    return Solution(x, history)


def preconditioned_cg(A: Tensor, b: Tensor, M: Callable[[Tensor], Tensor], tol: float, limit: int) -> Solution:
    """Solve by conjugate gradients with a preconditioner, M r for about A^-1 r."""
    x, r, p = torch.zeros_like(b), b, torch.zeros_like(b)
    size, before = b.norm(), torch.ones_like(b[0])
    history = [1.0]
    while history[-1] > tol and len(history) <= limit:
        z = M(r)
        rz = r @ z
        p = z + (rz / before) * p
        Ap = A @ p
        alpha = rz / (p @ Ap)
        x = x + alpha * p
        r = r - alpha * Ap
        before = rz
        history.append((r.norm() / size).item())
    return Solution(x, history)


class LearnedSolver(nn.Module):
    """The paper's method around a network.

    Args:
        f: The network.
        kept: Directions that are remembered.
        limit: The most iterations; 1 is a single pass.
    """

    def __init__(self, f: DirectionNet, kept: int = 2, limit: int = 200) -> None:
        super().__init__()
        self.f, self.kept, self.limit = f, kept, limit

    def forward(self, r: Tensor) -> Tensor:
        """Return the direction for residuals (..., n)."""
        N = round(r.shape[-1] ** (1 / self.f.dims))
        image = r.reshape(-1, 1, *[N] * self.f.dims).to(self.f.first.weight.dtype)
        return self.f(image).reshape(r.shape).to(r.dtype)

    def prepare(self, A: sparse.csr_array, device: str = "cpu") -> None:
        """Do nothing: the network is not made for one matrix."""

    def solve(self, A: Tensor, b: Tensor, tol: float) -> Solution:
        """Solve A x = b with b (n,); solid cells are those where A's diagonal is zero."""
        fluid = diagonal(A) > 0
        return conjugate_directions(A, b, lambda r: self(r) * fluid, tol, self.limit, self.kept)


class ClassicSolver(nn.Module):
    """Conjugate gradients with what `prepare` makes of a matrix, which takes time of its own."""

    def __init__(self, limit: int = 2000) -> None:
        super().__init__()
        self.limit = limit

    def forward(self, r: Tensor) -> Tensor:
        """Return the direction for a residual (n,): the residual itself."""
        return r

    def prepare(self, A: sparse.csr_array, device: str = "cpu") -> None:
        """Make the preconditioner for a matrix, once, on the device where it will be used."""

    def solve(self, A: Tensor, b: Tensor, tol: float) -> Solution:
        """Solve A x = b with b (n,)."""
        return preconditioned_cg(A, b, self, tol, self.limit)


class IncompleteCholesky(ClassicSolver):
    """L L^T is about A, with zeros where A has zeros; (L L^T)^-1 r is two triangular solves."""

    def prepare(self, A: sparse.csr_array, device: str = "cpu") -> None:
        """Factorise a matrix; rows that are zero get a one."""
        L = incomplete_cholesky(A)
        self.L, self.LT = as_torch(L, device), as_torch(L.T.tocsr(), device)

    def forward(self, r: Tensor) -> Tensor:
        """Return (L L^T)^-1 r for a residual (n,)."""
        y, _ = torch.triangular_solve(r.double()[:, None], self.L, upper=False)
        return torch.triangular_solve(y, self.LT, upper=True)[0][:, 0].to(r.dtype)


class Deflated(ClassicSolver):
    """Takes the lowest Ritz values to one: r + sum_i (1 / lambda_i - 1) q_i <q_i, r>."""

    def __init__(self, m: int) -> None:
        super().__init__()
        self.m = m

    def prepare(self, A: sparse.csr_array, device: str = "cpu") -> None:
        """Find the Ritz vectors of a matrix."""
        values, Q = lanczos(A, self.m)
        self.values, self.Q = (torch.from_numpy(part[:DEFLATED].copy()).to(device) for part in (values, Q))

    def forward(self, r: Tensor) -> Tensor:
        """Return the preconditioned residual for a residual (n,)."""
        return r + ((1 / self.values - 1) * (self.Q @ r.double()) @ self.Q).to(r.dtype)


def diagonal(A: Tensor) -> Tensor:
    """Return the diagonal of a sparse CSR tensor, (n,)."""
    rows = torch.repeat_interleave(torch.arange(A.shape[0], device=A.device), A.crow_indices().diff())
    on = rows == A.col_indices()
    return torch.zeros(A.shape[0], dtype=A.dtype, device=A.device).index_put((rows[on],), A.values()[on])


def incomplete_cholesky(A: sparse.csr_array) -> sparse.csr_array:
    """Return L with the pattern of A's lower triangle, so that (L L^T)_ij = A_ij wherever A_ij is not zero; zero rows get a one."""
    L = sparse.tril(A + sparse.diags_array((A.diagonal() == 0).astype(float)), format="csr")
    L.sort_indices()
    rows: list[dict[int, float]] = []
    for i in range(L.shape[0]):
        row: dict[int, float] = {}
        for j, value in zip(*(part[L.indptr[i] : L.indptr[i + 1]].tolist() for part in (L.indices, L.data)), strict=True):
            other = rows[j] if j < i else row
            rest = value - sum(row[k] * other[k] for k in row if k in other)
            row[j] = rest / other[j] if j < i else float(np.sqrt(rest))
        rows.append(row)
    return sparse.csr_array((np.array([v for row in rows for v in row.values()]), L.indices, L.indptr), shape=L.shape)
