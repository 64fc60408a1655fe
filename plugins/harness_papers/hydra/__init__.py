"""Hydra: a state-space model that looks both ways, as one quasiseparable matrix.

Every sequence mixer here is `Y = M X`; only the class of the matrix M differs. `scan` holds the scan and its matrix, `blocks` Hydra's block and other
ways to join two scans, `zoo` the other classes of matrices, `encoder` the networks around them. `setting` holds the dimensions, `tasks` the data,
`judge` the qualities and pictures, and `published` sizes and claims.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness import Artifact, Data, Paper, Quality, Variant, Workload, hookimpl

from .published import CLAIMS, SIZES


@hookimpl
def paper() -> Paper:
    return Paper(
        slug="hydra",
        title="Hydra: Bidirectional State Space Models Through Generalized Matrix Mixers",
        arxiv="2407.09941",
        year=2024,
        family="sequence",
        task="mix the tokens of a sequence that is known as a whole, (B, L, D) -> (B, L, D), alone or in a network that fills in masked tokens "
        "or classifies",
        method="One projection and one centred convolution feed two scans of a state-space model, forward and backward, each delayed by a step so that it "
        "holds strictly earlier or later tokens; a data-dependent diagonal is added. The sum is a quasiseparable matrix, applied in linear time.",
        variants=[
            Variant("hydra", "the paper's quasiseparable block", subject=True),
            Variant("attention", "BERT's layer: softmax attention and an MLP"),
            Variant("add", "the same block, both scans added without the delay"),
            Variant("mult", "the same block, both scans multiplied"),
            Variant("concat", "the same block, both scans side by side"),
            Variant("mamba", "Mamba-2: one scan, one direction"),
            Variant("two_mamba", "two Mamba-2 blocks in a layer, one for each direction, added"),
            Variant("dense", "matrix mixer: any matrix, learnt"),
            Variant("toeplitz", "matrix mixer: learnt taps"),
            Variant("toeplitz_sam", "matrix mixer: taps made from the tokens"),
            Variant("low_rank", "matrix mixer: learnt Q K^T"),
            Variant("low_rank_sam", "matrix mixer: Q K^T of the tokens, linear attention"),
            Variant("cauchy", "matrix mixer: learnt Cauchy matrix"),
            Variant("cauchy_sam", "matrix mixer: Cauchy matrix of the tokens"),
            Variant("vandermonde", "matrix mixer: the cosine part of the discrete Fourier transform"),
            Variant("vandermonde_sam", "matrix mixer: Vandermonde matrix of the tokens"),
            Variant("softmax", "matrix mixer: softmax of a learnt Q K^T"),
            Variant("softmax_sam", "matrix mixer: softmax attention"),
            Variant("quasiseparable", "matrix mixer: learnt B, C and step sizes"),
            Variant("quasiseparable_sam", "matrix mixer: Hydra with B and C shared by the directions"),
        ],
        workloads=[Workload("infer", "tokens")],
        sweep={
            "task": {"smoke": ("recall",), "small": ("text", "recall", "digits"), "paper": ("block", "mlm")},
            "length": {"smoke": (32,), "small": (32, 256, 1024), "paper": (128, 1024, 4096)},
        },
        qualities={
            "recall": "higher",
            "recall_back": "higher",
            "recall_ahead": "higher",
            "masked_accuracy": "higher",
            "masked_loss": "lower",
            "top1": "higher",
        },
        cost_axes=("length",),
        sizes=SIZES,
        claims=CLAIMS,
        deviations=[
            "Recall, masked bytes of Python's standard library and scikit-learn's digits stand in for C4, GLUE and ImageNet.",
            (
                "The networks that are trained are 64 wide, with two layers of Hydra or of a matrix mixer against one of BERT, whose MLP is 5.25 times as wide "
                "as the model instead of 4, so that it holds as many parameters as Hydra."
            ),
            (
                "They train for 300 (digits) to 1,175 (recall) steps of AdamW at 2e-3 with betas (0.9, 0.999) and a cosine schedule; the authors use "
                "(0.9, 0.98), warm-up and a linear decay."
            ),
            "Linear layers start with PyTorch's values, which are BERT's 0.02 at the published width and larger in the small networks.",
            "Masked bytes depend on the version of Python, whose own library is the text.",
            "The vision model is a sequence of pixels with a mean over tokens, and not ViT's patches, class token and channel MLPs.",
            "The scan is written in PyTorch, in chunks of 32 tokens; the authors run a Triton kernel with chunks of 256.",
            "Dropout, which the authors' networks inherit from BERT, is left out.",
        ],
        readings=[
            "The paper's text could not be read: the method and the sizes are those of the authors' code, claims on ablations are from memory.",
            (
                "`add`, `mult` and `concat` keep Hydra's projections and convolution, and give each direction Mamba's skip D; `concat` has an output "
                "projection twice as wide. How the authors built theirs is not in their code."
            ),
            "`two_mamba` has as many layers as its parameters allow, half of Hydra's.",
            "The data-independent Vandermonde matrix is the authors' Fourier version; their learnt one starts where its gradient is zero.",
            "The authors' FFT places the taps of a Toeplitz matrix one diagonal off, so that t_1 falls on the main one; here t_0 does.",
            (
                "Head widths and ranks of the matrix mixers are those of the authors' configurations: 128 and 16 where the matrix follows the tokens, 64 and 64 "
                "where it is learnt. Toeplitz and Fourier matrices, which are 800 wide there with heads of 64, are as wide as the others here."
            ),
            "Only the classes that cannot tell order by themselves learn positions: softmax, low-rank and Cauchy matrices of the tokens.",
            "BERT-base is counted with 512 positions, Hydra's vocabulary and its masked-token head, without a pooler.",
            "All sequences of a batch have the same length, so that no padding leaks into the scans.",
            "A pair of `recall` is one token that names key and value, so that no mixer needs a neighbour's help to read it.",
            "`block` is a single layer: BERT's holds nearly twice the parameters of Hydra's, which is why Hydra has 23 layers against 12.",
            "Digits are 64 tokens at every `length`.",
            (
                "The authors set Hydra's linear growth against the quadratic one of attention's core, whose 2 D L^2 products are 16 times as many for four times "
                "the tokens. No variant is that core alone, so that `attention_growth` is of the whole layer. Where the two cross in time is not printed: `crossover` "
                "asks for it to lie below 4,096 tokens."
            ),
        ],
        findings=[
            (
                "With eight keys, and with four, a small Hydra had not learnt recall after hundreds of steps, where attention had: its mixing starts at a few "
                "percent of its diagonal. The task was then made easier (two keys, eight queries each), for all variants alike."
            ),
            (
                "On masked bytes BERT's one layer is far behind after equal steps (34% of bytes right against 52%, one seed): it has no convolution, and must "
                "first learn what is near. On pixels it is behind by less (84% against 89%), since its positions start as large as what a pixel is embedded as; "
                "with small ones, and an MLP of 4 D, it had 35%."
            ),
            (
                "How the scans are joined makes no difference on masked bytes: their plain sum has 51.9% right and a loss of 1.86, Hydra 52.1% and 1.88 (one "
                "seed). A likely reason is that the convolution sees most of what helps in 32 bytes."
            ),
            (
                "Nor does alignment pay there after 450 steps: low-rank matrices have 52.1% right where they are learnt and 49.4% where they follow the tokens, "
                "Toeplitz matrices 51.7% and 51.3% (one seed). A likely reason is that windows are short, and what helps stands at fixed distances."
            ),
            (
                "Recall does not need alignment: a learnt softmax matrix answers 99.9%, for the pairs of a sequence can be summed and picked from at the query; "
                "one that follows the tokens was at 51% after the same steps. Claims on alignment are therefore checked on masked bytes."
            ),
            (
                "Over three seeds of masked bytes Hydra has 52.2% right, concatenated scans 52.1%, added ones 51.8%, multiplied ones 48.9%, BERT's layer 34.8%. "
                "Following the tokens pays for Cauchy (46.8% against 37.8%) and Vandermonde matrices (51.7% against 46.6%); for the other four kinds the interval "
                "holds zero, and the mean of three of them is below it."
            ),
            (
                "`linear_latency` asks for an exponent of 1.1 and 1.11 was measured (1.10 to 1.12): 87, 92 and 130 microseconds a token at 128, 1,024 and 4,096 "
                "tokens. Multiplications grow linearly, so it is not the method that needs more; that maps of 4,096 tokens no longer fit a cache is our guess. "
                "The bound is ours too."
            ),
        ],
        data="sequences drawn by the plugin; the source of Python's standard library; scikit-learn digits",
        code="https://github.com/goombalab/hydra",
    )


@hookimpl
def model(variant: str, scale: str, params: Mapping[str, Any]) -> Any:
    from .encoder import build

    return build(variant, scale, params)


@hookimpl
def data(scale: str, split: str, params: Mapping[str, Any], seed: int) -> Data:
    from .tasks import load

    return load(scale, split, params, seed)


@hookimpl
def metric(model: Any, data: Data, params: Mapping[str, Any]) -> Mapping[str, Quality]:
    from .judge import qualities

    return {} if params["task"] in ("block", "mlm") else qualities(model, data, params["task"])


@hookimpl
def artifacts(variant: str, model: Any, data: Data, params: Mapping[str, Any]) -> Mapping[str, Artifact]:
    from .judge import pictures

    return pictures(variant, model, data, params["task"])
