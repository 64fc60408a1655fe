"""The linear systems: Poisson's equation on a grid with Dirichlet walls, and right-hand sides that occur in it."""

from __future__ import annotations

import warnings
from functools import cache

import numpy as np
import torch
from scipy import sparse
from scipy.ndimage import map_coordinates
from scipy.sparse.linalg import splu
from torch import Tensor

KINDS = ("ritz", "noise", "points", "smoke")
"""Right-hand sides: mixtures as in training, white noise, four point sources, the divergence of a rising plume."""
DISC = 0.15
"""Radius of the solid disc in the middle of the grid, over its side."""
PLUME_STEPS = 12
"""Time steps of the plume: it has risen to about half of the grid's height."""


def laplacian(N: int, dims: int = 2, solid: np.ndarray | None = None) -> sparse.csr_array:
    """Return minus the Laplacian on N^dims cells of side 1, zero on the walls: symmetric, positive definite, (n, n).

    Args:
        N: Cells a side.
        dims: 2 for the 5-point and 3 for the 7-point stencil.
        solid: Cells that are walls too, (n,) bool. Their rows and columns are zero.
    """
    line = sparse.diags_array([-1.0, 2.0, -1.0], offsets=[-1, 0, 1], shape=(N, N))
    A = line
    for _ in range(dims - 1):
        A = sparse.kron(A, sparse.eye_array(N)) + sparse.kron(sparse.eye_array(A.shape[0]), line)
    if solid is not None:
        fluid = sparse.diags_array((~solid).astype(float))
        A = fluid @ A @ fluid
    A = A.tocsr()
    A.eliminate_zeros()
    return A


def disc(N: int) -> np.ndarray:
    """Return the cells of the solid disc: (N^2,) bool."""
    axis = np.arange(N) + 0.5 - N / 2
    return (axis[:, None] ** 2 + axis**2 < (DISC * N) ** 2).ravel()


def as_torch(A: sparse.csr_array, device: str | torch.device = "cpu") -> Tensor:
    """Return a SciPy matrix as a sparse CSR tensor in double precision."""
    indices = (torch.from_numpy(part.astype(np.int64)) for part in (A.indptr, A.indices))
    values = torch.from_numpy(A.data.astype(np.float64))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta")
        return torch.sparse_csr_tensor(*indices, values, A.shape, device=device, check_invariants=True)


def lanczos(A: sparse.csr_array, m: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return m Ritz values of A in ascending order and their vectors, by Lanczos' iteration with full re-orthogonalisation.

    Returns:
        (m,) and (m, n); vectors of Ritz values below 1e-8 are left out.
    """
    n = A.shape[0]
    V = np.zeros((m, n))
    diagonal, beside = np.zeros(m), np.zeros(m)
    v = A @ np.random.default_rng(seed).standard_normal(n)
    for j in range(m):
        V[j] = v / np.linalg.norm(v)
        v = A @ V[j]
        diagonal[j] = V[j] @ v
        for _ in range(2):  # once leaves rounding behind
            v -= V[: j + 1].T @ (V[: j + 1] @ v)
        beside[j] = np.linalg.norm(v)
    T = np.diag(diagonal) + np.diag(beside[:-1], 1) + np.diag(beside[:-1], -1)
    values, Y = np.linalg.eigh(T)
    kept = values > 1e-8
    return values[kept], (Y.T @ V)[kept]


@cache
def ritz(N: int, m: int) -> tuple[Tensor, Tensor]:
    """Return the Ritz values and vectors of the empty box in two dimensions, (m,) and (m, n)."""
    return tuple(torch.from_numpy(part) for part in lanczos(laplacian(N), m))


def mixtures(Q: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Return unit vectors mixed from Ritz vectors (m, n), nine times as much of the lower half and a twentieth: (count, n)."""
    m = len(Q)
    weights = torch.where(torch.arange(m) < m // 2 + m // 20, 9.0, 1.0).to(Q)
    c = torch.randn(count, m, generator=generator, dtype=Q.dtype) * weights
    b = c @ Q
    return b / b.norm(dim=1, keepdim=True)


def right_hand_sides(kind: str, N: int, m: int, count: int, seed: int = 0) -> Tensor:
    """Return unit right-hand sides of one of `KINDS`: (count, N^2) in double precision."""
    random = np.random.default_rng((seed, KINDS.index(kind)))
    if kind == "ritz":
        generator = torch.Generator().manual_seed(int(random.integers(2**31)))
        return mixtures(ritz(N, m)[1], count, generator)
    if kind == "noise":
        b = random.standard_normal((count, N * N))
    elif kind == "points":
        b = np.zeros((count, N * N))
        for row in b:
            row[random.choice(N * N, 4, replace=False)] = random.standard_normal(4)
    else:
        b = np.stack([plume(N, random) for _ in range(count)])
    return torch.from_numpy(b / np.linalg.norm(b, axis=1, keepdims=True))


def plume(N: int, random: np.random.Generator) -> np.ndarray:
    """Return the divergence that a smoke plume's velocity has before it is made to vanish: (N^2,).

    A warm blob near the floor pushes the air up and is carried with it; each step's velocity is projected with a direct solver but the last.
    """
    solve = splu(laplacian(N).tocsc()).solve
    row, column = np.meshgrid(np.arange(N), np.arange(N), indexing="ij")
    heat = np.exp(-((row - 0.2 * N) ** 2 + (column - random.uniform(0.35, 0.65) * N) ** 2) / (2 * (0.07 * N) ** 2))
    velocity = np.zeros((2, N, N))
    for step in range(PLUME_STEPS):
        velocity[0] += 0.01 * N * heat * (1 + 0.2 * random.standard_normal())
        source = _divergence(velocity)
        if step == PLUME_STEPS - 1:
            break
        velocity += np.stack(_gradient(solve(source.ravel()).reshape(N, N)))
        back = np.stack([row, column]) - velocity
        heat = map_coordinates(heat, back, order=1)
        velocity = np.stack([map_coordinates(part, back, order=1) for part in velocity])
    return source.ravel()


def _divergence(velocity: np.ndarray) -> np.ndarray:
    """Backward differences of (2, N, N), with nothing coming in."""
    return np.diff(velocity[0], axis=0, prepend=0) + np.diff(velocity[1], axis=1, prepend=0)


def _gradient(p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Forward differences of (N, N), zero outside."""
    return np.diff(p, axis=0, append=0), np.diff(p, axis=1, append=0)
