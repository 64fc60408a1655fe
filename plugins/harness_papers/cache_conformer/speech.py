"""A made-up language: twelve letters with a sound each, words, utterances, and their log-mel features."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch

RATE = 16_000
"""Samples a second."""
WINDOW, STRIDE, FFT = 400, 160, 512
"""Samples: 25 ms, 10 ms."""

LETTERS = 12
SPACE = LETTERS + 1
SYMBOLS = LETTERS + 2
"""Blank is 0, letters are 1 to 12, then the space."""

# Start and end of each letter's two formants in Hz, and the centre of its noise, 0 for none. The first three pairs part in their last third alone.
_VOWELS = ((700, 1200), (300, 2300), (350, 800), (500, 1800))
SOUNDS = (
    *((_VOWELS[0], _VOWELS[0], 0), (_VOWELS[0], (350, 2400), 0)),
    *((_VOWELS[1], _VOWELS[1], 0), (_VOWELS[1], (800, 1300), 0)),
    *((_VOWELS[2], _VOWELS[2], 0), (_VOWELS[2], _VOWELS[2], 4500)),
    *((_VOWELS[3], _VOWELS[3], 0), ((900, 2600), (900, 2600), 0)),
    *(((0, 0), (0, 0), 2500), ((0, 0), (0, 0), 6000)),
    *(((400, 600), (2400, 3400), 0), ((2400, 3400), (400, 600), 0)),
)
GLIDES = (10, 11)
"""Letters whose sound glides from start to end; the others jump at two thirds."""

WORDS = 50
LENGTHS = (2, 4)
"""Letters of a word, at the least and at the most."""


@cache
def lexicon() -> tuple[tuple[int, ...], ...]:
    """Return the fifty words, the same for every seed."""
    random = np.random.default_rng(0)
    return tuple(tuple(int(x) for x in random.integers(1, LETTERS + 1, random.integers(*LENGTHS, endpoint=True))) for _ in range(WORDS))


def letter(which: int, seconds: float, scale: float, f0: float, random: np.random.Generator) -> np.ndarray:
    """Return the sound of a letter, 1 to 12, as a speaker makes it.

    Args:
        which: The letter.
        seconds: How long.
        scale: The speaker's factor on the formants.
        f0: Their pitch in Hz.
        random: Of the noise and phases.
    """
    count = int(seconds * RATE)
    start, end, noise = SOUNDS[which - 1]
    place = np.linspace(0, 1, count)
    blend = place if which - 1 in GLIDES else (place > 2 / 3).astype(float)
    time = np.arange(count) / RATE
    wave = np.zeros(count)
    for first, last, loud in zip(start, end, (1.0, 0.6), strict=True):
        if first:
            wave += loud * np.sin(2 * np.pi * np.cumsum(scale * (first + blend * (last - first))) / RATE + random.uniform(0, 6))
    wave *= 1 + 0.6 * np.sin(2 * np.pi * f0 * time)
    if noise:
        # White noise on a carrier, smoothed first: a band of about 1 kHz round it. A vowel has it at its end alone.
        band = np.convolve(random.standard_normal(count + 15), np.ones(16) / 4, mode="valid") * np.sin(2 * np.pi * noise * time)
        wave = wave * (1 - blend) + band * (blend if start[0] else 1)
    edge = np.minimum(1, np.minimum(place, 1 - place) * seconds / 0.005)  # 5 ms in and out
    return wave * edge


def utterance(frames: int, random: np.random.Generator) -> tuple[np.ndarray, list[int]]:
    """Return samples that fill `frames` feature frames, and the letters and spaces in them."""
    samples = (frames - 1) * STRIDE + WINDOW
    scale, f0, gap = random.uniform(0.9, 1.1), random.uniform(90, 220), int(random.uniform(0.05, 0.12) * RATE)
    wave, text, at = np.zeros(samples), [], gap
    while True:
        word = lexicon()[random.integers(WORDS)]
        sounds = [letter(x, random.uniform(0.06, 0.16), scale, f0, random) for x in word]
        if at + sum(map(len, sounds)) + gap > samples:
            break
        text += [SPACE, *word] if text else list(word)
        for sound in sounds:
            wave[at : at + len(sound)] = sound
            at += len(sound)
        at += gap
    noise = 10 ** (-random.uniform(10, 30) / 20) * max(wave.std(), 0.1)
    return wave + noise * random.standard_normal(samples), text


def mel_filters(mels: int) -> torch.Tensor:
    """Return triangles on the mel scale, (FFT / 2 + 1, mels)."""
    top = 2595 * np.log10(1 + RATE / 2 / 700)
    edges = 700 * (10 ** (np.linspace(0, top, mels + 2) / 2595) - 1)
    frequency = np.linspace(0, RATE / 2, FFT // 2 + 1)[:, None]
    rise = (frequency - edges[:-2]) / (edges[1:-1] - edges[:-2])
    fall = (edges[2:] - frequency) / (edges[2:] - edges[1:-1])
    return torch.from_numpy(np.clip(np.minimum(rise, fall), 0, None)).float()


def log_mel(waves: torch.Tensor, mels: int) -> torch.Tensor:
    """Return log-mel features (B, frames, mels) of samples (B, S): no centring, no statistics of the utterance, so that no frame knows the future."""
    spectrum = torch.stft(waves, FFT, STRIDE, WINDOW, torch.hann_window(WINDOW), center=False, return_complex=True)
    power = spectrum.abs().square().transpose(1, 2) @ mel_filters(mels)
    return (power + 1e-3).log() / 4  # a fixed scale, about a unit


@cache
def corpus(split: str, count: int, frames: int, mels: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return features (count, frames, mels) and texts (count, longest), zeros behind a text."""
    random = np.random.default_rng((seed, split == "test"))
    waves, texts = zip(*(utterance(frames + (FFT - WINDOW + STRIDE - 1) // STRIDE, random) for _ in range(count)), strict=True)
    features = torch.cat([log_mel(part, mels)[:, :frames] for part in torch.from_numpy(np.stack(waves)).float().split(100)])
    targets = torch.zeros(count, max(map(len, texts)), dtype=torch.long)
    for row, text in zip(targets, texts, strict=True):
        row[: len(text)] = torch.tensor(text)
    return features, targets
