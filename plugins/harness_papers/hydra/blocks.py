"""Hydra's block, and the other ways to make a state-space model look both ways. All take (B, L, D) and return (B, L, D)."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional as F

from .scan import delayed, ssd, ssd_matrix

EXPAND = 2
"""E, width inside a block over that of the model."""
DT_MIN, DT_MAX, DT_FLOOR = 1e-3, 0.1, 1e-4


class GatedNorm(nn.Module):
    """`RMSNorm(y) * SiLU(z)`, in that order; `gate_first` is Mamba-2's order, `RMSNorm(y * SiLU(z))`."""

    def __init__(self, width: int, gate_first: bool = False) -> None:
        super().__init__()
        self.norm = nn.RMSNorm(width, eps=1e-5)
        self.gate_first = gate_first

    def forward(self, y: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
        """Normalise y and gate it with z: (B, L, width) both."""
        return self.norm(y * F.silu(z)) if self.gate_first else self.norm(y) * F.silu(z)


class CentredConv(nn.Conv1d):
    """Depthwise convolution of seven taps over (B, L, channels) that looks as far ahead as back."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels, 7, groups=channels, padding=3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Convolve along L."""
        return super().forward(x.transpose(1, 2)).transpose(1, 2)


class CausalConv(nn.Conv1d):
    """Depthwise convolution of Mamba's four taps over (B, L, channels) that looks back alone."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels, 4, groups=channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Convolve along L."""
        return super().forward(F.pad(x.transpose(1, 2), (self.kernel_size[0] - 1, 0))).transpose(1, 2)


def dt_bias(heads: int) -> nn.Parameter:
    """Return biases whose softplus is log-uniform in [1e-3, 0.1]: (H,)."""
    log_dt = torch.rand(heads) * (math.log(DT_MAX) - math.log(DT_MIN)) + math.log(DT_MIN)
    dt = log_dt.exp().clamp(min=DT_FLOOR)
    return nn.Parameter(dt + torch.log(-torch.expm1(-dt)))  # the inverse of softplus


class TwoScans(nn.Module):
    """One scan in each direction, from step sizes and states of its own; decay and step bias are shared. How they are joined is up to subclasses.

    Args:
        I: Width of x, H * P.
        H: Heads.
    """

    def __init__(self, I: int, H: int) -> None:  # noqa: E741, the paper's letter
        super().__init__()
        self.H, self.P = H, I // H
        self.dt_bias = dt_bias(H)  # shared by the directions
        self.A_log = nn.Parameter(torch.zeros(H))
        self.D = nn.Parameter(torch.ones(H))

    def both_ways(self, dt: torch.Tensor, *pairs: torch.Tensor) -> list[torch.Tensor]:
        """Stack forward and reversed backward halves along the batch: dt (B, L, 2H) -> delta (2B, L, H), others (B, L, 2W) -> (2B, L, W)."""
        delta, *rest = (torch.cat((half[0], half[1].flip(1))) for half in (part.chunk(2, dim=-1) for part in (dt, *pairs)))
        return [F.softplus(delta + self.dt_bias), *rest]

    def scans(self, x: torch.Tensor, dt: torch.Tensor, B: torch.Tensor, C: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return what the forward and the backward scan say, each still in its own time: (B, L, H, P) both.

        Args:
            x: (B, L, I).
            dt: (B, L, 2H), forward half first.
            B: (B, L, 2N), forward half first.
            C: (B, L, 2N).
        """
        delta, B, C = self.both_ways(dt, B, C)
        heads = x.unflatten(-1, (self.H, self.P))
        y = ssd(torch.cat((heads, heads.flip(1))), delta, -self.A_log.exp(), B, C)
        return y.chunk(2)


class Quasiseparable(TwoScans):
    """Two scans, each delayed by a step in its own time, and a diagonal of its own: a matrix free on and on both sides of the diagonal.

    Args:
        I: Width of x, H * P.
        H: Heads.
    """

    def __init__(self, I: int, H: int) -> None:  # noqa: E741, the paper's letter
        super().__init__(I, H)
        self.W_D = nn.Linear(I, H, bias=False)

    def diagonal(self, x: torch.Tensor) -> torch.Tensor:
        """Return the scalar with which each head passes a token to itself: (B, L, H)."""
        return self.W_D(x) + self.D

    def forward(self, x: torch.Tensor, dt: torch.Tensor, B: torch.Tensor, C: torch.Tensor) -> torch.Tensor:
        """Mix tokens, (B, L, I) -> (B, L, I); arguments as of `scans`."""
        forward, backward = self.scans(x, dt, B, C)
        # Delayed before it is turned back: the backward half must hold strictly later tokens.
        y = delayed(forward) + delayed(backward).flip(1)  # (B, L, H, P)
        return (y + x.unflatten(-1, (self.H, self.P)) * self.diagonal(x)[..., None]).flatten(2)

    def matrix(self, x: torch.Tensor, dt: torch.Tensor, B: torch.Tensor, C: torch.Tensor) -> torch.Tensor:
        """Return M of `y = M x`, entry by entry: (B, H, L, L)."""
        delta, B, C = self.both_ways(dt, B, C)
        below, above = F.pad(ssd_matrix(delta, -self.A_log.exp(), B, C)[..., :-1, :], (0, 0, 1, 0)).chunk(2)
        return below + above.flip(2, 3) + torch.diag_embed(self.diagonal(x).transpose(1, 2))


class Added(TwoScans):
    """The plain sum of both scans, each with Mamba's skip D: both hold the token itself."""

    def forward(self, x: torch.Tensor, dt: torch.Tensor, B: torch.Tensor, C: torch.Tensor) -> torch.Tensor:
        """Mix tokens, (B, L, I) -> (B, L, I); arguments as of `scans`."""
        forward, backward = self.scans(x, dt, B, C)
        skip = x.unflatten(-1, (self.H, self.P)) * self.D[:, None]
        return self.combine(forward + skip, backward.flip(1) + skip).flatten(2)

    def combine(self, forward: torch.Tensor, backward: torch.Tensor) -> torch.Tensor:
        """Join the directions, (B, L, H, P) each."""
        return forward + backward


class Multiplied(Added):
    """The product of both scans."""

    def combine(self, forward: torch.Tensor, backward: torch.Tensor) -> torch.Tensor:
        """Join the directions, (B, L, H, P) each."""
        return forward * backward


class Concatenated(Added):
    """Both scans side by side: (B, L, 2I)."""

    def combine(self, forward: torch.Tensor, backward: torch.Tensor) -> torch.Tensor:
        """Join the directions, (B, L, H, P) each."""
        return torch.cat((forward, backward), dim=2)


class Hydra(nn.Module):
    """The paper's block: projection, centred convolution, quasiseparable mixing, gated norm, projection.

    Args:
        D: Width of the model.
        N: Size of a state.
        P: Width of a head.
        mixing: `Quasiseparable`, or another way to join two scans.
    """

    def __init__(self, D: int, N: int, P: int, mixing: type[TwoScans] = Quasiseparable) -> None:
        super().__init__()
        I = EXPAND * D  # noqa: E741
        H = I // P
        self.split = (I, I + 4 * N, 2 * H)  # z, xBC, dt
        self.I, self.N = I, N
        self.in_proj = nn.Linear(D, sum(self.split), bias=False)
        self.conv = CentredConv(I + 4 * N)
        self.mixing = mixing(I, H)
        outputs = 2 * I if mixing is Concatenated else I
        self.norm = GatedNorm(outputs)
        self.out_proj = nn.Linear(outputs, D, bias=False)

    def project(self, u: torch.Tensor) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
        """Return the gate z (B, L, I), and what the mixing takes: x (B, L, I), dt (B, L, 2H), B and C (B, L, 2N)."""
        z, xBC, dt = self.in_proj(u).split(self.split, dim=-1)
        x, *BC = F.silu(self.conv(xBC)).split((self.I, *(self.N,) * 4), dim=-1)  # B forward, C forward, B backward, C backward
        return z, (x, dt, torch.cat(BC[::2], dim=-1), torch.cat(BC[1::2], dim=-1))

    def forward(self, u: torch.Tensor) -> torch.Tensor:
        """Mix tokens, (B, L, D) -> (B, L, D)."""
        z, inputs = self.project(u)
        y = self.mixing(*inputs)
        return self.out_proj(self.norm(y, z if y.shape == z.shape else torch.cat((z, z), dim=-1)))

    def matrix(self, u: torch.Tensor) -> torch.Tensor:
        """Return the matrix of each head for inputs (B, L, D): (B, H, L, L)."""
        return self.mixing.matrix(*self.project(u)[1])


class Mamba2(nn.Module):
    """One scan in the order of time: nothing above the diagonal.

    Args:
        D: Width of the model.
        N: Size of a state.
        P: Width of a head.
    """

    def __init__(self, D: int, N: int, P: int) -> None:
        super().__init__()
        I = EXPAND * D  # noqa: E741
        self.H, self.P, self.N, self.I = I // P, P, N, I
        self.split = (I, I + 2 * N, self.H)
        self.in_proj = nn.Linear(D, sum(self.split), bias=False)
        self.conv = CausalConv(I + 2 * N)
        self.dt_bias = dt_bias(self.H)
        # Mamba-2 draws A from 1 to 16.
        self.A_log = nn.Parameter(torch.empty(self.H).uniform_(1, 16).log())
        self.D = nn.Parameter(torch.ones(self.H))
        self.norm = GatedNorm(I, gate_first=True)
        self.out_proj = nn.Linear(I, D, bias=False)

    def forward(self, u: torch.Tensor) -> torch.Tensor:
        """Mix tokens, (B, L, D) -> (B, L, D)."""
        z, xBC, dt = self.in_proj(u).split(self.split, dim=-1)
        x, B, C = F.silu(self.conv(xBC)).split((self.I, self.N, self.N), dim=-1)
        x = x.unflatten(-1, (self.H, self.P))
        y = ssd(x, F.softplus(dt + self.dt_bias), -self.A_log.exp(), B, C) + x * self.D[:, None]
        return self.out_proj(self.norm(y.flatten(2), z))


class TwoMamba2(nn.Module):
    """Two whole Mamba-2 blocks, one for each direction, added."""

    def __init__(self, D: int, N: int, P: int) -> None:
        super().__init__()
        self.forward_block, self.backward_block = Mamba2(D, N, P), Mamba2(D, N, P)

    def forward(self, u: torch.Tensor) -> torch.Tensor:
        """Mix tokens, (B, L, D) -> (B, L, D)."""
        return self.forward_block(u) + self.backward_block(u.flip(1)).flip(1)
