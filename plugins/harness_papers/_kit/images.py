"""Small image data sets that several papers share: digits, photographs and `freq_pairs`.

Everything comes from files that scikit-learn and scikit-image carry inside their packages, or from a generator written out below: no network, no
cache, the same tensors on every machine. Images are float32 in [0, 1] unless a function says otherwise, channels first; labels are int64.

    from harness_papers._kit.images import digits, freq_pairs, photo_crops

    images, labels = digits("train", size=56)         # (1200, 1, 56, 56), (1200,)
    crops = photo_crops(300, 64, "train", seed=0)     # (300, 3, 64, 64)
    images, labels = freq_pairs("test")               # (1000, 1, 64, 64), (1000,): label = 4 * layout + texture

`train` and `test` never share a digit, a photograph or a random stream.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

DIGITS_TRAIN = 1200
"""Of the 1,797 digits; 597 are left for `test`."""

TRAIN_PHOTOS = ("astronaut", "coffee", "rocket", "hubble", "histology", "retina", "motorcycle", "flower")
TEST_PHOTOS = ("chelsea", "china")
"""Photographs held out, a close one and a wide one, so that nothing is judged on a picture it was trained on."""

FREQ_PAIRS_COUNT = {"train": 4000, "test": 1000}
LAYOUTS = ("alike, small", "alike, large", "opposite, small", "opposite, large")
"""`freq_pairs`: what the two blobs are."""
TEXTURES = ("0°", "45°", "90°", "135°")
"""`freq_pairs`: the directions in which the gratings vary; 0° is across, 90° is down."""


def digits(split: str, size: int = 8) -> tuple[torch.Tensor, torch.Tensor]:
    """Return scikit-learn's handwritten digits, resized bilinearly.

    Args:
        split: `train` (1,200 images) or `test` (597), stratified by class; the same for every seed.
        size: Height and width; the originals have 8.

    Returns:
        Images (N, 1, size, size) and their classes (N,), 0 to 9.
    """
    images, labels = (part.clone() for part in _digits()[split])
    if size != images.shape[-1]:
        images = F.interpolate(images, size=(size, size), mode="bilinear", align_corners=False)
    return images, labels


def photo(name: str) -> torch.Tensor:
    """Return the photograph called `name`, one of `TRAIN_PHOTOS` or `TEST_PHOTOS`, in colour: (3, H, W)."""
    return torch.from_numpy(_pixels(name)).permute(2, 0, 1).contiguous().float() / 255


def photo_crops(count: int, size: int, split: str = "train", seed: int = 0, shrink: int = 1) -> torch.Tensor:
    """Return random square crops of photographs, (count, 3, size, size), each picture taken equally often.

    Args:
        count: How many crops.
        size: Their height and width.
        split: `train` or `test`: which photographs they come from.
        seed: Of their places.
        shrink: Averages blocks of this many pixels a side before cropping; the originals are smooth, so that their finest detail shows at 2 or 3.
    """
    names = {"train": TRAIN_PHOTOS, "test": TEST_PHOTOS}[split]
    pictures = [F.avg_pool2d(photo(name), shrink) for name in names]
    random = np.random.default_rng((seed, split == "test"))
    crops = torch.empty(count, 3, size, size)
    for i in range(count):
        picture = pictures[i % len(pictures)]
        top, left = (int(random.integers(0, side - size + 1)) for side in picture.shape[-2:])
        crops[i] = picture[:, top : top + size, left : left + size]
    return crops


def freq_pairs(
    split: str, count: int | None = None, size: int = 64, seed: int = 0, noise: float = 0.25
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return images whose class is a pair: a coarse layout and a fine texture, chosen independently.

    The layout is two soft blobs on opposite sides of the image, both bright, both dark or one of each, small or large. The sign of the whole and the
    direction are random, so that neither blob tells by itself whether they are alike: a model must compare places three quarters of the image apart.
    The texture is a grating, 3 to 4 pixels a period, of random phase, over the whole image: a few pixels tell it, and averaging over a period
    takes it away. White noise is added.

    Args:
        split: `train` or `test`: independent random streams.
        count: How many images; 4,000 and 1,000 where it is None.
        size: Height and width in pixels. The blobs grow with it, the gratings do not.
        seed: Of everything random.
        noise: Standard deviation of the noise; the blobs have height 1, the gratings amplitude 1/4.

    Returns:
        Images (N, 1, size, size) of mean about zero, and labels (N,): 4 * layout + texture, indices into `LAYOUTS` and `TEXTURES`.
    """
    count = FREQ_PAIRS_COUNT[split] if count is None else count
    random = np.random.default_rng((seed, split == "test"))
    labels = random.permutation(np.arange(count) % 16)
    images = _blobs(labels // 4, size, random) + _grating(labels % 4, size, random) / 4
    images += noise * random.standard_normal(images.shape, dtype=np.float32)
    return torch.from_numpy(images[:, None]), torch.from_numpy(labels)


def _blobs(layout: np.ndarray, size: int, random: np.random.Generator) -> np.ndarray:
    """Two Gaussian blobs of height 1 or -1, as far from the middle as each other, on opposite sides: (N, size, size)."""
    count = len(layout)
    first = random.choice((-1.0, 1.0), count)
    signs = np.stack((first, np.where(layout < 2, first, -first)), axis=1)  # (N, 2)
    sigma = size * np.where(layout % 2 == 0, 1 / 16, 7 / 64)  # (N,)
    angle = random.uniform(0, 2 * np.pi, count)
    place = 0.36 * size * np.stack((np.sin(angle), np.cos(angle)))  # (2, N): rows and columns from the middle
    axis = np.arange(size) + 0.5 - size / 2
    bumps = [np.exp(-0.5 * ((axis - place[:, :, None] * side) / sigma[:, None]) ** 2) for side in (1, -1)]  # (2, N, size) each
    images = sum(signs[:, i, None, None] * rows[:, :, None] * columns[:, None, :] for i, (rows, columns) in enumerate(bumps))
    return np.asarray(images, dtype=np.float32)


def _grating(texture: np.ndarray, size: int, random: np.random.Generator) -> np.ndarray:
    """A grating of amplitude 1 over the whole image: (N, size, size)."""
    frequency = 2 * np.pi / random.uniform(3, 4, len(texture))
    phase = random.uniform(0, 2 * np.pi, len(texture))
    angle = np.pi / 4 * texture
    axis = np.arange(size)
    down, across = (np.multiply.outer(direction * frequency, axis) for direction in (np.sin(angle), np.cos(angle)))  # (N, size) each
    return np.cos(down[:, :, None] + across[:, None, :] + phase[:, None, None]).astype(np.float32)


@cache
def _digits() -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    pixels, classes = load_digits(return_X_y=True)
    parts = train_test_split(pixels, classes, train_size=DIGITS_TRAIN, stratify=classes, random_state=0)
    x_train, x_test = (torch.from_numpy(x).float().reshape(-1, 1, 8, 8) / 16 for x in parts[:2])
    y_train, y_test = (torch.from_numpy(y).long() for y in parts[2:])
    return {"train": (x_train, y_train), "test": (x_test, y_test)}


@cache
def _pixels(name: str) -> Any:
    """The photograph as it is in its package: (H, W, 3) uint8."""
    if name in ("china", "flower"):
        from sklearn.datasets import load_sample_image

        return load_sample_image(f"{name}.jpg").copy()
    from skimage import data

    if name == "motorcycle":
        return data.stereo_motorcycle()[0].copy()
    loader = {"hubble": "hubble_deep_field", "histology": "immunohistochemistry"}.get(name, name)
    return getattr(data, loader)().copy()
