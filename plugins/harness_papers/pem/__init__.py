"""PEM: a mask transformer whose queries look at one prototype each, on a pixel decoder made of convolutions.

`config` = `scenes` trains small networks on generated scenes; `r50` times the published ones on a small image; `attention_2048` and `attention_8192` are
one cross-attention by itself; `cityscapes`, `cityscapes_panoptic`, `ade20k` and `ade20k_panoptic` are the published networks on the published inputs.

`setting` holds the dimensions; `backbones`, `pixel_decoders`, `attention` and `segmenter` the networks, and `start` how some of their layers begin; `scenes`
the data; `training` the matching and the losses; `judging` the qualities and pictures; `published` what the authors print.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness import Artifact, Data, Paper, Quality, Variant, Workload, hookimpl

from .published import CLAIMS, SIZES
from .setting import ATTENTION, LEARNT, shape_of

TRAINED, TESTED = {"smoke": 24, "small": 512}, {"smoke": 16, "small": 128}


@hookimpl
def paper() -> Paper:
    return Paper(
        slug="pem",
        title="PEM: Prototype-based Efficient MaskFormer for Image Segmentation",
        arxiv="2402.19422",
        year=2024,
        family="segmentation-detection",
        task="segment an image, (B, 3, H, W) -> scores of K classes (B, K, H, W), through N_q queries with a class and a mask each",
        method=(
            "In each cross-attention a query takes, for each head, the one key inside its mask that is most like it, in place of a softmax over all of them, "
            "and without values. The maps come from a pixel decoder of deformable convolutions, each map modulated by its own context."
        ),
        variants=[
            Variant("pem", "prototype cross-attention on the convolutional pixel decoder", subject=True),
            Variant("mask2former", "masked softmax cross-attention on a pixel decoder of multi-scale deformable attention"),
            Variant("softmax_ca", "PEM's pixel decoder and layers, with masked softmax cross-attention"),
        ],
        workloads=[Workload("infer", items="images", about="one image, or one cross-attention of 100 queries")],
        sweep={
            "config": {
                "smoke": (LEARNT,),
                "small": (LEARNT, "r50", *ATTENTION),
                "paper": ("cityscapes", "cityscapes_panoptic", "ade20k", "ade20k_panoptic"),
            }
        },
        qualities={"miou": "higher", "pq": "higher", "pq_things": "higher", "pq_stuff": "higher"},
        sizes=SIZES,
        claims=CLAIMS,
        deviations=[
            (
                "Networks are trained on 512 generated scenes of 64x128 pixels, for 256 steps of 8 scenes, and tested on 128: no Cityscapes, no ADE20K, "
                "and no backbone trained beforehand. The backbone is a residual network with one block a stage, 32 channels wide at first."
            ),
            (
                "The networks that are trained have 16 queries of width 64 (published: 100 of width 256) and three layers in every decoder, one for each map; "
                "PEM's has six and Mask2Former's nine. Mask2Former's pixel decoder has two layers in place of six."
            ),
            "Masks are compared at 256 points in place of 12,544: one in 32 pixels here, one in 42 of the authors' crops.",
            "All weights decay and all learn at one rate; the authors exempt norms and embeddings from decay and slow the backbone down tenfold.",
            "There is no augmentation, and no mixed precision.",
            "Batch norms are of one device, where the authors' are synchronised over several.",
            (
                "YOSO (42.6 M, 268 G), MaskFormer with R101 (60.2 M, 559 G) and the networks for single tasks are not built, nor what the "
                "panoptic tables list beside PEM and Mask2Former."
            ),
            "The cost of mask merging after the network, panoptic segments among it, is not timed; the semantic merge is.",
        ],
        readings=[
            (
                "A query whose mask has no position inside looks everywhere, as in Mask2Former. In the released code this holds only where it is true of all "
                "queries at once; a single one of them takes the first position of the map."
            ),
            "The norm of the mixed term runs over the queries, as released; so queries see one another there.",
            "The weight of the self-modulation is a sigmoid of a sigmoid, as released.",
            (
                "`softmax_ca` has PEM's order of norms around Mask2Former's attention; Mask2Former has its norms after each sublayer, as released. Both use "
                "PyTorch's fused attention, which did not exist when the papers were timed."
            ),
            "Similarities are computed with the positions side by side in memory, so that the argmax is a contiguous one; the result is the same.",
            "The sampling of deformable attention and convolutions is written in PyTorch's grid sampling; the authors' kernels are for GPUs.",
            "The deformable convolution's product is counted; the authors' counter does not know that operator.",
            "The table does not say on which GPU images a second were taken.",
            "Panoptic segments are cut out at the authors' thresholds: a probability of 0.8, and 80% of a mask left to it.",
        ],
        findings=[
            (
                "Mask2Former's multiply-accumulates for Cityscapes are found to the last printed digit when counted by fvcore's rules. PEM's are not: by those "
                "rules they are 1 to 2% below the print, and as all products are counted here, deformable convolutions among them, 0.4% beside it with R50 and "
                "3 to 4% above it with STDC."
            ),
            (
                "On generated scenes PEM has a mean IoU of 89.9 and 85.3 over two seeds, Mask2Former 89.9 and 88.8: the bound of one point holds in one of them. "
                "In the second, softmax attention on PEM's own pixel decoder has 83.6, so that the prototypes are not what loses. All of these figures are from before "
                "the first weights were corrected."
            ),
            (
                "First weights were corrected after these results had been seen. Mask2Former's pixel decoder, but for its deformable attention, and the projections "
                "to the decoder's width began as PyTorch has them; softmax attention, which every variant has among its queries, drew the projections of queries, keys "
                "and values too wide by sqrt(2); and the 1x1 convolutions of PEM's pixel decoder were scaled by their outputs in place of their inputs. All of it "
                "begins as the authors' now."
            ),
            (
                "At first things were told apart by their outline alone, which no variant learnt in this time (59 and 61 with prototypes and softmax); shading was "
                "added, and the rate raised from 3e-4 to 1e-3. Things were also made larger and fewer, the backbone wider, decoders shallower and the training shorter, "
                "to fit the time. All of it is the same for all variants, and was changed after results were seen."
            ),
            (
                "The printed ratio on ADE20K, 0.67, seems to hold two inputs against each other: Mask2Former's 70.1 G fit 512x512 pixels, on which PEM takes 34.4 G, "
                "a ratio of 0.49. PEM's 46.9 G can be read in two ways, and neither is shown to be right. As those of an image of 4:3 after padding: on 512x704 we "
                "count 46.9 G. Or as the panoptic network's on 640x640, where we count 47.0 G, and 102.8 G for Mask2Former: the panoptic table prints 47 G and 103 G, "
                "and both tables print the same 35.7 images a second for PEM. Then these, too, are of another input than the 21.5 of Mask2Former beside them."
            ),
        ],
        data="generated scenes: bands of sky, road and grass, and two to five shaded discs, striped boxes and flat triangles; noise where only time is measured",
        code="https://github.com/NiccoloCavagnero/PEM",
    )


@hookimpl
def model(variant: str, scale: str, params: Mapping[str, Any]) -> Any:
    from .segmenter import build

    return build(variant, params["config"], shape_of(scale, params))


@hookimpl
def data(scale: str, split: str, params: Mapping[str, Any]) -> Data:
    import torch

    from .scenes import scenes
    from .segmenter import attention_inputs
    from .training import recipe

    config, shape = params["config"], shape_of(scale, params)
    if config in ATTENTION:
        return Data(attention_inputs(config), items=1)
    if config != LEARNT:
        return Data((torch.randn(1, 3, shape.height, shape.width),))
    count = {"profile": 1, "train": TRAINED[scale], "test": TESTED[scale]}[split]
    images, segments, labels = scenes(split, count, shape.height, shape.width)
    return Data((images,)) if split == "profile" else Data((images,), (segments, labels), recipe=recipe(scale))


@hookimpl
def metric(model: Any, data: Data, params: Mapping[str, Any]) -> Mapping[str, Quality]:
    from .judging import qualities

    return qualities(model, *data.inputs, *data.targets) if params["config"] == LEARNT else {}


@hookimpl
def artifacts(model: Any, data: Data, params: Mapping[str, Any]) -> Mapping[str, Artifact]:
    from .judging import pictures

    return pictures(model, *data.inputs, *data.targets) if params["config"] == LEARNT else {}
