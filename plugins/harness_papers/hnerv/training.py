"""Fitting a clip: encoder and decoder together on mean squared error; afterwards the embeddings are kept and the encoder is thrown away."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .model import Encoder, HNeRV, Video

LR, BATCH = 1e-3, 2
WARM_UP, FIRST_RATE = 0.1, 0.1
"""The rate rises from a tenth of its peak over the first tenth of the training, then falls to zero along a cosine."""

EPOCHS = {"smoke": 3, "small": 20, "paper": 300}
"""Passes over the frames. At `small` scale 20 passes are what 40 seconds of one core allow."""

PSNR_FLOOR = 1e-9
"""Added to the error, as the authors do, so that a perfect frame has a finite PSNR."""


def psnr(decoded: Tensor, frames: Tensor, mask: Tensor | None = None) -> Tensor:
    """Return each frame's PSNR in dB, (B, 3, H, W) -> (B,), over the whole frame or over the places where `mask` (H, W) is 1."""
    error = (decoded - frames) ** 2
    mean = error.flatten(1).mean(1) if mask is None else (error * mask).flatten(1).sum(1) / (3 * mask.sum())
    return -10 * torch.log10(mean + PSNR_FLOOR)


def rate(done: float) -> float:
    """Return the learning rate after the share `done` of the training, as a share of its peak."""
    if done < WARM_UP:
        return FIRST_RATE + (1 - FIRST_RATE) * done / WARM_UP
    return 0.5 * (1 + math.cos(math.pi * (done - WARM_UP) / (1 - WARM_UP)))


class Trainer:
    """A video in training: what it is fitted with, and a step of it.

    Args:
        video: What is fitted, in place.
        mask: Places (H, W) that are seen and counted; all where it is None.
    """

    def __init__(self, video: Video, mask: Tensor | None = None) -> None:
        self.video, self.mask = video, mask
        like = next(video.parameters())
        self.encoder = Encoder(video.shape.strides).to(like) if isinstance(video, HNeRV) else None
        trained = [video.decoder, *([] if self.encoder is None else [self.encoder])]
        self.optimizer = torch.optim.Adam(nn.ModuleList(trained).parameters(), LR)

    def reconstruct(self, i: Tensor, x: Tensor) -> Tensor:
        """Return frames x (B, 3, H, W), of numbers i (B,), as they come out of the network."""
        seen = x if self.mask is None else x * self.mask
        return self.video.decoder(self.video.inputs(i) if self.encoder is None else self.encoder(seen))

    def step(self, i: Tensor, x: Tensor, lr: float = LR) -> Tensor:
        """Take one step of Adam and return what came out before it."""
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        self.optimizer.zero_grad(set_to_none=True)
        out = self.reconstruct(i, x)
        loss = F.mse_loss(out, x) if self.mask is None else F.mse_loss(out * self.mask, x * self.mask)
        loss.backward()
        self.optimizer.step()
        return out.detach()

    @torch.no_grad()
    def store(self, x: Tensor) -> None:
        """Put the embeddings of frames x into the video, and let the encoder go."""
        if self.encoder is not None:
            seen = x if self.mask is None else x * self.mask
            self.video.embeddings.copy_(torch.cat([self.encoder(part) for part in seen.split(BATCH)]))
            self.encoder = None


def fit(video: Video, i: Tensor, x: Tensor, mask: Tensor | None, epochs: int, cap: Callable[[int], int], seed: int) -> Video:
    """Fit `video` to frames x (N, 3, H, W) of numbers i (N,).

    Args:
        video: Changed in place.
        i: Numbers of the frames in the clip.
        x: The frames.
        mask: Places that are seen; all where it is None.
        epochs: Passes of the whole schedule.
        cap: From the schedule's number of steps to the number that may be taken.
        seed: Of the order of the frames.
    """
    trainer = Trainer(video, mask)
    batches = math.ceil(len(x) / BATCH)
    total = epochs * batches
    generator = torch.Generator().manual_seed(seed)
    order: list[Tensor] = []
    reached: list[Tensor] = []
    video.train()
    for step in range(cap(total)):
        if not order:
            order = list(torch.randperm(len(x), generator=generator).split(BATCH))
        chosen = order.pop()
        out = trainer.step(i[chosen], x[chosen], LR * rate(step / total))
        reached.append(psnr(out, x[chosen], mask))
        if not order:
            video.curve.append(float(torch.cat(reached).mean()))
            reached = []
    video.eval()
    trainer.store(x)
    return video
