"""Products of two sets of coefficients: through Fourier series, and by Clebsch-Gordan paths.

Every product takes x (..., C, (L1 + 1)^2) and y (..., C or 1, (L2 + 1)^2) and returns z (..., C, (L3 + 1)^2), the coefficients of the pointwise
product of the two functions, up to learnable weights that start at one.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .sphere import degrees, from_fourier, gaunt, to_fourier


def table(values: object) -> Tensor:
    """Return a NumPy table as a tensor in torch's default precision, or as indices."""
    found = torch.as_tensor(values)
    return found.to(torch.get_default_dtype()) if found.is_floating_point() else found


class DegreeWeights(nn.Module):
    """Multiply each channel and degree by a weight of its own."""

    def __init__(self, channels: int, L: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels, L + 1))
        self.register_buffer("degree", table(degrees(L)), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Weight x (..., C, (L + 1)^2)."""
        return x * self.weight.index_select(1, self.degree)


def degree_weights(channels: int, L: int, learnable: bool) -> nn.Module:
    """Return weights for each channel and degree, or nothing to multiply with."""
    return DegreeWeights(channels, L) if learnable else nn.Identity()


class ToFourier(nn.Module):
    """Change coefficients of harmonics to those of a 2-D Fourier series, in O(L^3)."""

    def __init__(self, L: int) -> None:
        super().__init__()
        source, weight = to_fourier(L)
        self.L, self.U = L, 2 * L + 1
        self.register_buffer("source", table(source.reshape(-1)), persistent=False)
        self.register_buffer("weight", table(weight.reshape(2 * self.U, L + 1, self.U)), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return the series (..., U, V), complex, of coefficients x (..., (L + 1)^2)."""
        rows = x.index_select(-1, self.source).reshape(-1, 2 * self.U, self.L + 1)  # (N, V * 2, L + 1)
        f = torch.bmm(rows.transpose(0, 1), self.weight)  # (V * 2, N, U)
        f = f.unflatten(0, (self.U, 2)).permute(2, 3, 0, 1)  # (N, U, V, 2)
        return torch.view_as_complex(f.contiguous()).unflatten(0, x.shape[:-1])


class FromFourier(nn.Module):
    """Change a 2-D Fourier series of degree L back to coefficients of degrees 0..L_out, in O(L^3)."""

    def __init__(self, L: int, L_out: int) -> None:
        super().__init__()
        column, weight = from_fourier(L, L_out)
        order = [(L_out + m) * (L_out + 1) + n for n in range(L_out + 1) for m in range(-n, n + 1)]
        self.register_buffer("column", table(column), persistent=False)
        self.register_buffer("weight", table(weight), persistent=False)
        self.register_buffer("order", torch.tensor(order, device="cpu"), persistent=False)

    def forward(self, f: Tensor) -> Tensor:
        """Return the coefficients (..., (L_out + 1)^2) of a series f (..., U, V), complex."""
        parts = torch.view_as_real(f).flatten(-2).index_select(-1, self.column).flatten(0, -3)  # (N, U, M)
        z = torch.bmm(parts.permute(2, 0, 1), self.weight)  # (M, N, L_out + 1)
        return z.transpose(0, 1).flatten(1).index_select(-1, self.order).unflatten(0, f.shape[:-2])


def convolve(f: Tensor, g: Tensor) -> Tensor:
    """Convolve two series (..., U1, U1) and (..., U2, U2) into (..., U1 + U2 - 1, ...) by three transforms of that side."""
    side = f.shape[-1] + g.shape[-1] - 1
    return torch.fft.ifft2(torch.fft.fft2(f, s=(side, side)) * torch.fft.fft2(g, s=(side, side)))


class GauntProduct(nn.Module):
    """The paper's product: to Fourier, convolve, and back, with a weight for each degree before and after."""

    def __init__(self, C: int, L1: int, L2: int, L3: int, filters: int = 0, learnable: bool = True) -> None:
        super().__init__()
        self.w1, self.w2, self.w3 = (degree_weights(*w, learnable) for w in ((C, L1), (filters or C, L2), (C, L3)))
        self.first, self.second, self.back = ToFourier(L1), ToFourier(L2), FromFourier(L1 + L2, L3)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Return z (..., C, (L3 + 1)^2)."""
        return self.w3(self.back(convolve(self.first(self.w1(x)), self.second(self.w2(y)))))


class DenseProduct(nn.Module):
    """The same product, weights included, by one dense tensor of Gaunt coefficients: O(L^6), all of it in one matrix product."""

    def __init__(self, C: int, L1: int, L2: int, L3: int, filters: int = 0, learnable: bool = True) -> None:
        super().__init__()
        self.w1, self.w2, self.w3 = (degree_weights(*w, learnable) for w in ((C, L1), (filters or C, L2), (C, L3)))
        self.one_filter = filters == 1
        G = gaunt(L1, L2, L3)  # (K1, K2, K3)
        self.register_buffer("G", table(G.transpose(1, 0, 2) if self.one_filter else G), persistent=False)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Return z (..., C, (L3 + 1)^2)."""
        x, y = self.w1(x), self.w2(y)
        if self.one_filter:  # the channels share y: contract it first, once for all of them
            return self.w3(x @ (y @ self.G.flatten(1)).unflatten(-1, self.G.shape[1:]).squeeze(-3))
        pairs = (x[..., :, None] * y[..., None, :]).flatten(-2)  # (..., C, K1 * K2)
        return self.w3(pairs @ self.G.flatten(0, 1))


def paths(L1: int, L2: int, L3: int) -> list[tuple[int, int, int]]:
    """Return the paths (l1, l2) -> l3 that parity allows: l1 + l2 + l3 even."""
    return [
        (n1, n2, n3)
        for n1 in range(L1 + 1)
        for n2 in range(L2 + 1)
        for n3 in range(abs(n1 - n2), min(n1 + n2, L3) + 1)
        if (n1 + n2 + n3) % 2 == 0
    ]


def block(L: int) -> slice:
    """Return where the coefficients of degree L stand."""
    return slice(L * L, (L + 1) ** 2)


class PathProduct(nn.Module):
    """The usual product: a loop over paths (l1, l2) -> l3, each with a weight for each channel; the pairs of (l1, l2) are formed once."""

    def __init__(self, C: int, L1: int, L2: int, L3: int, filters: int = 0, learnable: bool = True) -> None:
        super().__init__()
        self.L3 = L3
        self.paths = paths(L1, L2, L3)
        self.weight = nn.Parameter(torch.ones(len(self.paths), C, 1)) if learnable else None
        G = gaunt(L1, L2, L3)
        for n1, n2, n3 in self.paths:
            self.register_buffer(f"G_{n1}_{n2}_{n3}", table(G[block(n1), block(n2), block(n3)]).flatten(0, 1), persistent=False)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Return z (..., C, (L3 + 1)^2)."""
        z: list[list[Tensor]] = [[] for _ in range(self.L3 + 1)]
        pairs: dict[tuple[int, int], Tensor] = {}
        for i, (n1, n2, n3) in enumerate(self.paths):
            if (n1, n2) not in pairs:
                pairs[n1, n2] = (x[..., block(n1), None] * y[..., None, block(n2)]).flatten(-2)  # (..., C, (2 l1 + 1)(2 l2 + 1))
            term = pairs[n1, n2] @ getattr(self, f"G_{n1}_{n2}_{n3}")  # (..., C, 2 l3 + 1)
            z[n3].append(term if self.weight is None else term * self.weight[i])
        return torch.cat([torch.stack(terms).sum(0) if len(terms) > 1 else terms[0] for terms in z], -1)


class ScalarProduct(nn.Module):
    """The product of the two functions' means alone: what is left of it in a network without directions."""

    def __init__(self, C: int, L1: int, L2: int, L3: int, filters: int = 0, learnable: bool = True) -> None:
        super().__init__()
        self.rest = (L3 + 1) ** 2 - 1
        self.w1, self.w2, self.w3 = (degree_weights(c, 0, learnable) for c in (C, filters or C, C))
        self.register_buffer("G", table(gaunt(0, 0, 0)[0, 0]), persistent=False)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Return z (..., C, (L3 + 1)^2), zero above degree 0."""
        return nn.functional.pad(self.w3(self.w1(x[..., :1]) * self.w2(y[..., :1]) * self.G), (0, self.rest))


PRODUCTS = {
    "gaunt": GauntProduct,
    "cg_paths": PathProduct,
    "cg_dense": DenseProduct,
    "specialised": PathProduct,
    "scalar": ScalarProduct,
}
