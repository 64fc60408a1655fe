"""The paper's other classes of mixing matrix, in one block: one matrix for all inputs, or sequence aligned (SAM), made from the tokens.

M is (H, L, L) where it is learnt, (B, H, L, L) where it depends on the tokens. All but the quasiseparable class add v itself to M v.
"""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional as F

from .blocks import EXPAND, CentredConv, GatedNorm, Quasiseparable

TOLERANCE = 1e-8
ANGLE_STEP = 1e-3
"""Of the Vandermonde class: it keeps the angles small when training starts."""


def _learnt(*shape: int) -> nn.Parameter:
    return nn.Parameter(nn.init.xavier_normal_(torch.empty(shape)))


class Mixer(nn.Module):
    """A class of matrices.

    Args:
        H: Heads.
        d: Width of a head's queries and keys.
        L: Tokens: what scales the matrix, and what a learnt one is made for.
        sam: Whether the matrix is made from the tokens.
    """

    def __init__(self, H: int, d: int, L: int, sam: bool) -> None:
        super().__init__()
        self.H, self.d, self.L, self.sam = H, d, L, sam
        if not sam:
            self.learn()

    def learn(self) -> None:
        """Make the parameters of the version that does not look at the tokens: q and k, (H, L, d)."""
        self.q, self.k = _learnt(self.H, self.L, self.d), _learnt(self.H, self.L, self.d)

    @property
    def features(self) -> int:
        """How many features of a token the sequence-aligned version asks for, beside v."""
        return 2 * self.H * self.d

    def queries_and_keys(self, features: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor]:
        """Return q and k, (B, H, L, d), or learnt (H, L, d)."""
        if features is None:
            return self.q, self.k
        q, k = features.unflatten(-1, (2 * self.H, self.d)).transpose(1, 2).chunk(2, dim=1)
        return q, k

    def matrix(self, features: torch.Tensor | None) -> torch.Tensor:
        """Return M, given the features of the tokens (B, L, features), or None."""
        raise NotImplementedError

    def mix(self, v: torch.Tensor, features: torch.Tensor | None) -> torch.Tensor:
        """Return M v, (B, H, L, P) -> (B, H, L, P)."""
        return self.matrix(features) @ v

    def forward(self, v: torch.Tensor, features: torch.Tensor | None) -> torch.Tensor:
        """Mix tokens, (B, L, H * P) -> (B, L, H * P)."""
        heads = v.unflatten(-1, (self.H, -1)).transpose(1, 2)  # (B, H, L, P)
        return v + self.mix(heads, features).transpose(1, 2).flatten(2)


class Dense(Mixer):
    """Any matrix at all; there is no sequence-aligned version."""

    def learn(self) -> None:
        """Make the parameters of the version that does not look at the tokens."""
        self.M = _learnt(self.H, self.L, self.L)

    def matrix(self, features: torch.Tensor | None) -> torch.Tensor:
        """Return M."""
        return self.M / math.sqrt(self.L)


class Toeplitz(Mixer):
    """`M_ij = t_{i-j}`, multiplied by FFT; sequence aligned, token n makes the taps t_n and t_{-n}."""

    def learn(self) -> None:
        """Make the parameters of the version that does not look at the tokens."""
        self.taps = nn.Parameter(nn.init.xavier_uniform_(torch.empty(self.H, 2 * self.L - 1)))  # t_{-(L-1)}, ..., t_{L-1}

    @property
    def features(self) -> int:
        """Two taps for each head."""
        return 2 * self.H

    def _taps(self, features: torch.Tensor | None) -> torch.Tensor:
        if features is None:
            return self.taps
        ahead, back = F.silu(features).transpose(1, 2).chunk(2, dim=1)  # (B, H, L) each
        return torch.cat((back[..., 1:].flip(-1), ahead), dim=-1)

    def matrix(self, features: torch.Tensor | None) -> torch.Tensor:
        """Return M."""
        taps = self._taps(features)
        place = torch.arange(self.L, device=taps.device)
        return taps[..., place[:, None] - place + self.L - 1] * (0.5 / math.sqrt(self.L))

    def mix(self, v: torch.Tensor, features: torch.Tensor | None) -> torch.Tensor:
        """Return M v without making M."""
        n = 2 * self.L  # enough that no wrap-around reaches the outputs that are kept
        spectrum = torch.fft.rfft(v, n=n, dim=-2) * torch.fft.rfft(self._taps(features), n=n)[..., None]
        return torch.fft.irfft(spectrum, n=n, dim=-2)[..., self.L - 1 : 2 * self.L - 1, :] * (0.5 / math.sqrt(self.L))


class LowRank(Mixer):
    """`Q K^T`: sequence aligned, it is linear attention without a normaliser."""

    def _scaled(self, features: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor]:
        q, k = self.queries_and_keys(None if features is None else F.silu(features))
        return q / math.sqrt(self.L * self.d), k

    def matrix(self, features: torch.Tensor | None) -> torch.Tensor:
        """Return M."""
        q, k = self._scaled(features)
        return q @ k.mT

    def mix(self, v: torch.Tensor, features: torch.Tensor | None) -> torch.Tensor:
        """Return M v without making M."""
        q, k = self._scaled(features)
        return q @ (k.mT @ v)


class Cauchy(Mixer):
    """`M_ij = sum_d 1 / (exp(q_id) + exp(k_jd) + 2b)`, b learnt in the sequence-aligned version and 0 otherwise."""

    def __init__(self, H: int, d: int, L: int, sam: bool) -> None:
        super().__init__(H, d, L, sam)
        if sam:
            self.b = nn.Parameter(torch.tensor(0.5))

    def matrix(self, features: torch.Tensor | None) -> torch.Tensor:
        """Return M."""
        q, k = (part.exp() + (self.b if self.sam else 0) for part in self.queries_and_keys(features))
        # One feature at a time: all at once would take d times the memory of M.
        M = sum(1 / (q[..., i, None] + k[..., None, :, i] + TOLERANCE) for i in range(self.d))
        return M / math.sqrt(self.L * self.d)


class Vandermonde(Mixer):
    """`M_ij = sum_d cos(2 pi e q_id j) - cos(2 pi e k_jd i)`; without the tokens it is the cosine part of the discrete Fourier transform."""

    def learn(self) -> None:
        """Nothing is learnt: the transform is fixed."""
        place = torch.arange(self.L)
        self.register_buffer("M", (2 * torch.pi / self.L * (place[:, None] * place % self.L)).cos() / math.sqrt(self.L), persistent=False)

    def matrix(self, features: torch.Tensor | None) -> torch.Tensor:
        """Return M."""
        if features is None:
            return self.M
        q, k = self.queries_and_keys(features)
        place = 2 * torch.pi * ANGLE_STEP * torch.arange(q.shape[-2], device=q.device, dtype=q.dtype)
        M = sum((q[..., i, None] * place).cos() - (k[..., None, :, i] * place[:, None]).cos() for i in range(self.d))
        return M / math.sqrt(2 * self.L * self.d)


class Softmax(Mixer):
    """`softmax(Q K^T / sqrt(d))`, fused."""

    def matrix(self, features: torch.Tensor | None) -> torch.Tensor:
        """Return M."""
        q, k = self.queries_and_keys(features)
        return (q @ k.mT / math.sqrt(self.d)).softmax(-1)

    def mix(self, v: torch.Tensor, features: torch.Tensor | None) -> torch.Tensor:
        """Return M v without making M."""
        if features is None:
            return self.matrix(None) @ v
        return F.scaled_dot_product_attention(*self.queries_and_keys(features), v)


CLASSES: dict[str, type[Mixer]] = {
    "dense": Dense,
    "toeplitz": Toeplitz,
    "low_rank": LowRank,
    "cauchy": Cauchy,
    "vandermonde": Vandermonde,
    "softmax": Softmax,
}


class MatrixMixer(nn.Module):
    """The block of the comparison: projection, centred convolution, a class of matrices, gated norm, projection. (B, L, D) -> (B, L, D).

    Args:
        kind: One of `CLASSES`.
        sam: Whether the matrix is made from the tokens.
        D: Width of the model.
        d: Width of a head's queries and keys.
        P: Width of a head.
        L: Tokens.
    """

    def __init__(self, kind: str, sam: bool, D: int, d: int, P: int, L: int) -> None:
        super().__init__()
        self.I, self.sam = EXPAND * D, sam
        self.mixer = CLASSES[kind](self.I // P, d, L, sam)
        mixed = self.I + (self.mixer.features if sam else 0)
        self.in_proj = nn.Linear(D, self.I + mixed, bias=False)
        self.conv = CentredConv(mixed)
        self.norm = GatedNorm(self.I)
        self.out_proj = nn.Linear(self.I, D, bias=False)

    def forward(self, u: torch.Tensor) -> torch.Tensor:
        """Mix tokens."""
        projected = self.in_proj(u)
        z, mixed = projected[..., : self.I], self.conv(projected[..., self.I :])
        v, features = F.silu(mixed[..., : self.I]), mixed[..., self.I :]  # the mixer gives its features what activation they need
        return self.out_proj(self.norm(self.mixer(v, features if self.sam else None), z))


class QuasiseparableMixer(nn.Module):
    """The quasiseparable class in the same block: B and C, as wide as all queries, serve both directions. (B, L, D) -> (B, L, D).

    Arguments are those of `MatrixMixer`. Without the tokens B and C are learnt for every position, and the step sizes for every head.
    """

    def __init__(self, sam: bool, D: int, d: int, P: int, L: int) -> None:
        super().__init__()
        I = EXPAND * D  # noqa: E741
        self.I, self.H, self.sam = I, I // P, sam
        self.N = self.H * d
        self.conv = CentredConv(I + 2 * self.N * sam)
        self.in_proj = nn.Linear(D, 2 * I + (2 * self.N + 2 * self.H) * sam, bias=False)
        if not sam:
            self.BC = _learnt(L, 2 * self.N)
        self.mixing = Quasiseparable(I, self.H)
        self.norm = GatedNorm(I)
        self.out_proj = nn.Linear(I, D, bias=False)

    def forward(self, u: torch.Tensor) -> torch.Tensor:
        """Mix tokens."""
        projected = self.in_proj(u)
        end = projected.shape[-1] - 2 * self.H * self.sam
        z, mixed, dt = projected[..., : self.I], F.silu(self.conv(projected[..., self.I : end])), projected[..., end:]
        x, BC = mixed[..., : self.I], mixed[..., self.I :]
        if not self.sam:
            BC, dt = self.BC.expand(len(u), -1, -1), u.new_zeros(*u.shape[:2], 2 * self.H)
        B, C = (torch.cat((part, part), dim=-1) for part in BC.chunk(2, dim=-1))
        return self.out_proj(self.norm(self.mixing(x, dt, B, C), z))
