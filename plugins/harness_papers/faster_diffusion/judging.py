"""How good samples are, how near to those of the full network, and how fast features change from step to step."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor

from harness import Quality

from .digits import asked_for, conditions, labelled
from .sampling import Sampler
from .setting import SHAPES, STUDIES, plan_of

COMPONENTS = 20
"""Principal components of the training digits in which distributions are compared."""

WATCHED = 20
"""Samples over which features are watched."""

PEAK = 2.0
"""Range of an image in [-1, 1]."""


def drawn(sampler: Sampler, scale: str, seed: int) -> Tensor:
    """Draw the samples that qualities are judged by; noise and classes are the same for every variant: (N, C, H, W)."""
    return sampler(*inputs(scale, seed, STUDIES[scale].samples))


def inputs(scale: str, seed: int, count: int) -> tuple[Tensor, Tensor]:
    """Return noise x_T (count, C, H, W) and conditions (count, 1, 10)."""
    shape = SHAPES[scale]
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, shape.channels, shape.size, shape.size, generator=generator), conditions(asked_for(count))


def full_twin(sampler: Sampler, scale: str, params: dict[str, str]) -> Sampler:
    """Return the unaccelerated sampler of the same network."""
    return Sampler(sampler.unet, plan_of("full", params), SHAPES[scale])


def judge(sampler: Sampler, variant: str, scale: str, params: dict[str, str], real: Tensor, seed: int) -> dict[str, Quality]:
    """Return the qualities of a variant, given real images that no network was trained on (M, C, H, W)."""
    samples = drawn(sampler, scale, seed)
    reference = samples if variant == "full" else drawn(full_twin(sampler, scale, params), scale, seed)
    texture = laplacian_energy(reference)
    found = {
        "frechet": Quality(frechet(_projected(samples), _projected(real)), "squared distance", "lower"),
        "class_accuracy": Quality((_classifier(scale)(samples) == asked_for(len(samples))).float().mean()),
        "texture_gap": Quality((laplacian_energy(samples) - texture).abs() / texture, "share", "lower"),
        "encoder_calls": Quality(len(sampler.plan.rule.keys), "calls", "lower"),
        "decoder_calls": Quality(len(sampler.plan.groups if sampler.plan.parallel else sampler.times), "calls", "lower"),
    }
    if variant == "full":
        encoder, decoder = (torch.tensor(changes).mean() for changes in feature_changes(sampler, *inputs(scale, seed, WATCHED)))
        return found | {"change_ratio": Quality(decoder / encoder)}
    return found | {"psnr_to_full": Quality(psnr(samples, reference), "dB")}


def psnr(samples: Tensor, reference: Tensor) -> Tensor:
    """Return the mean over images of the PSNR in dB between samples and those of the full network from the same noise."""
    return (10 * torch.log10(PEAK**2 / ((samples - reference) ** 2).flatten(1).mean(1))).mean()


def laplacian_energy(x: Tensor) -> Tensor:
    """Return the mean square of the images' Laplacian, which is nothing but their finest detail."""
    kernel = torch.tensor([[0.0, 1, 0], [1, -4, 1], [0, 1, 0]])[None, None]
    return F.conv2d(x.flatten(0, 1)[:, None], kernel).square().mean()


def frechet(a: Tensor, b: Tensor) -> Tensor:
    """Return the Fréchet distance between the Gaussians of two sets of points (N, d), (M, d)."""
    S_a, S_b = a.T.cov(), b.T.cov()
    values, vectors = torch.linalg.eigh(S_a)
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T
    # The trace of (S_a S_b)^(1/2) is that of the symmetric (S_a^(1/2) S_b S_a^(1/2))^(1/2).
    cross = torch.linalg.eigvalsh(root @ S_b @ root).clamp(min=0).sqrt().sum()
    return ((a.mean(0) - b.mean(0)) ** 2).sum() + S_a.trace() + S_b.trace() - 2 * cross


def feature_changes(sampler: Sampler, noise: Tensor, c: Tensor) -> tuple[list[float], list[float]]:
    """Return by how much the last map of the encoder and the last of the decoder change from each step of a full sampler to the next.

    The change is relative: the norm of the difference over the norm of the earlier map.
    """
    maps: dict[str, list[Tensor]] = {"encoder": [], "decoder": []}
    hooks = [
        sampler.unet.encoder.register_forward_hook(lambda _, __, out: maps["encoder"].append(out.skips[-1])),
        sampler.unet.decoder.norm.register_forward_pre_hook(lambda _, args: maps["decoder"].append(args[0])),
    ]
    sampler(noise, c)
    for hook in hooks:
        hook.remove()
    encoder, decoder = ([float((b - a).norm() / a.norm()) for a, b in pairwise(part)] for part in maps.values())
    return encoder, decoder


def _projected(x: Tensor) -> Tensor:
    """Return images (N, 1, H, W) in the principal components of the training digits, in double precision: (N, 20)."""
    mean, axes = _components(x.shape[-1])
    return (x.flatten(1).double() - mean) @ axes


@cache
def _components(size: int) -> tuple[Tensor, Tensor]:
    x = labelled("train", size)[0].flatten(1).double()
    return x.mean(0), torch.linalg.svd(x - x.mean(0), full_matrices=False).Vh[:COMPONENTS].T


@cache
def _classifier(scale: str):
    """Return a classifier of images, fitted to the training digits: (N, 1, H, W) -> (N,)."""
    from sklearn.neighbors import KNeighborsClassifier

    x, y = labelled("train", SHAPES[scale].size)
    nearest = KNeighborsClassifier(5).fit(x.flatten(1).numpy(), y.numpy())
    return lambda images: torch.from_numpy(nearest.predict(images.flatten(1).numpy()))
