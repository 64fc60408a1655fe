"""Transcoders and sparse autoencoders: wide layers of few active features."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Dictionary(nn.Module):
    """z = ReLU((x - b_dec) W_enc + b_enc) and out = z W_dec + b_out: features of x, and what they write.

    Args:
        d: Dimensions of input and output.
        m: Features.
        transcodes: Whether output and input are different things, so that the output has a bias of its own; an autoencoder adds b_dec again.
        kept: Features that are decoded, the strongest; 0 decodes all.
    """

    def __init__(self, d: int, m: int, transcodes: bool, kept: int = 0) -> None:
        super().__init__()
        self.kept = kept
        self.W_enc = nn.Parameter(nn.init.kaiming_uniform_(torch.empty(d, m)))
        self.W_dec = nn.Parameter(nn.init.kaiming_uniform_(torch.empty(m, d)))
        self.b_enc = nn.Parameter(torch.zeros(m))
        self.b_dec = nn.Parameter(torch.zeros(d))
        self.b_out = nn.Parameter(torch.zeros(d)) if transcodes else None
        self.renormalize()

    @torch.no_grad()
    def renormalize(self) -> None:
        """Bring what each feature writes, a row of W_dec, to unit length."""
        self.W_dec.div_(self.W_dec.norm(dim=1, keepdim=True))

    @torch.no_grad()
    def centre(self, x: Tensor, y: Tensor) -> None:
        """Start from the means of inputs and targets (N, d)."""
        self.b_dec.copy_(x.mean(0))
        if self.b_out is not None:
            self.b_out.copy_(y.mean(0))

    @property
    def output_bias(self) -> Tensor:
        """b_out of a transcoder, b_dec of an autoencoder."""
        return self.b_dec if self.b_out is None else self.b_out

    def before(self, x: Tensor) -> Tensor:
        """Return what features see before their ReLU: (N, d) -> (N, m)."""
        return torch.addmm(self.b_enc, x - self.b_dec, self.W_enc)

    def features(self, x: Tensor) -> Tensor:
        """Return activations z (N, m), none negative."""
        return F.relu(self.before(x))

    def decode(self, z: Tensor) -> Tensor:
        """Add up what active features write: (N, m) -> (N, d)."""
        return torch.addmm(self.output_bias, z, self.W_dec)

    def decode_sparsely(self, z: Tensor, kept: int) -> Tensor:
        """The same from the `kept` strongest features of each token alone: exact where no token has more active ones."""
        strongest = z.topk(min(kept, z.shape[1]), dim=1)  # (N, kept)
        rows = self.W_dec[strongest.indices]  # (N, kept, d)
        return torch.bmm(strongest.values[:, None], rows)[:, 0] + self.output_bias

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, d) -> (N, d)."""
        z = self.features(x)
        return self.decode_sparsely(z, self.kept) if self.kept else self.decode(z)
