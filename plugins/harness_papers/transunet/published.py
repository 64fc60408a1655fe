"""What the authors print of TransUNet, and what is said about how it is checked."""

from __future__ import annotations

from harness import Claim, PublishedSize, Scaled

_TABLE = "table 1"
_CODE = "counted on the released model definition"
_SYNAPSE = "8 organs of Synapse at 224x224, weights pretrained on ImageNet-21k"
_PAPER = {"scale": "paper", "size": 224}
_SMALL = {"scale": "small"}
_REDUCED = "networks of the same plan with an eighth of the channels, untrained before, on a phantom of eight organs"

_DICE = {"transunet": 77.48, "r50_unet": 74.68, "skip0": 71.29, "vit_cup": 67.86}
_SMALL_DICE = {"transunet": (63.13 + 55.86) / 2, "skip0": (55.13 + 45.99) / 2}
"""Of gallbladder and pancreas."""
_HD95 = {"transunet": 31.69, "r50_unet": 36.87, "skip0": 32.87}

QUALITIES = {"dice": "higher", "hd95": "lower", "dice_small": "higher", "small_lag": "lower", "dice_kidneys": "higher"}

SIZES = [
    PublishedSize("transunet", "parameters", "105,277,081", _CODE, input="224x224"),
    PublishedSize("transunet", "macs", "29.23 G", _CODE, input="224x224"),
    PublishedSize("transunet", "parameters", "105,912,985", _CODE, {"size": 512}, input="512x512"),
    PublishedSize("transunet", "macs", "168.4 G", _CODE, {"size": 512}, input="512x512"),
]


def _lag(variant: str) -> float:
    return _DICE[variant] - _SMALL_DICE[variant]


CLAIMS = [
    Claim(
        "dice_unet",
        quantity="dice",
        subject="transunet",
        baseline="r50_unet",
        difference=round(_DICE["transunet"] - _DICE["r50_unet"], 2),
        when=_PAPER,
        source=_TABLE,
        says="TransUNet has a mean Dice coefficient of 77.48%, 2.80 points more than the U-Net on the same convolutional encoder.",
        measured_on=_SYNAPSE,
        scaled=Scaled(difference=0.0, when=_SMALL, why=f"{_REDUCED}: at least as good, since what pretraining adds is missing here"),
    ),
    Claim(
        "distance_unet",
        quantity="hd95",
        subject="transunet",
        baseline="r50_unet",
        difference=round(_HD95["transunet"] - _HD95["r50_unet"], 2),
        when=_PAPER,
        source=_TABLE,
        says="Its outlines are nearer to the true ones: a 95% Hausdorff distance of 31.69 mm against 36.87 mm.",
        measured_on=_SYNAPSE,
        scaled=Scaled(order=True, when=_SMALL, why=f"{_REDUCED}; in pixels, so that only the order can be compared"),
    ),
    Claim(
        "dice_vit",
        quantity="dice",
        subject="transunet",
        baseline="skip0",
        difference=round(_DICE["transunet"] - _DICE["skip0"], 2),
        when=_PAPER,
        source=_TABLE,
        says="It is 6.19 points better than the same encoder and upsampler without skips.",
        measured_on=_SYNAPSE,
        scaled=Scaled(order=True, when=_SMALL, why=_REDUCED),
    ),
    Claim(
        "distance_vit",
        quantity="hd95",
        subject="transunet",
        baseline="skip0",
        difference=round(_HD95["transunet"] - _HD95["skip0"], 2),
        when=_PAPER,
        source=_TABLE,
        says="Its outlines are nearer to the true ones than those without skips: a 95% Hausdorff distance of 31.69 mm against 32.87 mm.",
        measured_on=_SYNAPSE,
        scaled=Scaled(order=True, when=_SMALL, why=f"{_REDUCED}; in pixels, so that only the order can be compared"),
    ),
    Claim(
        "hybrid",
        quantity="dice",
        subject="skip0",
        baseline="vit_cup",
        difference=round(_DICE["skip0"] - _DICE["vit_cup"], 2),
        when=_PAPER,
        source=_TABLE,
        says="Even without skips, tokens made by convolutions are worth 3.43 points more than tokens of pixels.",
        measured_on=_SYNAPSE,
    ),
    Claim(
        "small_organs",
        quantity="small_lag",
        subject="transunet",
        baseline="skip0",
        difference=round(_lag("transunet") - _lag("skip0"), 2),
        when=_PAPER,
        source=_TABLE,
        says=(
            "Skips gain more for gallbladder and pancreas, 63.13% and 55.86% against 55.13% and 45.99%: these lag the mean of all organs by 2.7 points less."
        ),
        measured_on=_SYNAPSE,
        scaled=Scaled(order=True, when=_SMALL, why=f"{_REDUCED}, of which these two are the smallest"),
    ),
    Claim(
        "kidneys",
        quantity="dice_kidneys",
        subject="transunet",
        baseline="r50_unet",
        difference=0.0,
        when=_SMALL,
        source="abstract: attention sees the whole image, where convolutions see a part",
        says="Kidneys that only the place of other organs can tell apart are found at least as well with attention as without.",
        measured_on="not measured by the authors",
        ours=True,
    ),
    Claim(
        "skips",
        quantity="dice_small",
        subject="transunet",
        baseline="skip0",
        difference=round(_SMALL_DICE["transunet"] - _SMALL_DICE["skip0"], 2),
        when=_PAPER,
        source=_TABLE,
        says="Without skips gallbladder and pancreas lose 8.9 points of Dice.",
        measured_on=_SYNAPSE,
        scaled=Scaled(difference=3.0, when=_SMALL, why=f"{_REDUCED}, of which these two are the smallest; three points are our bound"),
    ),
    Claim(
        "resolution_cost",
        quantity="macs",
        subject="transunet",
        exponent=(2.1, 2.14),
        axis="size",
        when={"scale": "paper"},
        source=_CODE,
        says="Multiplications grow a little faster than pixels, by 5.76 from 224 to 512 pixels a side for 5.22 times the pixels: attention grows with their square.",
        measured_on="any machine: it is counted",
        ours=True,
    ),
    Claim(
        "parameter_cost",
        quantity="parameters",
        subject="transunet",
        baseline="r50_unet",
        difference=(84.8e6, 84.9e6),
        when=_PAPER,
        source=_CODE,
        says=(
            "The transformer costs 86.0 million parameters, projection and positions included; the U-Net without it has 1.2 million more in the first "
            "convolution of its decoder."
        ),
        measured_on="any machine: it is counted",
        ours=True,
    ),
]

DEVIATIONS = [
    "Nothing is pretrained, where the authors start from ImageNet-21k weights of stem and transformer. This may favour networks with fewer parameters and nearer sight.",
    (
        "The networks that are trained have a stem of 8 channels in place of 64, four bottleneck units in place of 16, four blocks of 128 channels in place of "
        "12 of 768, and a decoder of 64 to 8 channels in place of 512 to 16."
    ),
    (
        "They are trained for 500 steps of four slices of 80x80 pixels, by AdamW at 3e-3 along a cosine; the authors train for 150 epochs of batches of 24 at "
        "224x224, by SGD at 0.01 along a power of 0.9, with which a transformer that is not pretrained may stall. The loss is the authors'."
    ),
    "A drawn phantom stands in for Synapse. Slices are judged one by one, and distances given in pixels, where the authors judge whole volumes in millimetres.",
    "There is no augmentation by quarter turns, flips and turns up to 20 degrees: the phantom itself is mirrored half of the time, and turned by up to 10 degrees.",
    "Query, key and value share one matrix, which is the same function with the same parameters.",
    (
        "The attention U-Net, V-Net, DARR, the pure transformer with a naive decoder, other sizes of patches, the larger model, transformers in the skips and the "
        "results on ACDC and at 512x512 are not built; networks at 384x384 and 512x512 are only counted."
    ),
]

READINGS = [
    "The authors' code was read, and the experiments of the paper in a copy of its text, from which the figures of Synapse are.",
    (
        "`skip0` is the paper's R50-ViT-CUP. `r50_vit`, one 1x1 convolution whose scores are enlarged 16 times, is not in the paper, which tries a naive decoder on "
        "a transformer of pixels alone."
    ),
    (
        "`skip1` keeps the coarsest skip, as the authors' code does; the text speaks of the skip at a quarter of the resolution. `vit_cup` makes tokens of 16x16 "
        "pixels; `r50_unet` ends at a sixteenth of the resolution."
    ),
    "`unet` is a plain U-Net of five levels with batch norm and transposed convolutions, and ours: the U-Nets of the paper's table have a ResNet-50 as encoder.",
    "`hybrid` has no reduced check: a transformer on pixels hardly learns here without pretraining, and a gain over it would say nothing.",
    "The gain from 224x224 to 512x512, 77.48% to 84.36%, is not judged: a claim here compares networks on the same images.",
    (
        "An organ that is missed has the slice's diagonal as its distance. The authors' script counts it as a distance of 0, and an organ that is found where "
        "none is as a Dice coefficient of 100%."
    ),
    "Positions for another number of tokens are interpolated between the learned ones.",
    "Pooling without padding leaves 55 of 56 rows at 224x224; zeros fill the skip alone, and the path to the next stage goes on with 55, as in the authors' code.",
]

FINDINGS = [
    (
        "TransUNet gains nothing over the U-Net on its own stem here: 81.2%, 85.9% and 85.0% Dice over three seeds against 87.3%, 85.7% and 86.4%, and distances "
        "of 3.1, 2.2 and 2.2 pixels against 1.7, 2.8 and 2.1. The plain U-Net has 77.8% (one seed). Likely causes, not told apart: the transformer starts from "
        "nothing, where the authors' starts from ImageNet-21k, and the phantom is easier than Synapse, where that U-Net has 74.7%."
    ),
    (
        "Kidneys that the rest of the body has to tell apart need no attention: 90.1%, 90.2% and 89.7% for TransUNet, 92.0%, 90.5% and 91.6% for the U-Net on its "
        "stem. On slices of 80x80 pixels convolutions of the coarsest maps reach from side to side."
    ),
    (
        "Skips are worth 18 points: without them TransUNet has 62.7%, and gallbladder and pancreas 32.2% in place of 66.5%. With a naive decoder in the place of "
        "the cascade it has 59.2%, and these two 47.2%: they gain 19 points and all organs 22, so that it is not the small ones that gain most. What the naive "
        "decoder misses here are the kidneys, at 51.0% (one seed)."
    ),
    (
        "`dice_vit` and `small_organs` were first held against that naive decoder, where the second did not hold. Table 1, read later, has the cascaded "
        "upsampler there; the baseline has been `skip0` since, with which these figures were already known."
    ),
    (
        "A transformer on pixels alone has learnt least, 39.6%; at a third of the learning rate it has 31.6% (one seed). The rate of 3e-3, batches of four and "
        "500 steps were chosen after 300 steps of eight slices of 96x96 at 2e-3, in which TransUNet and the U-Net on its stem hardly found the smallest organs."
    ),
    (
        "Of the multiplications at 512x512 attention's products are 11.5%, and 2.4% at 224x224: nearly all of the difference between 5.76 and 5.22 times."
    ),
]
