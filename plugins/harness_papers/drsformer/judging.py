"""How much of the rain a network takes off, and how many scores its attention keeps."""

from __future__ import annotations

import torch
from torch import Tensor

from harness import Quality

from .blocks import TopKAttention
from .network import Restorer

BATCH = 8
Y_WEIGHTS = (65.481, 128.553, 24.966)
Y_OFFSET, PEAK = 16.0, 255.0
"""Luma as image toolboxes define it: 16 to 235 of 255."""
SSIM_SIGMA = 1.5
"""Of the Gaussian window of 11x11 pixels in which SSIM compares."""


def judge(model: Restorer, rainy: Tensor, clean: Tensor) -> dict[str, Quality]:
    """Return the qualities of a network on crops (2N, 3, H, W), first in heavy rain, then in light."""
    restored = restore(model, rainy)
    found: dict[str, Quality] = {}
    for rain, x, y, target in zip(("heavy", "light"), rainy.chunk(2), restored.chunk(2), clean.chunk(2), strict=True):
        reached, before = (float(psnr(images, target).mean()) for images in (y, x))
        found[f"psnr_{rain}"] = Quality(reached, "dB")
        found[f"gain_{rain}"] = Quality(reached - before, "dB")
        found[f"ssim_{rain}"] = Quality(float(ssim(y, target).mean()))
    return found | {f"kept_{i}": Quality(share, "share", "lower") for i, share in enumerate(kept_shares(model, rainy[:1]), 1)}


def restore(model: Restorer, rainy: Tensor) -> Tensor:
    """Return images as the network restores them, in [0, 1], a few at a time."""
    return torch.cat([model(part) for part in rainy.split(BATCH)]).clamp(0, 1)


def luma(x: Tensor) -> Tensor:
    """Return Y of images (N, 3, H, W) in [0, 1]: (N, H, W), in [16, 235] / 255."""
    weights = torch.tensor(Y_WEIGHTS, dtype=x.dtype)
    return ((x * weights[:, None, None]).sum(1) + Y_OFFSET) / PEAK


def psnr(x: Tensor, target: Tensor) -> Tensor:
    """Return the PSNR in dB of each image's Y: (N,)."""
    return -10 * torch.log10(((luma(x) - luma(target)) ** 2).mean((1, 2)))


def ssim(x: Tensor, target: Tensor) -> Tensor:
    """Return the structural similarity of each image's Y: (N,)."""
    from skimage.metrics import structural_similarity

    options = {"data_range": 1.0, "gaussian_weights": True, "sigma": SSIM_SIGMA, "use_sample_covariance": False}
    images = zip(luma(x).double().numpy(), luma(target).double().numpy(), strict=True)
    return torch.tensor([structural_similarity(a, b, **options) for a, b in images])  # type: ignore[no-untyped-call]


def kept_shares(model: Restorer, image: Tensor) -> list[float]:
    """Return the share of scores that each branch keeps, counted over all layers on one image; nothing where there are no branches."""
    kept: list[list[Tensor]] = []

    def look(layer: TopKAttention, inputs: tuple[Tensor, ...]) -> None:
        A, _ = layer.scores(inputs[0])
        kept.append([scores.isfinite().flatten() for scores in layer.sparse(A)])

    layers = [module for module in model.modules() if isinstance(module, TopKAttention)]
    hooks = [layer.register_forward_pre_hook(look) for layer in layers]
    model(image)
    for hook in hooks:
        hook.remove()
    return [float(torch.cat(branch).double().mean()) for branch in zip(*kept, strict=True)]
