"""What is coded: crops of photographs, digits, or sounds made of chirps and filtered noise. All in [-1, 1]."""

from __future__ import annotations

import numpy as np
import torch
from scipy.signal import lfilter
from torch import Tensor

from harness_papers._kit.images import digits, photo_crops

RATE = 8000
"""Samples of sound a second."""
CHIRPS = 3
PITCHES = (80.0, 1600.0)
"""Between which a chirp begins and ends, in Hz."""
RESONANCES = (200.0, 3000.0)
"""Between which the noise of a sound has its peak, in Hz."""
RADIUS = 0.97
"""Of the filter's poles: the peak is about 80 Hz wide."""


def examples(signal: str, split: str, count: int, extent: tuple[int, ...], seed: int) -> Tensor:
    """Return `count` signals of a kind, (count, *extent)."""
    match signal:
        case "digits":
            return digits(split)[0][:count] * 2 - 1
        case "photos":
            return photo_crops(count, extent[-1], split, seed) * 2 - 1
    return torch.from_numpy(sounds(count, extent[-1], np.random.default_rng((seed, split == "test"))))[:, None]


def sounds(count: int, samples: int, random: np.random.Generator) -> np.ndarray:
    """Return sounds (count, samples) float32: chirps over noise with one resonance, each with its largest value at 1."""
    time = np.arange(samples, dtype=np.float32) / RATE  # (samples,)
    length = samples / RATE
    sound = np.zeros((count, samples), np.float32)
    for _ in range(CHIRPS):
        first, last = (random.uniform(*PITCHES, (count, 1)).astype(np.float32) for _ in range(2))
        start, loudness = (random.uniform(size=(count, 1)).astype(np.float32) for _ in range(2))
        turns = start + first * time + (last - first) * time**2 / (2 * length)
        sound += loudness * np.sin(2 * np.pi * (turns % 1), dtype=np.float32)
    for i, peak in enumerate(2 * np.pi * random.uniform(*RESONANCES, count) / RATE):
        noise = lfilter([1.0], [1.0, -2 * RADIUS * np.cos(peak), RADIUS**2], random.standard_normal(samples))
        sound[i] += 0.5 * noise / noise.std()
    sound /= np.abs(sound).max(axis=1, keepdims=True)
    return sound
