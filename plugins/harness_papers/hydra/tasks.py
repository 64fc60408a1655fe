"""What the networks are trained and timed on: bidirectional recall, masked bytes of the standard library, and handwritten digits."""

from __future__ import annotations

import sysconfig
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from harness import Data, Recipe
from harness_papers._kit.images import digits

from .setting import BYTES, FILLERS, PAIR_KEYS, PAIR_VALUES, length_of, setting_of, vocabulary_of

IGNORED = -100
"""The target of a token that is not asked for."""

PAIRS, QUERIES = 2, 8
"""Pairs in a sequence of `recall`, and queries for each."""

MASKED = {"train": 0.30, "test": 0.15}
MASK = BYTES
PROFILE_BATCH = {"smoke": 2, "small": 8, "paper": 1}

FIRST_QUERY = PAIR_KEYS * PAIR_VALUES
FIRST_VALUE = FIRST_QUERY + PAIR_KEYS
FIRST_FILLER = FIRST_VALUE + PAIR_VALUES
"""`recall`'s tokens: a pair is one token that names both its key and its value; then queries, answers and fillers."""

COUNTS = {
    "recall": {"smoke": (128, 128), "small": (7_500, 1_000)},
    "text": {"smoke": (64, 32), "small": (4_800, 500)},
}
"""Sequences of train and test."""

EPOCHS = {"recall": 5, "text": 3, "digits": 8}
BATCH, RATE = 32, 2e-3


def masked_loss(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Return the mean cross-entropy in nats over the tokens that are asked for: logits (B, L, K), targets (B, L)."""
    asked = targets != IGNORED
    return F.cross_entropy(logits[asked], targets[asked])


def load(scale: str, split: str, params: Mapping[str, Any], seed: int) -> Data:
    """Return a split of the task of `params`, or the arguments of one call."""
    task, L = params["task"], length_of(params)
    if split == "profile":
        return profile(scale, task, L)
    if task in ("block", "mlm"):
        return Data(profile(scale, task, L).inputs)  # nothing is trained at published size
    return {"recall": recall_split, "text": text_split, "digits": digit_split}[task](scale, split, L, seed)


def profile(scale: str, task: str, L: int) -> Data:
    """Return one call's inputs: (B, L, D) for a single layer, (B, L) tokens or (B, L, 1) numbers for a network."""
    batch = PROFILE_BATCH[scale]
    if task == "block":
        return Data((torch.randn(batch, L, setting_of(scale).D),), items=batch * L)
    if task == "digits":
        return Data((torch.rand(batch, L, 1),), items=batch * L)
    return Data((torch.randint(vocabulary_of(task), (batch, L)),), items=batch * L)


def _recipe(task: str, scale: str) -> Recipe:
    loss = F.cross_entropy if task == "digits" else masked_loss
    return Recipe(loss, 1 if scale == "smoke" else EPOCHS[task], BATCH, RATE, weight_decay=1e-5, clip=1.0)


def recall_split(scale: str, split: str, L: int, seed: int) -> Data:
    """Return sequences in which every query asks for the value that its key's pair names, and the answers at the queries.

    A pair stands before or after its query with equal chance, so that a model that looks back alone can know half of the answers.
    """
    count = COUNTS["recall"][scale][split == "test"]
    random = np.random.default_rng((seed, split == "test"))
    keys = random.permuted(np.tile(np.arange(PAIR_KEYS), (count, 1)), axis=1)[:, :PAIRS]
    values = random.integers(0, PAIR_VALUES, (count, PAIRS))
    places = random.permuted(np.tile(np.arange(L), (count, 1)), axis=1)
    pairs, queries = places[:, :PAIRS], places[:, PAIRS : PAIRS + PAIRS * QUERIES].reshape(count, QUERIES, PAIRS)
    rows = np.arange(count)[:, None]
    tokens = FIRST_FILLER + random.integers(0, FILLERS, (count, L))
    tokens[rows, pairs] = keys * PAIR_VALUES + values
    targets = np.full((count, L), IGNORED)
    distance = np.zeros((count, L), dtype=int)
    for places in queries.transpose(1, 0, 2):  # (count, PAIRS)
        tokens[rows, places] = FIRST_QUERY + keys
        targets[rows, places] = FIRST_VALUE + values
        distance[rows, places] = places - pairs  # negative: the pair is still to come
    extra = {"distance": torch.from_numpy(distance)}
    return Data((torch.from_numpy(tokens),), torch.from_numpy(targets), recipe=_recipe("recall", scale), extra=extra)


def text_split(scale: str, split: str, L: int, seed: int) -> Data:
    """Return windows of source text with 30% (train) or 15% (test) of the bytes asked for: 80% of these masked, 10% another byte, 10% as they are."""
    count = COUNTS["text"][scale][split == "test"]
    random = np.random.default_rng((seed, split == "test"))
    text = library()[split]
    starts = random.integers(0, len(text) - L, count)
    original = text[starts[:, None] + np.arange(L)].astype(np.int64)
    asked = random.random(original.shape) < MASKED[split]
    kind = random.random(original.shape)
    changed = np.where(kind < 0.8, MASK, np.where(kind < 0.9, random.integers(0, BYTES, original.shape), original))
    tokens = np.where(asked, changed, original)
    targets = np.where(asked, original, IGNORED)
    return Data((torch.from_numpy(tokens),), torch.from_numpy(targets), recipe=_recipe("text", scale))


@cache
def library() -> dict[str, np.ndarray]:
    """Return the bytes of Python's standard library, the texts of `help()` among them; every tenth file is for `test`."""
    root = Path(sysconfig.get_paths()["stdlib"])
    left_out = {"test", "tests", "site-packages", "dist-packages", "idlelib", "lib2to3"}
    files = sorted(path for path in root.rglob("*.py") if not left_out & set(path.relative_to(root).parts))
    parts = {"train": [f for i, f in enumerate(files) if i % 10], "test": files[::10]}
    return {split: np.frombuffer(b"\n".join(f.read_bytes() for f in chosen), dtype=np.uint8) for split, chosen in parts.items()}


def digit_split(scale: str, split: str, L: int, seed: int) -> Data:
    """Return 8x8 images as 64 numbers in reading order, in [-1, 1]: (count, 64, 1)."""
    images, labels = digits(split)
    keep = 128 if scale == "smoke" else len(images)
    return Data((2 * images[:keep].flatten(1)[..., None] - 1,), labels[:keep], recipe=_recipe("digits", scale))
