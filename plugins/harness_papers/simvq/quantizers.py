"""SimVQ and the quantisers it is compared with: all take encodings z (N, d) and give back one of K codes for each."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

BETA = 0.25
"""Weight of the term that draws encodings to their codes; codes are drawn to their encodings with weight 1."""
LOW = 8
"""Dimensions of factorised codes."""
DISTANCES = 2**24
"""Distances that are held at a time: 64 MiB, and 256 encodings against 65,536 codes."""


class Codes(NamedTuple):
    """What a quantiser makes of encodings z (N, d).

    Attributes:
        z_q: (N, d) the codes; in training their gradient goes straight through to z.
        idx: (N,) which codes.
        loss: The quantiser's part of the loss, a scalar; 0 outside training.
    """

    z_q: Tensor
    idx: Tensor
    loss: Tensor


@torch.no_grad()
def nearest(z: Tensor, E: Tensor) -> Tensor:
    """Return which rows of E (K, d) are nearest to z (N, d): argmin_k |z|^2 + |E_k|^2 - 2 z.E_k.

    |z|^2 is the same for every k and is left out, and the rest is halved. Distances are float32 at least: in 16 bits many of them would be equal.
    """
    dtype = torch.promote_types(z.dtype, torch.float32)
    z, E = z.to(dtype), E.to(dtype)
    half = E.square().sum(1) / 2  # (K,)
    rows = max(1, DISTANCES // len(E))
    return torch.cat([torch.addmm(half, part, E.T, alpha=-1).argmin(1) for part in z.split(rows)])


class Quantizer(nn.Module):
    """Vector quantisation with any codebook.

    In training the codebook is made anew for each batch. Outside it a table is used, which is made once, when training ends.
    """

    stored: Tensor
    starts_from = ""
    """What of the data the codebook starts from: nothing, `encodings` or `patches`."""

    def codebook(self) -> Tensor:
        """Return E (K, d) with its gradient."""
        raise NotImplementedError

    def start(self, centres: Tensor) -> None:
        """Begin with a codebook, or features, found in the data: (K, d) or (K, f)."""
        raise NotImplementedError

    def into(self, z: Tensor) -> Tensor:
        """Take encodings into the space in which codes are compared."""
        return z

    def out(self, e: Tensor) -> Tensor:
        """Take codes back into the space of encodings."""
        return e

    def quantize(self, z: Tensor) -> Codes:
        """Find the nearest codes of z (N, d)."""
        E = self.codebook() if self.training else self.stored
        z = self.into(z)
        idx = nearest(z, E)
        e = F.embedding(idx, E)
        if not self.training:
            return Codes(self.out(e), idx, z.new_zeros(()))
        loss = BETA * F.mse_loss(z, e.detach()) + F.mse_loss(e, z.detach())
        return Codes(self.out(z + (e - z).detach()), idx, loss)

    def forward(self, z: Tensor) -> Tensor:
        """Replace encodings by codes: (N, d) -> (N, d)."""
        return self.quantize(z).z_q

    def lookup(self, idx: Tensor) -> Tensor:
        """Return the encodings that codes (N,) stand for, (N, d)."""
        return self.out(F.embedding(idx, self.stored))

    def train(self, mode: bool = True) -> Quantizer:
        """Switch between training and use; the table is made when training ends."""
        super().train(mode)
        if not mode:
            self._store()
        return self

    @torch.no_grad()
    def _store(self) -> None:
        self.stored.copy_(self.codebook())


class Projected(Quantizer):
    """A codebook E = C W^T + b: C (K, f) is given, W (d, f) and b (d,) are trained.

    Args:
        C: Drawn or found; no parameter, so that no step changes it.
        d: Dimensions of an encoding.
    """

    C: Tensor

    def __init__(self, C: Tensor, d: int) -> None:
        super().__init__()
        self.register_buffer("C", C)
        self.project = nn.Linear(C.shape[1], d)
        self.register_buffer("stored", torch.empty(len(C), d))
        self._store()

    def codebook(self) -> Tensor:
        """Return E (K, d): every row depends on W and b."""
        return self.project(self.C)


class SimVQ(Projected):
    """The method: C (K, d) is random and stays as it was drawn."""

    def __init__(self, K: int, d: int) -> None:
        super().__init__(drawn(K, d), d)


class FeatureVQ(Projected):
    """VQGAN-LC: C (K, f) holds features of the data, and stays as it was found."""

    starts_from = "patches"

    def __init__(self, K: int, d: int, f: int) -> None:
        super().__init__(drawn(K, f), d)

    @torch.no_grad()
    def start(self, centres: Tensor) -> None:
        """Take patches (K, f) as features."""
        self.C.copy_(centres)


class VQ(Quantizer):
    """Ordinary vector quantisation: E itself is trained, and a step moves only the codes that were chosen."""

    def __init__(self, K: int, d: int, starts_from: str = "") -> None:
        super().__init__()
        self.starts_from = starts_from
        self.E = nn.Parameter(drawn(K, d))

    @property
    def stored(self) -> Tensor:  # type: ignore[override]
        """The codebook is its own table."""
        return self.E

    def codebook(self) -> Tensor:
        """Return E (K, d)."""
        return self.E

    @torch.no_grad()
    def start(self, centres: Tensor) -> None:
        """Begin with a codebook (K, d)."""
        self.E.copy_(centres)

    def _store(self) -> None:
        pass


class FactorisedVQ(Quantizer):
    """VQGAN-FC: encodings are projected to few dimensions, and codes are compared there, both of unit length."""

    def __init__(self, K: int, d: int) -> None:
        super().__init__()
        self.E = nn.Parameter(drawn(K, LOW))
        self.down, self.up = nn.Linear(d, LOW), nn.Linear(LOW, d)
        self.register_buffer("stored", torch.empty(K, LOW))
        self._store()

    def codebook(self) -> Tensor:
        """Return codes of unit length (K, LOW)."""
        return F.normalize(self.E, dim=1)

    def into(self, z: Tensor) -> Tensor:
        """Project (N, d) -> (N, LOW), to unit length."""
        return F.normalize(self.down(z), dim=1)

    def out(self, e: Tensor) -> Tensor:
        """Project (N, LOW) -> (N, d)."""
        return self.up(e)


def drawn(K: int, d: int) -> Tensor:
    """Draw K codes from N(0, 1/d), so that each has a length of about 1: the same for the method and for its baselines."""
    return torch.randn(K, d) * d**-0.5


def quantizer(variant: str, K: int, d: int, f: int) -> Quantizer:
    """Build a variant's quantiser of K codes for encodings of d dimensions; f is that of the data's features."""
    match variant:
        case "vq" | "vq_kmeans":
            return VQ(K, d, "encodings" if variant == "vq_kmeans" else "")
        case "vq_fc":
            return FactorisedVQ(K, d)
        case "vq_lc":
            return FeatureVQ(K, d, f)
    return SimVQ(K, d)


def k_means(points: Tensor, K: int, rounds: int, generator: torch.Generator) -> Tensor:
    """Return K centres (K, d) of points (n, d), n >= K: some of them, moved by Lloyd's algorithm. One that is nobody's nearest stays."""
    centres = points[torch.randperm(len(points), generator=generator)[:K]]
    for _ in range(rounds):
        idx = nearest(points, centres)
        sums = torch.zeros_like(centres).index_add_(0, idx, points)
        counts = idx.bincount(minlength=K)[:, None]
        centres = torch.where(counts > 0, sums / counts.clamp(min=1), centres)
    return centres
