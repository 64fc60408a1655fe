"""How well a stored video gives its frames back, and at which cost."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

from harness import Quality

from .compression import compress
from .model import HNeRV, Video
from .training import psnr

TARGET_DB = 17.0
"""PSNR of the training frames that the convergence claim asks for: the last whole decibel that NeRV reaches at `small` scale."""

PART = 4
"""Frames decoded at a time."""


def decode(video: Video, i: Tensor) -> Tensor:
    """Decode frames i (N,), a few at a time: (N, 3, H, W)."""
    return torch.cat([video(part) for part in i.split(PART)])


def judge(video: Video, i: Tensor, x: Tensor, mask: Tensor | None, task: str, scale: str) -> dict[str, Quality]:
    """Return the qualities of a fitted video that have a meaning for `task`, given all frames x (T, 3, H, W) and their numbers."""
    decoded = decode(video, i)
    if task == "interpolation":
        between = between_stored(len(i))
        return {"psnr": _mean(psnr(decoded[::2], x[::2])), "psnr_unseen": _mean(psnr(decoded[between], x[between]))}
    if task == "inpainting":
        return {"psnr": _mean(psnr(decoded, x, mask)), "psnr_holes": _mean(psnr(decoded, x, 1 - mask))}
    whole = psnr(decoded, x).mean()
    small, bpp = compress(video)
    quantized = psnr(decode(small, i), x).mean()
    found = {
        "psnr": Quality(whole, "dB"),
        "psnr_quantized": Quality(quantized, "dB"),
        "quantization_drop": Quality(whole - quantized, "dB", "lower"),
        "bpp": Quality(bpp, "bits per pixel", "lower"),
        "late_share": Quality(video.decoder.late_share()),
        "stored_per_frame": Quality(stored_per_frame(video), "numbers", "lower"),
    }
    epochs = epochs_to(TARGET_DB, video.curve)
    return found if epochs is None or scale != "small" else found | {"epochs_to_17db": Quality(epochs, "epochs", "lower")}


def between_stored(count: int) -> slice:
    """Return the unseen frames of a clip that lie between two seen ones: the odd ones, less a last one that has only one neighbour."""
    return slice(1, count - 1, 2)


def stored_per_frame(video: Video) -> int:
    """Return the numbers that are stored for each frame by itself."""
    return video.embeddings[0].numel() if isinstance(video, HNeRV) else 0


def epochs_to(target: float, curve: list[float]) -> float | None:
    """Return after how many epochs the curve passes `target`, between two epochs by linear interpolation; None where it never does."""
    for epoch, (before, after) in enumerate(pairwise(curve), 1):
        if before < target <= after:
            return epoch + (target - before) / (after - before)
    return None


def _mean(values: Tensor) -> Quality:
    return Quality(values.mean(), "dB")
