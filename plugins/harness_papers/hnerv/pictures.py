"""What a stored video shows: its frames beside the film's, the course of its fit, and where its parameters are."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from harness import Artifact, Chart, Image

from .judging import between_stored, decode
from .model import Video
from .training import psnr

SHOWN = 3
"""Frames side by side."""


def show(video: Video, i: Tensor, x: Tensor, mask: Tensor | None, task: str) -> dict[str, Artifact]:
    """Return the artifacts of a fitted video, given all frames x (T, 3, H, W) and their numbers."""
    decoded = decode(video, i)
    shown: dict[str, Artifact] = {"frames": _frames(decoded, x, mask, task), "frame_psnr": _frame_psnr(decoded, x, task)}
    return shown | {"fit": _fit(video), "parameters": _parameters(video)} if task == "regression" else shown


def _frames(decoded: Tensor, x: Tensor, mask: Tensor | None, task: str) -> Image:
    """The film above, what is decoded below."""
    chosen = torch.arange(len(x))[between_stored(len(x))] if task == "interpolation" else torch.arange(len(x))
    chosen = chosen[torch.linspace(0, len(chosen) - 1, SHOWN).long()]
    seen = x if mask is None else x * mask
    rows = torch.stack([seen[chosen], decoded[chosen]])  # (2, SHOWN, 3, H, W)
    what = {"regression": "", "interpolation": ", none of which was trained on", "inpainting": ", trained without what is black"}[task]
    error = ", ".join(f"{value:.1f}" for value in psnr(decoded[chosen], x[chosen]))
    numbers = ", ".join(str(int(n)) for n in chosen)
    return Image(
        rows.permute(0, 3, 1, 4, 2).flatten(0, 1).flatten(1, 2).numpy(), f"Frames {numbers}{what}; below as decoded, at {error} dB."
    )


def _frame_psnr(decoded: Tensor, x: Tensor, task: str) -> Chart:
    unseen = set(range(len(x))[1::2]) if task == "interpolation" else set()
    values = [
        {"frame": k, "psnr": round(float(db), 3), "trained on": "no" if k in unseen else "yes"} for k, db in enumerate(psnr(decoded, x))
    ]
    return _chart(
        values,
        {"type": "line", "point": True},
        x={"field": "frame", "type": "quantitative"},
        y={"field": "psnr", "type": "quantitative", "title": "PSNR (dB)", "scale": {"zero": False}},
        color={"field": "trained on", "type": "nominal"},
        caption="PSNR of each frame, over the whole picture.",
    )


def _fit(video: Video) -> Chart:
    values = [{"epoch": k, "psnr": round(db, 3)} for k, db in enumerate(video.curve, 1)]
    return _chart(
        values,
        {"type": "line", "point": True},
        x={"field": "epoch", "type": "quantitative"},
        y={"field": "psnr", "type": "quantitative", "title": "PSNR (dB)", "scale": {"zero": False}},
        caption="PSNR of the training frames in each pass over them, as they came out before each step.",
    )


def _parameters(video: Video) -> Chart:
    sizes = video.decoder.stage_sizes()
    values = [{"part": "first layer" if k == 0 else f"stage {k - 1}", "parameters": size} for k, size in enumerate(sizes)]
    return _chart(
        values,
        "bar",
        x={"field": "parameters", "type": "quantitative"},
        y={"field": "part", "type": "nominal", "sort": None},
        caption="Where the decoder's parameters are; the last stage is nearest to the output.",
    )


def _chart(values: list[dict[str, Any]], mark: Any, caption: str, **encoding: Any) -> Chart:
    schema = "https://vega.github.io/schema/vega-lite/v6.json"
    return Chart({"$schema": schema, "data": {"values": values}, "mark": mark, "encoding": encoding}, caption)
