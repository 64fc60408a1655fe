"""Two sets of small labelled images: handwritten digits, and crops of eight photographs."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from harness_papers._kit.images import digits, photo

PHOTOS = ("china", "flower", "astronaut", "coffee", "chelsea", "rocket", "retina", "histology")
CROP = 16
CROPS = {"train": 150, "test": 75}
"""Of each photograph."""
SMOKE = 256
"""Training images of a smoke run."""

SHAPES = {"digits": (1, 8, 8), "photos": (3, CROP, CROP)}
CLASSES = {"digits": 10, "photos": len(PHOTOS)}


def labelled(images: str, split: str, scale: str, label_noise: float = 0.0) -> tuple[Tensor, Tensor]:
    """Return images (N, C, H, W), centred and scaled by the training set, and labels (N,).

    Args:
        images: `digits` or `photos`.
        split: `train` or `test`.
        scale: `smoke` takes a part of the training images.
        label_noise: Share of training images whose label is drawn anew.
    """
    x, y = _load(images, split)
    reference = _load(images, "train")[0]
    x = (x - reference.mean()) / reference.std()
    if split == "test":
        return x, y
    y = _with_noise(y, label_noise, CLASSES[images])
    chosen = torch.randperm(len(y), generator=torch.Generator().manual_seed(3))[:SMOKE] if scale == "smoke" else slice(None)
    return x[chosen], y[chosen]


@cache
def _load(images: str, split: str) -> tuple[Tensor, Tensor]:
    return digits(split) if images == "digits" else _crops(split)


def _crops(split: str) -> tuple[Tensor, Tensor]:
    """Crops (N, 3, 16, 16), and the photograph each comes from; the crops of a photograph do not overlap, so that train and test share no pixel."""
    generator = torch.Generator().manual_seed(0)
    start = 0 if split == "train" else CROPS["train"]
    crops = []
    for name in PHOTOS:
        tiles = photo(name).unfold(1, CROP, CROP).unfold(2, CROP, CROP)  # (3, rows, columns, 16, 16)
        tiles = tiles.permute(1, 2, 0, 3, 4).reshape(-1, *SHAPES["photos"])
        chosen = torch.randperm(len(tiles), generator=generator)[start : start + CROPS[split]]
        crops.append(tiles[chosen])
    return torch.cat(crops), torch.arange(len(PHOTOS)).repeat_interleave(CROPS[split])


def _with_noise(y: Tensor, share: float, classes: int) -> Tensor:
    """Draw a share of the labels anew: the same ones for every seed, since the noise belongs to the data set."""
    generator = torch.Generator().manual_seed(2)
    redrawn = torch.rand(len(y), generator=generator) < share
    return torch.where(redrawn, torch.randint(classes, (len(y),), generator=generator), y)
