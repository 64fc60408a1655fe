"""Functions on the sphere: real spherical harmonics, Gaunt coefficients, rotations of coefficients, and the change to 2-D Fourier series.

Coefficients of all degrees 0..L stand in one axis of (L + 1)^2, (l, m) at l^2 + l + m with m = -l..l. Harmonics are orthonormal, and without the
sign of Condon and Shortley. Tables are made once in double precision by NumPy and kept.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Table = NDArray[np.float64]


def place(degree: int, m: int) -> int:
    """Return where (l, m) stands among the coefficients."""
    return degree * degree + degree + m


def degrees(L: int) -> NDArray[np.int64]:
    """Return the degree of each coefficient, ((L + 1)^2,)."""
    return np.repeat(np.arange(L + 1), 2 * np.arange(L + 1) + 1)


def legendre(L: int, c: Any, s: Any) -> dict[tuple[int, int], Any]:
    """Return Theta_lm(theta) for m = 0..l, with the integral of Theta^2 sin(theta) over [0, pi] equal to 1.

    A polynomial in c = cos(theta) and s = sin(theta), so a negative sine gives the extension to the torus with the right sign of sin^m.
    With s = 1 it is Theta / sin^m, which a Cartesian form needs.
    """
    theta = {(0, 0): np.sqrt(0.5) * (c * 0 + 1)}
    for m in range(L + 1):
        if m:
            theta[m, m] = np.sqrt((2 * m + 1) / (2 * m)) * s * theta[m - 1, m - 1]
        for n in range(m + 1, L + 1):
            a = np.sqrt((4 * n * n - 1) / (n * n - m * m))
            theta[n, m] = a * c * theta[n - 1, m]
            if n > m + 1:
                theta[n, m] = theta[n, m] - a * np.sqrt(((n - 1) ** 2 - m * m) / (4 * (n - 1) ** 2 - 1)) * theta[n - 2, m]
    return theta


def harmonics(L: int, r: Any) -> list[Any]:
    """Return the (L + 1)^2 harmonics at unit vectors r (..., 3), each (...); NumPy and torch alike."""
    x, y, z = r[..., 0], r[..., 1], r[..., 2]
    theta = legendre(L, z, 1.0)
    cosine, sine = [x * 0 + 1], [x * 0]  # sin^m(theta) cos(m phi) and sin^m(theta) sin(m phi)
    for _ in range(L):
        cosine, sine = [*cosine, x * cosine[-1] - y * sine[-1]], [*sine, x * sine[-1] + y * cosine[-1]]
    found = []
    for n in range(L + 1):
        for m in range(-n, n + 1):
            wave = cosine[m] if m >= 0 else sine[-m]
            found.append(theta[n, abs(m)] * wave * (np.sqrt(0.5 / np.pi) if m == 0 else np.sqrt(1 / np.pi)))
    return found


def on_sphere(L: int, r: NDArray[np.float64]) -> Table:
    """Return harmonics at unit vectors r (P, 3) as (P, (L + 1)^2)."""
    return np.stack(harmonics(L, r), -1)


@lru_cache(maxsize=32)
def gaunt(L1: int, L2: int, L3: int) -> Table:
    """Return the integrals of Y_i Y_j Y_k over the sphere, ((L1 + 1)^2, (L2 + 1)^2, (L3 + 1)^2), by an exact quadrature."""
    total = L1 + L2 + L3
    c, weight = np.polynomial.legendre.leggauss(total // 2 + 1)
    phi = 2 * np.pi * np.arange(total + 1) / (total + 1)
    s = np.sqrt(1 - c * c)[:, None]
    r = np.stack([s * np.cos(phi), s * np.sin(phi), np.broadcast_to(c[:, None], (len(c), len(phi)))], -1).reshape(-1, 3)
    w = np.repeat(weight * 2 * np.pi / (total + 1), total + 1)
    y1, y2, y3 = (on_sphere(L, r) for L in (L1, L2, L3))
    found = np.stack([(y1[:, i : i + 1] * y2).T @ (y3 * w[:, None]) for i in range(y1.shape[1])])
    found[np.abs(found) < 1e-12] = 0  # what symmetry makes zero
    return found


@lru_cache(maxsize=32)
def rotation(L: int, R: tuple[tuple[float, float, float], ...]) -> Table:
    """Return D with Y(R r) = D Y(r), ((L + 1)^2, (L + 1)^2), orthogonal and block-diagonal, for an orthogonal 3x3 matrix R."""
    r = np.random.default_rng(0).normal(size=(4 * (L + 1) ** 2, 3))
    r /= np.linalg.norm(r, axis=1, keepdims=True)
    D = np.linalg.lstsq(on_sphere(L, r), on_sphere(L, r @ np.array(R).T), rcond=None)[0].T
    return np.where(degrees(L)[:, None] == degrees(L)[None], D, 0.0)


@lru_cache(maxsize=32)
def to_fourier(L: int) -> tuple[NDArray[np.int64], Table]:
    """Return the change from harmonics to the series sum of f_uv e^(i u theta) e^(i v phi), u and v = -L..L.

    Only v = m and v = -m occur in Y_lm, and its theta part has real coefficients for even m and imaginary ones for odd m. So the real and the
    imaginary part of f_uv each come from one coefficient x_lm of each degree.

    Returns:
        Which coefficient, (V, 2, L + 1), and its weights, (V, 2, L + 1, U); V = U = 2 L + 1.
    """
    U = 2 * L + 1
    angle = 2 * np.pi * np.arange(U) / U
    theta = legendre(L, np.cos(angle), np.sin(angle))
    source = np.zeros((U, 2, L + 1), np.int64)
    weight = np.zeros((U, 2, L + 1, U))
    for v in range(-L, L + 1):
        for n in range(abs(v), L + 1):
            c = np.fft.fftshift(np.fft.fft(theta[n, abs(v)])) / U  # (U,) u = -L..L
            real, imaginary = place(n, abs(v)), place(n, -abs(v))
            if v == 0:
                source[L, 0, n], weight[L, 0, n] = real, c.real / np.sqrt(2 * np.pi)
                continue
            # (x_lm - i sign(v) x_l-m) c / (2 sqrt(pi)), with c = d or c = i d
            terms = (
                [(real, c.real), (imaginary, -np.sign(v) * c.real)] if v % 2 == 0 else [(imaginary, np.sign(v) * c.imag), (real, c.imag)]
            )
            for part, (where, values) in enumerate(terms):
                source[L + v, part, n], weight[L + v, part, n] = where, values / (2 * np.sqrt(np.pi))
    return source, weight


@lru_cache(maxsize=32)
def from_fourier(L: int, L_out: int) -> tuple[NDArray[np.int64], Table]:
    """Return the change from a Fourier series of degree L back to harmonics of degrees 0..L_out.

    z_lm is the integral of the series with Y_lm; only v = m and v = -m count. For the real functions of a torus that covers the sphere twice these
    two are conjugates, and f_-u,v = (-1)^v f_uv, which leaves one part (real or imaginary) of the column v = |m|.

    Returns:
        For each m = -L_out..L_out which column and part, (M,) at 2 (L + |m|) + part, and the weights, (M, U, L_out + 1) with U = 2 L + 1.
    """
    c, w = np.polynomial.legendre.leggauss(4 * L + 20)  # the integrand has sin(u theta) sin(theta) of up to twice the degree
    angle = np.arccos(c)
    theta = legendre(L_out, c, np.sqrt(1 - c * c))
    waves = np.exp(1j * np.arange(-L, L + 1)[:, None] * angle)  # (U, nodes)
    column = np.zeros(2 * L_out + 1, np.int64)
    weight = np.zeros((2 * L_out + 1, 2 * L + 1, L_out + 1))
    for m in range(-L_out, L_out + 1):
        wants_imaginary = (m < 0) != (m % 2 == 1)
        column[L_out + m] = 2 * (L + abs(m)) + wants_imaginary
        for n in range(abs(m), L_out + 1):
            integral = waves @ (w * theta[n, abs(m)])
            # Re S or -Im S of S = sum of I_u f_u, with I_u real for even m and imaginary for odd m
            value = integral.real if m % 2 == 0 else -integral.imag
            sign = -1 if m < 0 and m % 2 == 0 else 1
            weight[L_out + m, :, n] = sign * value * (np.sqrt(2 * np.pi) if m == 0 else 2 * np.sqrt(np.pi))
    return column, weight
