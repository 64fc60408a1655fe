"""A force field of one layer, in the manner of MACE: a density of neighbours around each atom, its many-body products, an energy, and its gradient."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from .molecule import SPECIES
from .operations import many_body
from .products import block, table
from .sphere import degrees, harmonics

CUTOFF = 5.0  # as for 3BPA
BESSELS = 8
HIDDEN = 32


class Radial(nn.Module):
    """Weights for each channel and degree from a distance: Bessel functions under a smooth cutoff, and an MLP."""

    def __init__(self, C: int, L: int) -> None:
        super().__init__()
        self.shape = (C, L + 1)
        self.mlp = nn.Sequential(
            nn.Linear(BESSELS, HIDDEN), nn.SiLU(), nn.Linear(HIDDEN, HIDDEN), nn.SiLU(), nn.Linear(HIDDEN, C * (L + 1))
        )
        self.register_buffer("waves", math.pi / CUTOFF * torch.arange(1, BESSELS + 1), persistent=False)

    def forward(self, d: Tensor) -> Tensor:
        """Return weights (..., C, L + 1) of distances d (...,)."""
        u = (d / CUTOFF).clamp(max=1)
        envelope = 1 - 28 * u**6 + 48 * u**7 - 21 * u**8  # smooth to the second derivative at the cutoff
        bessel = math.sqrt(2 / CUTOFF) * torch.sin(self.waves * d[..., None]) / d[..., None]
        return (self.mlp(bessel) * envelope[..., None]).unflatten(-1, self.shape)


class DegreeLinear(nn.Module):
    """Mix channels, with one matrix a degree."""

    def __init__(self, C: int, L: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(L + 1, C, C) / math.sqrt(C))
        self.register_buffer("degree", table(degrees(L)), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Mix the channels of x (..., C, (L + 1)^2)."""
        return torch.einsum("...ck,kcd->...dk", x, self.weight.index_select(0, self.degree))


class ForceField(nn.Module):
    """Positions R (B, N, 3) of the molecule's atoms to energies (B,) and forces (B, N, 3)."""

    def __init__(self, variant: str, C: int, L: int) -> None:
        super().__init__()
        self.L = L
        N = len(SPECIES)
        self.register_buffer("species", torch.tensor(SPECIES), persistent=False)
        # (N, N - 1): every atom but the one itself
        self.register_buffer("others", torch.tensor([[j for j in range(N) if j != i] for i in range(N)]), persistent=False)
        self.embedding = nn.Embedding(max(SPECIES) + 1, C)
        self.radial = Radial(C, L)
        self.mix = DegreeLinear(C, L)
        self.readout = nn.Sequential(nn.Linear(C, HIDDEN), nn.SiLU(), nn.Linear(HIDDEN, 1))
        self.product = many_body(variant, C, L, 0)

    def density(self, R: Tensor) -> Tensor:
        """Return A (B, N, C, (L + 1)^2): neighbours seen in directions and distances."""
        v = R[:, self.others] - R[:, :, None]  # (B, N, N - 1, 3)
        d = v.norm(dim=-1)
        Y = math.sqrt(4 * math.pi) * torch.stack(harmonics(self.L, v / d[..., None]), -1)  # (B, N, N - 1, K)
        h = self.embedding(self.species)[self.others]  # (N, N - 1, C)
        W = self.radial(d) * h[..., None]  # (B, N, N - 1, C, L + 1)
        parts = [W[..., n].mT @ Y[..., block(n)] for n in range(self.L + 1)]
        return torch.cat(parts, -1) / math.sqrt(len(SPECIES) - 1)

    def energy(self, R: Tensor) -> Tensor:
        """Return energies (B,) of positions (B, N, 3)."""
        B = self.product(self.mix(self.density(R)))  # (B, N, C, 1): what does not turn
        return self.readout(B.squeeze(-1)).sum((1, 2))

    def forward(self, R: Tensor) -> tuple[Tensor, Tensor]:
        """Return energies (B,) and forces (B, N, 3)."""
        # Forces are a gradient also where the caller wants none of its own.
        with torch.inference_mode(False), torch.enable_grad():
            R = R.clone().requires_grad_()
            energy = self.energy(R)
            (slope,) = torch.autograd.grad(energy.sum(), R, create_graph=self.training)
        return energy, -slope
