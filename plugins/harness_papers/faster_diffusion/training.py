"""Training the small noise predictor on handwritten digits, in the usual way: no part of the paper's method."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from .sampling import ALPHA_BAR, TIMES
from .setting import Study
from .unet import UNet

DROPPED = 0.1
"""Share of examples trained without their condition, so that there is something to guide away from."""
CLIP = 1.0


def train(unet: UNet, x: Tensor, c: Tensor, study: Study, cap: Callable[[int], int], seed: int) -> None:
    """Train `unet` in place to predict the noise in images x (N, C, H, W) under conditions c (N, L, d_c).

    The rate falls from `study.lr` to zero along a cosine; `cap` may cut the number of steps.
    """
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(unet.parameters(), study.lr)
    alpha_bar = torch.tensor(ALPHA_BAR)[:, None, None, None]
    unet.train()
    for step in range(cap(study.steps)):
        for group in optimizer.param_groups:
            group["lr"] = study.lr * 0.5 * (1 + math.cos(math.pi * step / study.steps))
        chosen = torch.randint(len(x), (study.batch,), generator=generator)
        t = torch.randint(TIMES, (study.batch,), generator=generator)
        noise = torch.randn(study.batch, *x.shape[1:], generator=generator)
        kept = (torch.rand(study.batch, 1, 1, generator=generator) >= DROPPED).float()
        noisy = alpha_bar[t].sqrt() * x[chosen] + (1 - alpha_bar[t]).sqrt() * noise
        optimizer.zero_grad(set_to_none=True)
        F.mse_loss(unet(noisy, t, c[chosen] * kept), noise).backward()
        torch.nn.utils.clip_grad_norm_(unet.parameters(), CLIP)
        optimizer.step()
    unet.eval()
