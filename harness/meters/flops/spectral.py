"""Costs of Fourier transforms and of linear algebra. For workers: imports torch."""

from __future__ import annotations

import math
from collections.abc import Callable

from harness.meters.flops.classes import OpClass
from harness.meters.flops.cost import COMPLEX_MACS, Cost
from harness.meters.flops.spec import Call, TensorSpec

FFT_OPS = 5.0
"""Operations a point and halving of the radix-2 transform (a butterfly is 10 real operations for two points): the convention of FFTW's benchmark."""


def fft(call: Call) -> Cost:
    """Cost a transform over some axes: 5 n log2 n for the n points of each, n the product of the transformed lengths on the longer side.

    Transforms of real numbers count like complex ones of as many points, although the best of them need about half.
    """
    x, out = call["self"], call.result
    longer = x if x.numel >= out.numel else out
    points = math.prod(longer.shape[axis] for axis in call["dim"])
    return Cost({OpClass.FFT: round(FFT_OPS * longer.numel * math.log2(points))} if points > 1 else {})


def per_matrix(terms: Callable[[int, int], float], argument: str = "self") -> Callable[[Call], Cost]:
    """Return a formula from the operations of one m by n matrix; complex ones cost four times as much."""

    def formula(call: Call) -> Cost:
        matrix = call[argument]
        return _linalg(terms(matrix.shape[-2], matrix.shape[-1]), matrix)

    return formula


def _linalg(operations: float, matrix: TensorSpec) -> Cost:
    batch = math.prod(matrix.shape[:-2])
    return Cost({OpClass.LINALG: round(batch * operations * (COMPLEX_MACS if matrix.dtype.is_complex else 1))})


def solve(call: Call, matrix: str, right: str, factor: float, passes: float) -> Cost:
    """Cost factorising an n by n matrix, `factor` n³, and solving for k right sides, `passes` n² k, on either side of the unknown."""
    a, b = call[matrix], call[right]
    n = a.shape[-1]
    vectors = len(b.shape) == 1 or b.shape == a.shape[:-1]
    on_left = call.get("left", True)
    sides = 1 if vectors else b.shape[-1 if on_left else -2]
    batch = math.prod(a.shape[:-2]) if vectors else max(math.prod(a.shape[:-2]), math.prod(b.shape[:-2]))
    one = TensorSpec((batch, n, n), a.dtype, 0)
    return _linalg(factor * n**3 + passes * n**2 * sides, one)


def lu(m: int, n: int) -> float:
    """LU with pivoting, m ≥ n: m n² - n³/3 (Golub and Van Loan, 4th edition, 3.4)."""
    k, long = min(m, n), max(m, n)
    return long * k**2 - k**3 / 3


def householder(m: int, n: int) -> float:
    """QR by reflections, R alone: 2 n² (m - n/3) (Golub and Van Loan, 5.2)."""
    k, long = min(m, n), max(m, n)
    return 2 * k**2 * (long - k / 3)


def qr(call: Call) -> Cost:
    """Cost a QR factorisation: R; then Q of the same size again, or the whole orthogonal matrix, 4 (m² n - m n² + n³/3)."""
    m, n = call["A"].shape[-2:]
    k = min(m, n)
    form_q = {"r": 0.0, "reduced": householder(m, k), "complete": 4 * (m**2 * k - m * k**2 + k**3 / 3)}
    return _linalg(householder(m, n) + form_q[call["mode"]], call["A"])


def eigh(call: Call) -> Cost:
    """Cost a symmetric eigenproblem: 4/3 n³ for the values, 9 n³ with vectors (Golub and Van Loan, 8.3)."""
    return _linalg((9 if call["compute_v"] else 4 / 3) * call["A"].shape[-1] ** 3, call["A"])


def svd(call: Call) -> Cost:
    """Cost a singular value decomposition (Golub and Van Loan, 8.6): values 4 m n² - 4/3 n³, thin 14 m n² + 8 n³, full 4 m² n + 8 m n² + 9 n³."""
    if not call["compute_uv"]:
        return singular_values(call)
    rows, columns = call["A"].shape[-2:]
    m, n = max(rows, columns), min(rows, columns)
    full = 4 * m**2 * n + 8 * m * n**2 + 9 * n**3
    return _linalg(full if call["full_matrices"] else 14 * m * n**2 + 8 * n**3, call["A"])


def singular_values(call: Call) -> Cost:
    """Cost singular values alone: 4 m n² - 4/3 n³."""
    rows, columns = call["A"].shape[-2:]
    m, n = max(rows, columns), min(rows, columns)
    return _linalg(4 * m * n**2 - 4 / 3 * n**3, call["A"])


def least_squares(call: Call) -> Cost:
    """Cost a least-squares solution by QR: the factorisation, then 4 m n k + n² k for k right sides."""
    a, b = call["self"], call["b"]
    m, n = a.shape[-2:]
    k = b.shape[-1] if len(b.shape) == len(a.shape) else 1
    return _linalg(householder(m, n) + 4 * m * n * k + n**2 * k, a)


def reflections(call: Call, reflectors: str, scales: str, target: str | None = None) -> Cost:
    """Cost applying k reflections of length m to c columns, 4 m c k - 2 c k²; to the identity where there is no target."""
    a = call[reflectors]
    m, k = a.shape[-2], call[scales].shape[-1]
    columns = a.shape[-1] if target is None else call[target].numel // max(m, 1)
    return _linalg(4 * m * columns * k - 2 * columns * k**2, a)
