"""LLM.int8(): matrix products of 8-bit integers, exact where a few input features hold large values.

A float model is trained, three features behind each norm are enlarged without changing what it computes (small models have no outliers of their
own), and copies of it are quantized in nine ways. `shape` is what is quantized: the `toy` model that is trained, single layers with (`layer_...`)
and without (`calm_...`) outliers, or OPT-125M for its sizes and speed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness import Artifact, Data, Paper, Quality, Recipe, Variant, Workload, hookimpl

from .claims import CLAIMS, FINDINGS, SIZES

TRAINING_WINDOWS = {"smoke": 400, "small": 1600}
TEST_WINDOWS = {"smoke": 64, "small": 128}
TRAINING_BATCH = 8
PROFILE_BATCH = {"smoke": 4, "small": 8, "paper": 1}
PROFILE_LENGTH = 512
"""Tokens of one call at published size: as many rows as the single layers have."""


@hookimpl
def paper() -> Paper:
    return Paper(
        slug="llm_int8",
        title="LLM.int8(): 8-bit Matrix Multiplication for Transformers at Scale",
        arxiv="2208.07339",
        year=2022,
        family="quantization",
        task="predict each next token, (B, n) -> (B, n, V), after training, with 8-bit weights and inputs; or one linear layer, (s, d) -> (s, 4 d)",
        method="Every row of the input and of the weight has its own 8-bit scale. Input features in which some value reaches 6 are taken out first "
        "and multiplied in floating point; they are found anew for each input, and nothing is calibrated.",
        variants=[
            Variant(
                "llm_int8", "a scale a row, outliers multiplied with dequantized columns, as released", subject=True, shares_fit="float"
            ),
            Variant("float", "the model that is quantized, in floating point"),
            Variant(
                "llm_int8_float_columns",
                "outliers multiplied with the float weight, which is kept: the paper's equation",
                shares_fit="float",
            ),
            Variant("vectorwise", "a scale for each row of the input and of the weight, no decomposition", shares_fit="float"),
            Variant("rowwise", "a scale for each row of the input, one for the weight", shares_fit="float"),
            Variant("absmax", "one scale for the input, one for the weight", shares_fit="float"),
            Variant("zeropoint", "one scale and one offset for the input, and for the weight", shares_fit="float"),
            Variant("rowwise_decomposed", "rowwise, outliers taken out", shares_fit="float"),
            Variant("absmax_decomposed", "absmax, outliers taken out", shares_fit="float"),
            Variant("zeropoint_decomposed", "zeropoint, outliers taken out", shares_fit="float"),
        ],
        workloads=[Workload("infer", items="tokens")],
        sweep={
            "shape": {
                "smoke": ("toy",),
                "small": ("toy", "layer_1024", "calm_1024"),
                "paper": ("opt_125m", "layer_1024", "layer_12288"),
            }
        },
        qualities={"perplexity": "lower", "share_8bit": "higher", "output_error": "lower"},
        quality_points=({"shape": "layer_1024"}, {"shape": "calm_1024"}),
        sizes=SIZES,
        claims=CLAIMS,
        deviations=[
            "The model has 2 layers of width 256 and reads bytes; the paper's have up to 175 billion parameters. It trains on 200 batches.",
            (
                "Its outliers are planted: three features behind each norm are multiplied by 20, and the next layers' columns divided by 20. Other inputs, of "
                "the output projection and of the second feed-forward matrix, have none planted."
            ),
            "The part that the paper multiplies in 16 bits is multiplied in the model's own type: float32 unless a run asks for another.",
            (
                "Outlier columns are zeroed in the 8-bit input and the whole product is taken, as in the released kernel: s h o products of integers are "
                "counted, of which s n_O o are by zero."
            ),
            "Which features are outliers is decided for all tokens of a call together: 4,096 of them when quality is judged.",
        ],
        readings=[
            "Perplexities and speeds are quoted from memory of the paper's tables, which could not be read.",
            (
                "Row scales are taken after whole outlier columns are removed. The released kernel leaves out only the entries that reach the threshold, so "
                "that smaller entries of such a column may still stretch a row's scale."
            ),
            "Halves round to even, as PyTorch rounds; the released kernel may differ by one code where a value lies half way.",
            "The zero-point form offsets input and weight alike, over the whole tensor, and gives 0 a code of its own.",
            "On `meta`, which has no values to look at, every layer is taken to have 7 outlier features, the most that the paper reports at 6.7B.",
            (
                "The paper calls a feature emergent when it reaches 6 in a quarter of the layers and at 6% of the positions. That is not applied: features "
                "are planted in every layer, and the threshold alone decides."
            ),
            "The paper does not say how many rows its speeds are for; the layers here take 512.",
            "A run in another type casts the scales as well; the released code keeps them in float32.",
            "The ratio at which absmax and LLM.int8() are compared is turned round, since a claim is about the subject.",
            (
                "How many times as much absmax raises perplexity as LLM.int8() does, for which five times would be a fair bound, is a ratio of two differences "
                "from `float`. A claim compares two variants, so that there is none of it; the findings give both differences."
            ),
        ],
        findings=FINDINGS,
        data="the source of Python's standard library, every tenth file for testing; normal rows with six columns of twentyfold size",
        code="https://github.com/bitsandbytes-foundation/bitsandbytes",
    )


@hookimpl
def model(variant: str, scale: str, params: Mapping[str, Any], fitted: Any) -> Any:
    from .decoder import build, shape_of

    return build(variant, shape_of(scale, params["shape"]), fitted, params.get("part", ""))


@hookimpl
def data(scale: str, split: str, params: Mapping[str, Any], seed: int) -> Data:
    import torch

    from .decoder import layer_input, shape_of

    shape = shape_of(scale, params["shape"])
    if "part" in params:
        return Data((torch.randn(1, shape.d),))
    if not shape.L:
        return Data((layer_input(shape.d, shape.calm),))
    if params["shape"] != "toy":
        return Data((torch.randint(shape.vocabulary, (PROFILE_BATCH[scale], PROFILE_LENGTH)),), items=PROFILE_BATCH[scale] * PROFILE_LENGTH)
    return _text(scale, split, shape.length, seed)


def _text(scale: str, split: str, length: int, seed: int) -> Data:
    from harness_papers._kit.text import windows

    if split == "profile":
        tokens, following = windows("train", PROFILE_BATCH[scale], length)
        return Data((tokens,), targets=following, items=tokens.numel())
    if split == "test":
        tokens, following = windows("test", TEST_WINDOWS[scale], length)
        return Data((tokens,), targets=following)
    tokens, following = windows("train", TRAINING_WINDOWS[scale], length, seed)
    return Data((tokens,), targets=following, recipe=Recipe(_loss, 1, TRAINING_BATCH, lr=1e-3, weight_decay=0.1, clip=1.0))


def _loss(output: Any, targets: Any) -> Any:
    from torch.nn.functional import cross_entropy

    return cross_entropy(output.flatten(0, 1), targets.flatten())


@hookimpl
def metric(variant: str, model: Any, data: Data, scale: str, params: Mapping[str, Any]) -> Mapping[str, Quality]:
    from .decoder import Decoder, build, shape_of
    from .judging import perplexity, relative_error, share_8bit

    if variant == "float":
        return {"perplexity": perplexity(model, *data.inputs, data.targets)} if isinstance(model, Decoder) else {}
    share = {"share_8bit": share_8bit(model, *data.inputs)}
    if isinstance(model, Decoder):
        return share | {"perplexity": perplexity(model, *data.inputs, data.targets)}
    # The host seeds every hook alike: this is the layer that was quantized.
    exact = build("float", shape_of(scale, params["shape"]))(*data.inputs)
    return share | {"output_error": Quality(relative_error(model(*data.inputs), exact), better="lower")}


@hookimpl
def artifacts(variant: str, model: Any, data: Data) -> Mapping[str, Artifact]:
    from .decoder import Decoder
    from .judging import charts

    return charts(variant, model, *data.inputs, data.targets) if isinstance(model, Decoder) else {}
