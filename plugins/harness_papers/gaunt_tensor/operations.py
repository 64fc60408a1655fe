"""The paper's three classes of operation, each with the form that others have found for it: eSCN's convolution and MACE's contraction."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from .products import PRODUCTS, FromFourier, PathProduct, ToFourier, block, convolve, degree_weights, table
from .sphere import gaunt, place, rotation

QUARTER_TURN = ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0), (0.0, 1.0, 0.0))
"""About the x axis: it brings the y axis onto the z axis."""


class FeatureInteraction(nn.Module):
    """Both inputs are features: x and y (B, C, (L + 1)^2) give (B, C, (2 L + 1)^2)."""

    def __init__(self, variant: str, C: int, L: int, learnable: bool = True) -> None:
        super().__init__()
        self.product = PRODUCTS[variant](C, L, L, 2 * L, learnable=learnable)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Return z (B, C, (2 L + 1)^2)."""
        return self.product(x, y)


class Convolution(nn.Module):
    """The second input is a filter that all channels share: y = Y(r), (B, 1, (L + 1)^2), with directions r (B, 3)."""

    def __init__(self, variant: str, C: int, L: int, learnable: bool = True) -> None:
        super().__init__()
        self.product = PRODUCTS[variant](C, L, L, 2 * L, filters=1, learnable=learnable)

    def forward(self, x: Tensor, y: Tensor, r: Tensor) -> Tensor:
        """Return z (B, C, (2 L + 1)^2); the directions r are eSCN's alone."""
        return self.product(x, y)


class RotatedConvolution(nn.Module):
    """eSCN: turn r to the pole, where only m = 0 of the filter is left, so that m of the features is kept; then turn back."""

    def __init__(self, C: int, L: int, learnable: bool = True) -> None:
        super().__init__()
        self.w1, self.w2, self.w3 = (degree_weights(*w, learnable) for w in ((C, L), (1, L), (C, 2 * L)))
        self.there, self.back = Turn(L), Turn(2 * L)
        G = gaunt(L, L, 2 * L)
        coupling = torch.zeros(L + 1, 2 * L + 1, L + 1, 2 * L + 1, dtype=torch.float64, device="cpu")  # (l2, m, l1, l3)
        source = torch.zeros(2 * L + 1, L + 1, dtype=torch.long, device="cpu")
        zero = (2 * L + 1) ** 2  # one more than there are
        target = torch.full(((2 * L + 1) ** 2,), zero, device="cpu")
        for m in range(-L, L + 1):
            for n3 in range(abs(m), 2 * L + 1):
                target[place(n3, m)] = (L + m) * (2 * L + 1) + n3
                for n1 in range(abs(m), L + 1):
                    source[L + m, n1] = place(n1, m)
                    for n2 in range(L + 1):
                        coupling[n2, L + m, n1, n3] = G[place(n1, m), place(n2, 0), place(n3, m)]
        pole = torch.tensor([math.sqrt((2 * n + 1) / (4 * math.pi)) for n in range(L + 1)], dtype=torch.float64, device="cpu")  # Y_l0
        self.register_buffer("coupling", table(coupling * pole[:, None, None, None]), persistent=False)
        self.register_buffer("at_zero", torch.tensor([place(n, 0) for n in range(L + 1)], device="cpu"), persistent=False)
        self.register_buffer("source", source.flatten(), persistent=False)
        self.register_buffer("target", target, persistent=False)

    def forward(self, x: Tensor, y: Tensor, r: Tensor) -> Tensor:
        """Return z (B, C, (2 L + 1)^2); the filter y is known from r."""
        phi, theta = torch.atan2(r[:, 1], r[:, 0]), torch.atan2(r[:, :2].norm(dim=1), r[:, 2])
        x = self.there(self.w1(x), phi, theta)
        filters = self.w2(x.new_ones(1, len(self.coupling) ** 2)).index_select(1, self.at_zero)  # (1, l2): the weight of each degree
        K = (filters @ self.coupling.flatten(1)).view(self.coupling.shape[1:])  # (m, l1, l3)
        rows = x.index_select(-1, self.source).flatten(0, 1).unflatten(-1, K.shape[:2])  # (N, m, l1)
        z = torch.bmm(rows.transpose(0, 1), K).transpose(0, 1).flatten(1)  # (N, m * l3)
        z = nn.functional.pad(z, (0, 1)).index_select(-1, self.target).unflatten(0, x.shape[:2])  # no |m| above L
        return self.w3(self.back(z, phi, theta, inverse=True))


class Turn(nn.Module):
    """Turn coefficients (B, C, (L + 1)^2) so that the direction (theta, phi) comes to the pole, or back."""

    def __init__(self, L: int) -> None:
        super().__init__()
        m = [m for n in range(L + 1) for m in range(-n, n + 1)]
        mirror = [place(n, -m) for n in range(L + 1) for m in range(-n, n + 1)]
        self.register_buffer("m", torch.tensor(m, device="cpu").to(torch.get_default_dtype()), persistent=False)
        self.register_buffer("mirror", torch.tensor(mirror, device="cpu"), persistent=False)
        self.register_buffer("P", table(rotation(L, QUARTER_TURN)), persistent=False)  # block-diagonal

    def about_z(self, x: Tensor, angle: Tensor) -> Tensor:
        """Turn by an angle (B,) about the z axis."""
        turn = self.m * angle[:, None, None]  # (B, 1, K)
        return x * turn.cos() - x.index_select(-1, self.mirror) * turn.sin()

    def about_y(self, x: Tensor, angle: Tensor) -> Tensor:
        """Turn by an angle (B,) about the y axis."""
        return self.about_z(x @ self.P.T, angle) @ self.P

    def forward(self, x: Tensor, phi: Tensor, theta: Tensor, inverse: bool = False) -> Tensor:
        """Turn by directions' angles (B,)."""
        if inverse:
            return self.about_z(self.about_y(x, theta), phi)
        return self.about_y(self.about_z(x, -phi), -theta)


class FourierManyBody(nn.Module):
    """Sum over orders 1..correlation of weighted powers of x, truncated: divide and conquer in Fourier, where only x is brought.

    x (..., C, (L + 1)^2) gives (..., C, (L_out + 1)^2).
    """

    def __init__(self, C: int, L: int, L_out: int, correlation: int, learnable: bool = True) -> None:
        super().__init__()
        self.first = ToFourier(L)
        self.back = nn.ModuleList(FromFourier(order * L, L_out) for order in range(2, correlation + 1))
        self.weight = nn.ModuleList(degree_weights(C, L_out, learnable) for _ in range(correlation))
        self.K_out = (L_out + 1) ** 2

    def forward(self, x: Tensor) -> Tensor:
        """Return z (..., C, (L_out + 1)^2)."""
        series = {1: self.first(x)}
        z = self.weight[0](x[..., : self.K_out])
        for order, (back, weight) in enumerate(zip(self.back, self.weight[1:], strict=True), 2):
            series[order] = convolve(series[order // 2], series[order - order // 2])
            z = z + weight(back(series[order]))
        return z


class ChainedManyBody(nn.Module):
    """The same sum by one product after another, whatever the product."""

    def __init__(self, variant: str, C: int, L: int, L_out: int, correlation: int, learnable: bool = True) -> None:
        super().__init__()
        product = PRODUCTS[variant]
        per_path = learnable and product is PathProduct
        whole = [*(order * L for order in range(2, correlation)), L_out]  # degrees that the next product or the sum needs
        self.product = nn.ModuleList(product(C, order * L, L, top, learnable=per_path) for order, top in enumerate(whole, 1))
        self.weight = nn.ModuleList(degree_weights(C, L_out, learnable) for _ in range(correlation))
        self.K_out = (L_out + 1) ** 2
        self.without_directions = variant == "scalar"

    def forward(self, x: Tensor) -> Tensor:
        """Return z (..., C, (L_out + 1)^2)."""
        if self.without_directions:
            x = nn.functional.pad(x[..., :1], (0, x.shape[-1] - 1))
        power, z = x, self.weight[0](x[..., : self.K_out])
        for product, weight in zip(self.product, self.weight[1:], strict=True):
            power = product(power, x)
            z = z + weight(power[..., : self.K_out])
        return z


class SymmetricContraction(nn.Module):
    """MACE: the sum over orders as one nested contraction of generalised coefficients, with a weight for each path and channel."""

    def __init__(self, C: int, L: int, L_out: int, correlation: int, learnable: bool = True) -> None:
        super().__init__()
        self.L_out, self.correlation = L_out, correlation
        self.weight = nn.ParameterDict()
        for order in range(1, correlation + 1):
            for degree, U in couplings(L, order, L_out).items():
                self.register_buffer(f"U_{order}_{degree}", table(U), persistent=False)  # (2 l + 1, K, ..., K, paths)
                self.weight[f"{order}_{degree}"] = nn.Parameter(torch.ones(U.shape[-1], C), requires_grad=learnable)

    def coefficients(self, order: int, degree: int) -> Tensor:
        """Return the couplings of an order and output degree, paths summed by weight: (2 l + 1, K, ..., K, C)."""
        return getattr(self, f"U_{order}_{degree}") @ self.weight[f"{order}_{degree}"]

    def forward(self, x: Tensor) -> Tensor:
        """Return z (..., C, (L_out + 1)^2)."""
        z = [self.contract(x.flatten(0, -3), degree) for degree in range(self.L_out + 1)]
        return torch.cat(z, -1).unflatten(0, x.shape[:-2])

    def contract(self, x: Tensor, degree: int) -> Tensor:
        """Return degree l of the sum for x (B, C, K): (B, C, 2 l + 1)."""
        z = torch.einsum("m...kc,bck->bcm...", self.coefficients(self.correlation, degree), x)
        for order in range(self.correlation - 1, 0, -1):
            z = torch.einsum("bcm...k,bck->bcm...", z + self.coefficients(order, degree).movedim(-1, 0), x)
        return z


def couplings(L: int, order: int, L_out: int) -> dict[int, Tensor]:
    """Return for each output degree the couplings of `order` features of degree L, (2 l + 1, K, ..., K, paths), by all paths of even parity."""
    K = (L + 1) ** 2
    eye = torch.eye(K, dtype=torch.float64, device="cpu")
    held = {n: [eye[block(n)]] for n in range(L + 1)}  # degree: tensors (2 l + 1, K, ..., K), one a path
    for step in range(2, order + 1):
        top = step * L if step < order else L_out
        G = torch.from_numpy(gaunt((step - 1) * L, L, top))
        longer: dict[int, list[Tensor]] = {}
        for n1, left in held.items():
            for n2 in range(L + 1):
                for n3 in range(abs(n1 - n2), min(n1 + n2, top) + 1, 2):
                    for path in left:
                        U = path.new_zeros(2 * n3 + 1, *path.shape[1:], K)
                        U[..., block(n2)] = torch.einsum("i...,ijk->k...j", path, G[block(n1), block(n2), block(n3)])
                        longer.setdefault(n3, []).append(U)
        held = longer
    return {n: torch.stack(held[n], -1) for n in range(L_out + 1)}


def many_body(variant: str, C: int, L: int, L_out: int, correlation: int = 3, learnable: bool = True) -> nn.Module:
    """Return the variant's many-body product."""
    if variant == "gaunt":
        return FourierManyBody(C, L, L_out, correlation, learnable)
    if variant == "specialised":
        return SymmetricContraction(C, L, L_out, correlation, learnable)
    return ChainedManyBody(variant, C, L, L_out, correlation, learnable)


def operation(op: str, variant: str, C: int, L: int, correlation: int = 3, learnable: bool = True) -> nn.Module:
    """Return one operation, alone: `feature`, `many_body` of some correlation, or else a convolution."""
    if op == "feature":
        return FeatureInteraction(variant, C, L, learnable)
    if op == "many_body":
        return many_body(variant, C, L, L, correlation, learnable)
    if variant == "specialised":
        return RotatedConvolution(C, L, learnable)
    return Convolution(variant, C, L, learnable)
