"""The dimensions of each experiment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

PIXEL_DECODER = {"pem": "pem", "softmax_ca": "pem", "mask2former": "deformable"}
"""Which pixel decoder a variant has."""


@dataclass(frozen=True)
class Shape:
    """Everything that determines a network.

    Attributes:
        height: Of the image, in pixels.
        width: Of the image.
        classes: K, without the class "no object".
        backbone: What `backbones.build_backbone` is asked for.
        merged: Whether a call ends in scores of classes (B, K, H, W), or in a class and a mask for each query.
        queries: N_q.
        d: C, the width of queries and of the memory they attend to.
        h: Heads.
        ffn: Hidden width of the decoder's feed-forward networks.
        layers: Layers of the decoder, by variant.
        conv: Width of PEM's pixel decoder.
        mask: Width of the mask features.
        encoder_layers: Layers of Mask2Former's pixel decoder.
        encoder_ffn: Hidden width of their feed-forward networks.
    """

    height: int
    width: int
    classes: int
    backbone: str = "r50"
    merged: bool = True
    queries: int = 100
    d: int = 256
    h: int = 8
    ffn: int = 2048
    layers: tuple[tuple[str, int], ...] = (("pem", 6), ("softmax_ca", 6), ("mask2former", 9))
    conv: int = 128
    mask: int = 256
    encoder_layers: int = 6
    encoder_ffn: int = 1024

    def depth(self, variant: str) -> int:
        """Return how many layers a variant's decoder has."""
        return dict(self.layers)[variant]


PUBLISHED = {
    "cityscapes": Shape(1024, 2048, 19),
    "cityscapes_panoptic": Shape(1024, 2048, 19, merged=False),
    "ade20k": Shape(512, 512, 150),
    "ade20k_panoptic": Shape(640, 640, 150, merged=False),
}
R50 = Shape(256, 512, 19)
"""The published networks on an image of a sixteenth of the pixels, which a CPU gets through in about a second."""

SMALL = Shape(
    64,
    128,
    6,
    backbone="tiny",
    queries=16,
    d=64,
    h=4,
    ffn=128,
    layers=(("pem", 3), ("softmax_ca", 3), ("mask2former", 3)),
    conv=32,
    mask=64,
    encoder_layers=2,
    encoder_ffn=128,
)
SMOKE = replace(SMALL, layers=(("pem", 2), ("softmax_ca", 2), ("mask2former", 2)), encoder_layers=1)

ATTENTION = {"attention_2048": (32, 64), "attention_8192": (64, 128)}
"""One cross-attention by itself, of the published dimensions: height and width of the map that queries attend to."""

LEARNT = "scenes"
"""The configuration that is trained and judged; the others are timed and counted."""


def shape_of(scale: str, params: Mapping[str, Any]) -> Shape:
    """Return the dimensions of a whole network; a published size may ask for another `backbone` or `width`."""
    config = params["config"]
    if config == LEARNT:
        return SMOKE if scale == "smoke" else SMALL
    shape = {**PUBLISHED, "r50": R50}.get(config, PUBLISHED["cityscapes"])
    return replace(shape, backbone=params.get("backbone", shape.backbone), width=params.get("width", shape.width))
