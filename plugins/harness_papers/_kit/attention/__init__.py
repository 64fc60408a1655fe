"""What papers of the family `attention` share, so that a row of one paper can be held against a row of another.

Every mixer takes a map of tokens, (B, H, W, C) -> (B, H, W, C), and is measured in two places: as a layer by itself, of the same size for all, and as
the only mixer of one small network, with one recipe for each of two tasks. A card takes `TASK`, `PROTOCOL`, `SWEEP` and `QUALITIES` from here, and
adds its own networks to the axis `config`. This module is read by cards and imports no torch.

    mixers.py    the mixers that more than one paper argues against
    network.py   the small network around a mixer
    tasks.py     what it is timed on, and what it learns
    judge.py     how well it has learnt
"""

from __future__ import annotations

from typing import Any

TASK = "mix the tokens of an image, (B, H, W, C) -> (B, H, W, C), alone or inside a network that classifies images"

PROTOCOL = (
    "`config` = `layer` is one mixer by itself, with its projections: batches of 8 or 64 maps of 14x14, 28x28 or 56x56 tokens, 768 channels, 12 heads. In "
    "`freq_pairs` and `digits` the mixer stands in one network, the same for all: patches of 4x4, 32 channels, 4 heads, one block whose feed-forward half has "
    "a depthwise convolution; each task has one recipe for all, and the same seeds. Smoke scale has `freq_pairs` alone, with 16 channels. Every other `config` is "
    "a paper's own network, and stands beside its own baselines only."
)
"""For the site: what is the same in the rows of this family."""

SWEEP: dict[str, Any] = {
    "config": {"smoke": ("freq_pairs",), "small": ("layer", "freq_pairs", "digits"), "paper": ("layer",)},
    "resolution": {"smoke": (14,), "small": (14, 28, 56), "paper": (14, 28, 56)},
    "batch": {"smoke": (2,), "small": (8, 64), "paper": (8, 64)},
    "kernel": ("plain", "fused"),
}
"""`resolution`: tokens a side of a layer by itself. `kernel`: attention written out, or PyTorch's one operation for it."""

QUALITIES = {"top1": "higher", "layout_top1": "higher", "texture_top1": "higher"}
