"""The two kinds of neural codec: an autoregressive network, and a variational autoencoder with bits-back coding.

Both are small, of the circuit's order of size. The autoencoder is coded several images at a time; PixelCNN in one call of the network where all
pixels are known, and where they are not with a call a pixel on all images, without a cache of what earlier calls have found.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import constriction
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness import Budget

from .coding import CATEGORICAL, SequentialCodec, float_table, integers

STEP = 1 / 16
"""Width of the bins in which a latent value is coded; their number cancels between posterior and prior."""
REACH = 8.0
"""Latent values are coded between -8 and 8 standard deviations of the prior."""
BLOCK = 4
"""Images that bits-back coding takes at once: fewer calls of the networks, more bits to start from."""
BITS_TO_START = 7
"""For each latent value of a block: a posterior as wide as the prior costs 6.0 on average."""


class MaskedConv(nn.Conv2d):
    """A convolution that sees only pixels above and on the left; `centre` lets it see the pixel itself."""

    def __init__(self, given: int, made: int, kernel: int, centre: bool) -> None:
        super().__init__(given, made, kernel, padding=kernel // 2)
        mask = torch.ones(kernel, kernel)
        mask[kernel // 2, kernel // 2 + centre :] = 0
        mask[kernel // 2 + 1 :] = 0
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, made, H, W) of (N, given, H, W)."""
        return F.conv2d(x, self.weight * self.mask, self.bias, padding=self.padding)


class PixelCNN(nn.Module, SequentialCodec):
    """Residual masked convolutions over the image; raster order."""

    def __init__(self, side: int, V: int, width: int = 32, layers: int = 2) -> None:
        super().__init__()
        self.side, self.V = side, V
        self.first = MaskedConv(1, width, 5, centre=False)
        self.hidden = nn.ModuleList(MaskedConv(width, width, 3, centre=True) for _ in range(layers))
        self.last = nn.Sequential(nn.ReLU(), nn.Conv2d(width, width, 1), nn.ReLU(), nn.Conv2d(width, V, 1))

    @property
    def order(self) -> Sequence[int]:
        """Return the pixels in coding order."""
        return range(self.side**2)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits of every pixel's levels for images (N, D): (N, D, V)."""
        image = x.view(-1, 1, self.side, self.side).to(self.first.weight.dtype) * (2 / (self.V - 1)) - 1
        h = self.first(image)
        for layer in self.hidden:
            h = h + layer(h.relu())
        return self.last(h).flatten(2).mT

    def log_likelihood(self, x: Tensor) -> Tensor:
        """Return log p(x) in nats, (N,)."""
        return -F.cross_entropy(self(x).mT, x, reduction="none").sum(1)

    def objective(self, x: Tensor) -> Tensor:
        """Return the mean of -log p(x), the loss."""
        return -self.log_likelihood(x).mean()

    def conditionals(self, x: Tensor) -> Tensor:
        """Return p(x_i | x_<i) in one call: what lies behind the mask is multiplied by zero, so a decoder finds the same."""
        return self(x).softmax(-1).transpose(0, 1)

    def session(self, count: int) -> PixelSession:
        """Begin with `count` images."""
        return PixelSession(self, count)


class PixelSession:
    """One call of the whole network for each pixel, on an image that fills up."""

    def __init__(self, model: PixelCNN, count: int) -> None:
        self.model, self.done = model, 0
        self.x = torch.zeros(count, model.side**2, dtype=torch.int64, device=model.first.weight.device)

    def probabilities(self) -> Tensor:
        """Return the next pixel's distribution, (N, V)."""
        return self.model(self.x)[:, self.done].softmax(-1)

    def observe(self, symbols: Tensor) -> None:
        """Take the next pixel's values, (N,)."""
        self.x[:, self.done] = symbols
        self.done += 1


class BitsBackVAE(nn.Module):
    """A variational autoencoder with categorical pixels, coded with bits-back ANS (Townsend et al., 2019).

    The encoder takes its choice of a latent value out of the stream and the decoder puts it back, so a latent costs only
    log q(z | x) - log p(z). A stream that begins needs bits to choose from; they are counted.
    """

    def __init__(self, D: int, V: int, width: int = 256, L: int = 12) -> None:
        super().__init__()
        self.D, self.V, self.L = D, V, L
        self.q = nn.Sequential(nn.Linear(D, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 2 * L))
        self.p = nn.Sequential(nn.Linear(L, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, D * V))

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and standard deviation of q(z | x) for images (N, D): (N, L) each. It is never wider than the prior."""
        mean, raw = self.q(x.to(self.q[0].weight.dtype) * (2 / (self.V - 1)) - 1).chunk(2, -1)
        return mean.clamp(-0.75 * REACH, 0.75 * REACH), raw.sigmoid().clamp(min=1e-2)

    def logits(self, z: Tensor) -> Tensor:
        """Return logits of the pixels' levels given latents (N, L): (N, D, V)."""
        return self.p(z).unflatten(-1, (self.D, self.V))

    def log_likelihood(self, x: Tensor) -> Tensor:
        """Return the evidence lower bound of images (N, D) in nats, from one latent each, (N,)."""
        mean, std = self.posterior(x)
        z = mean + std * torch.randn_like(mean)
        divergence = (0.5 * (mean**2 + std**2 - 1) - std.log()).sum(1)
        return -F.cross_entropy(self.logits(z).mT, x, reduction="none").sum(1) - divergence

    def objective(self, x: Tensor) -> Tensor:
        """Return the mean of minus the bound, the loss."""
        return -self.log_likelihood(x).mean()

    @torch.no_grad()
    def encode(self, x: Tensor) -> bytes:
        """Return the stream of images (N, D)."""
        blocks = x.split(BLOCK)
        ans = constriction.stream.stack.AnsCoder(_bits_to_start(min(len(x), BLOCK) * self.L), seal=True)
        for block in blocks:
            z = ans.decode(_GAUSSIAN, *self._posterior_table(block))
            ans.encode_reverse(integers(block.flatten()), CATEGORICAL, self._pixel_table(z, block))
            ans.encode_reverse(z, _PRIOR)
        return ans.get_compressed().tobytes()

    @torch.no_grad()
    def decode(self, stream: bytes, count: int) -> Tensor:
        """Return the `count` images of a stream, (N, D) int64."""
        ans, found = constriction.stream.stack.AnsCoder(np.frombuffer(stream, np.uint32)), []
        sizes = [min(BLOCK, count - first) for first in range(0, count, BLOCK)]
        for size in reversed(sizes):
            z = ans.decode(_PRIOR, size * self.L)
            like = torch.empty(size, self.D, device=self.q[0].weight.device)
            pixels = ans.decode(CATEGORICAL, self._pixel_table(z, like))
            found.insert(0, torch.from_numpy(pixels.astype(np.int64)).view(size, self.D).to(like.device))
            ans.encode_reverse(z, _GAUSSIAN, *self._posterior_table(found[0]))
        return torch.cat(found)

    def _posterior_table(self, x: Tensor) -> tuple[np.ndarray, np.ndarray]:
        """Return means and deviations in bins, (N L,) each."""
        mean, std = (float_table(values.flatten()) / STEP for values in self.posterior(x))
        return mean, std

    def _pixel_table(self, z: np.ndarray, like: Tensor) -> np.ndarray:
        """Return the pixels' probabilities given coded latents, (N D, V)."""
        weight = self.q[0].weight
        latents = torch.from_numpy(z * STEP).to(weight.device, weight.dtype).view(len(like), self.L)
        return float_table(self.logits(latents).softmax(-1).flatten(0, 1))


_LIMIT = round(REACH / STEP)
_GAUSSIAN = constriction.stream.model.QuantizedGaussian(-_LIMIT, _LIMIT)
_PRIOR = constriction.stream.model.QuantizedGaussian(-_LIMIT, _LIMIT, 0.0, 1 / STEP)


def _bits_to_start(latents: int) -> np.ndarray:
    """Return enough random words to choose so many latents from."""
    words = math.ceil(latents * BITS_TO_START / 32)
    return np.random.default_rng(0).integers(0, 2**32, words, dtype=np.uint32)


def train(model: PixelCNN | BitsBackVAE, x: Tensor, epochs: int, budget: Budget, seed: int, batch: int = 100, lr: float = 2e-3) -> None:
    """Train on images (N, D) with Adam, its rate falling to zero along a cosine over all epochs.

    Args:
        model: Changed in place.
        x: Training images.
        epochs: Passes over them.
        budget: Cuts the number of steps.
        seed: Of the shuffling.
        batch: Images a step.
        lr: Highest learning rate.
    """
    generator = torch.Generator().manual_seed(seed)
    batches = [b for _ in range(epochs) for b in torch.randperm(len(x), generator=generator).split(batch)]
    optimizer = torch.optim.Adam(model.parameters(), lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, len(batches))
    for chosen in batches[: budget.cap(len(batches))]:
        optimizer.zero_grad()
        model.objective(x[chosen]).backward()
        optimizer.step()
        schedule.step()
