"""MetaFormer Baselines for Vision: how far one block goes when its token mixer is nothing, chance, pooling, convolution or attention.

`family` holds the released models and what is published of them, `mixers` the token mixers, `model` the networks around them, `activation`
StarReLU and how its operations are counted, `data` the reduced experiment, `training` its recipe,
and `pictures` what the paper's page shows.
"""

from __future__ import annotations

from harness import Claim, Data, Paper, PublishedSize, Quality, Scaled, Variant, Workload, hookimpl

from .family import FROZEN, RELEASED, Released

_README = "README of the released code, models trained on ImageNet-1K"
_CODE = "counted by building the released code"
_CONVNEXT = "ConvNeXt paper, table 1"
_SMALL = {"scale": "small", "task": "shapes"}
_BATCH = {"smoke": 4, "small": 32, "paper": 1}
_PART_BATCH = 8


@hookimpl
def paper() -> Paper:
    return Paper(
        slug="metaformer",
        title="MetaFormer Baselines for Vision",
        arxiv="2210.13452",
        year=2022,
        family="backbone",
        task="classify images, (B, channels, H, W) -> (B, classes)",
        method=(
            "Blocks of norm, token mixer, norm and MLP stand in four stages, with StarReLU, learned scales on the residual path and no biases. Only the "
            "token mixer is exchanged: nothing, a frozen random matrix, pooling, separable convolution, or convolution early and attention late."
        ),
        variants=[
            Variant("caformer", "separable convolutions in stages 1 and 2, softmax attention in 3 and 4", subject=True),
            Variant("convnext", "ConvNeXt: depthwise 7x7 and MLP in one branch"),
            Variant("vit", "the ViT's block, biases and GELU, attention in every stage"),
            Variant("convformer", "separable convolutions in every stage"),
            Variant("poolformerv2", "3x3 pooling in every stage"),
            Variant("randformer", "no mixing in stages 1 and 2, a frozen random matrix in 3 and 4"),
            Variant("identityformer", "no token mixer at all"),
            Variant("caformer_gelu", "CAFormer with GELU for StarReLU"),
            Variant("caformer_relu", "CAFormer with ReLU for StarReLU"),
            Variant("linear", "a linear layer on the pixels"),
        ],
        workloads=[Workload("infer", "images", "images to logits; at another `part` that part alone, on a map of its own shape")],
        sweep={
            "task": {"smoke": ("shapes",), "small": ("shapes", "digits"), "paper": ("imagenet",)},
            "part": {
                "smoke": ("network",),
                "small": ("network", "activation"),
                "paper": ("network", "activation", "mixer1", "mixer2", "mixer3", "mixer4"),
            },
        },
        qualities={"top1": "higher", "shuffled_top1": "lower", "activation_flops": "lower"},
        cost_axes=("part",),
        quality_points=({"task": "digits"},),
        sizes=[size for released in RELEASED for size in _sizes(released)]
        + [
            PublishedSize("convnext", "parameters", "29 M", _CONVNEXT, input="224x224"),
            PublishedSize("convnext", "macs", "4.5 G", _CONVNEXT, input="224x224", convention="printed as FLOPs"),
        ],
        claims=_claims(),
        deviations=[
            "Nothing is trained on ImageNet: the reduced experiment has 8,000 drawn shapes or 1,200 digits of 32x32 pixels.",
            "The reduced networks have dims 32-64-96-128 and depths 1-1-2-1, and their stem has stride 2 and padding 3, so that grids are 16, 8, 4 and 2.",
            "Every variant trains for 4 epochs of shapes or 15 of digits, with stochastic depth 0.1; the authors train for 300.",
            "Every variant trains with AdamW at 4e-3, the authors' rate, on batches of 64; the authors take batches of 4,096, and LAMB at 8e-3 for CAFormer.",
            "There is no mixup, cutmix or RandAugment.",
            "Stochastic depth at published dimensions is CAFormer-S18's 0.15 for every model; nothing is trained at that scale.",
            "The reduced ConvNeXt has 42 channels where the others have 32, so that it needs as many multiplications as ConvFormer.",
            "The reduced ConvNeXt's LayerScale starts at 0.1 and not at 1e-6, for its training is short.",
            "Attention runs as one fused operation; the released code forms the matrix of weights.",
        ],
        readings=[
            "Where no configuration is named, every variant at published dimensions has the depth and width of S18, ConvNeXt those of ConvNeXt-T.",
            "StarReLU starts at s = 0.8944 and b = -0.4472, as derived in the paper; the released code starts at 1 and 0.",
            "Norms are those that the authors give each mixer: over all tokens for identity, random and pooling, of each token for convolution and attention.",
            "Heads are theirs too: a linear one for identity, random and pooling, an MLP for convolution and attention.",
            "The ViT's block stands in the same stages, with the same convolutions between them and heads of 32 channels; it has no position embedding.",
            "A GELU's 14 operations are those of its tanh formula, a tanh being 6 and all else 1.",
            (
                "The order of the five mixers is checked between neighbours, in `random_works`, `pool_over_random`, `conv_over_pool` and `ca_best`, and not by one "
                "rank correlation: a claim holds two variants against each other."
            ),
            "`shuffled_top1` is the accuracy on test images whose 16 patches were put in another order: the lower, the more a model judges by the whole.",
            "The random matrices are drawn when the model is built, and saved with it.",
        ],
        findings=[
            (
                "With fewer operations StarReLU is not the faster one as torch runs it unasked (`starrelu_speed`): four operations pass over the map where GELU is "
                "one, and it takes 1.7 times as long, in some processes several times (1.3 to 8.3 over 20 processes). Compiled into one, it takes 0.26 of "
                "GELU's time. A later run of 20 processes has 5.4 times, with an interval of 1.9 to 12.9: what the passes cost differs from process to process."
            ),
            (
                "What is drawn anew generalizes, what is seen often is learnt by heart: on 2,000 shapes shown 20 times each, ConvNeXt has all of them right and 29% of "
                "the others; on 8,000 shown five times, with as many steps, 85% (one seed). The reduced experiment has 8,000, shown four times at twice the rate."
            ),
        ],
        data="ten kinds of shapes drawn by the plugin; scikit-learn digits",
        code="https://github.com/sail-sg/metaformer",
    )


def _sizes(released: Released) -> list[PublishedSize]:
    variant, size = released.config.rsplit("_", 1)
    params = {"config": released.config}
    frozen = {"convention": "frozen matrices are printed apart", "adjust": -FROZEN[size]} if variant == "randformer" else {}
    found = [
        PublishedSize(variant, "parameters", f"{released.parameters:,}", _CODE, params, input="224x224"),
        PublishedSize(variant, "parameters", released.printed, _README, params, input="224x224", **frozen),
    ]
    for pixels, printed in zip((224, 384), released.macs, strict=False):
        at = params if pixels == 224 else {**params, "size": pixels}
        found.append(PublishedSize(variant, "macs", printed, _README, at, input=f"{pixels}x{pixels}"))
    if released.fine:
        found.append(PublishedSize(variant, "macs", released.fine, _CODE, params, input="224x224"))
    return found


def _claims() -> list[Claim]:
    published = {"scale": "paper"}
    imagenet = "ImageNet-1K at 224x224, 300 epochs"
    activation = {"scale": "paper", "part": "activation"}
    return [
        Claim(
            "starrelu_flops",
            quantity="activation_flops",
            subject="caformer",
            baseline="caformer_gelu",
            ratio=4 / 14,
            when=_SMALL,
            source="abstract",
            says="StarReLU takes 71% fewer operations an element than GELU: 4 for 14, by the authors' way of counting.",
            measured_on="any machine",
        ),
        Claim(
            "starrelu_top1",
            quantity="top1",
            subject="caformer",
            baseline="caformer_gelu",
            order=True,
            when=published,
            source="abstract",
            says="StarReLU also classifies better than GELU does.",
            measured_on=imagenet,
            scaled=Scaled(order=True, when=_SMALL, why="the same network with either activation"),
        ),
        Claim(
            "starrelu_speed",
            quantity="latency",
            subject="caformer",
            baseline="caformer_gelu",
            ratio=1.0,
            when={**activation, "device": "cpu"},
            source="the operation count",
            says="With fewer operations, StarReLU is no slower than GELU, each as torch runs it unasked.",
            measured_on="any CPU",
            ours=True,
        ),
        Claim(
            "starrelu_speed_compiled",
            quantity="latency",
            subject="caformer",
            baseline="caformer_gelu",
            ratio=1.0,
            when={**activation, "device": "cpu", "mode": "compile"},
            source="the operation count",
            says="With fewer operations, StarReLU is no slower than GELU once a compiler has made each one loop over the elements.",
            measured_on="any CPU",
            ours=True,
        ),
        Claim(
            "identity_floor",
            quantity="top1",
            subject="identityformer",
            value=0.80,
            when=published,
            source="abstract",
            says="Without any token mixer more than 80% of ImageNet is still right: 80.4% with IdentityFormer-M48.",
            measured_on=imagenet,
            scaled=Scaled(
                order=True,
                baseline="linear",
                when=_SMALL,
                why="strided convolutions and the last mean still mix tokens: that must be worth more than one linear layer on the pixels",
            ),
        ),
        Claim(
            "random_works",
            quantity="top1",
            subject="randformer",
            baseline="identityformer",
            difference=0.010,
            when=published,
            source="abstract, README",
            says="A random matrix for a mixer is better than none: 81.4% with RandFormer-M48, 80.4% with IdentityFormer-M48.",
            measured_on=imagenet,
            scaled=Scaled(
                difference=-0.01, when=_SMALL, why="a hundredth of 1,000 test images is ten of them: mixing at random does no harm"
            ),
        ),
        Claim(
            "pool_over_random",
            quantity="top1",
            subject="poolformerv2",
            baseline="randformer",
            difference=0.014,
            when=published,
            source="README",
            says="Pooling mixes better than chance: 78.0% with PoolFormerV2-S12, 76.6% with RandFormer-S12.",
            measured_on=imagenet,
            scaled=Scaled(order=True, when=_SMALL, why="the order is asked for, not the distance"),
        ),
        Claim(
            "conv_over_pool",
            quantity="top1",
            subject="convformer",
            baseline="poolformerv2",
            difference=0.014,
            when=published,
            source="README",
            says="Convolutions mix better than pooling: 83.0% with ConvFormer-S18, 81.6% with PoolFormerV2-S36, which costs more.",
            measured_on=imagenet,
            scaled=Scaled(order=True, when=_SMALL, why="the order is asked for, not the distance; depth and width are equal"),
        ),
        Claim(
            "conv_vs_convnext",
            quantity="top1",
            subject="convformer",
            baseline="convnext",
            difference=0.009,
            when=published,
            source="abstract, README, ConvNeXt paper",
            says="ConvFormer outperforms ConvNeXt: 83.0% with ConvFormer-S18 (27 M, 3.9 G), 82.1% with ConvNeXt-T (29 M, 4.5 G).",
            measured_on=imagenet,
            scaled=Scaled(order=True, when=_SMALL, why="equal depth, and widths at which both need as many multiplications"),
        ),
        Claim(
            "ca_best",
            quantity="top1",
            subject="caformer",
            baseline="convformer",
            difference=0.006,
            when=published,
            source="README",
            says="Attention in the last two stages is better than convolution: 83.6% with CAFormer-S18, 83.0% with ConvFormer-S18; 85.5% and 84.8% at B36.",
            measured_on=imagenet,
            scaled=Scaled(order=True, when=_SMALL, why="the order is asked for, not the distance; depth and width are equal"),
        ),
        Claim(
            "mixer_cost",
            quantity="macs",
            subject="caformer",
            baseline="vit",
            order=True,
            when={"scale": "paper", "part": "mixer1"},
            source="the design",
            says="CAFormer keeps convolutions where there are many tokens: attention on the 56x56 tokens of stage 1 would cost more.",
            measured_on="any machine",
            ours=True,
        ),
    ]


def _plan(scale, params):
    from .data import CLASSES, SIZE
    from .model import plan

    if scale == "paper":
        return plan(scale, params.get("size", 224), 3, 1000, params.get("config", ""))
    return plan(scale, SIZE, 1, len(CLASSES))


@hookimpl
def model(variant, scale, params):
    from .model import build, build_part

    dimensions = _plan(scale, params)
    return build(variant, dimensions) if params["part"] == "network" else build_part(variant, params["part"], dimensions)


@hookimpl
def data(scale, split, params):
    import torch

    from .data import splits
    from .model import part_shape

    dimensions = _plan(scale, params)
    if split == "profile":
        if params["part"] != "network":
            return Data((torch.randn(_PART_BATCH, *part_shape(params["part"], dimensions)),))
        return Data((torch.randn(_BATCH[scale], dimensions.channels, dimensions.size, dimensions.size),))
    x, y = splits(params["task"], scale, split)
    return Data((x,), y)


@hookimpl
def fit(model, data, scale, params, budget, seed):
    from .data import EPOCHS
    from .training import train

    return train(model, *data.inputs, data.targets, EPOCHS[scale][params["task"]], budget.steps, seed)


@hookimpl
def metric(variant, model, data):
    from .activation import flops_per_element
    from .data import accuracy, shuffled
    from .model import PARTS

    (x,), y = data.inputs, data.targets
    found = {
        "top1": Quality(accuracy(model, x, y), "share of images"),
        "shuffled_top1": Quality(accuracy(model, shuffled(x), y), "share of images", better="lower"),
    }
    if variant != "linear":
        activation, _ = PARTS[variant]
        found["activation_flops"] = Quality(flops_per_element(activation()), "operations an element", better="lower")
    return found


@hookimpl
def artifacts(variant, model, data):
    from .pictures import activations, examples, receptive_field

    shown = {"receptive_field": receptive_field(model, data.inputs[0])} if variant != "linear" else {}
    if variant == "caformer":
        shown |= {"images": examples(data.inputs[0], data.targets), "activations": activations(model)}
    return shown
