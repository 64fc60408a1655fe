"""What the authors print or what their code says: sizes and claims, each with where it stands."""

from __future__ import annotations

from harness import Claim, PublishedSize, Scaled

CODE = "counted from the layers of the authors' code"
CONFIG = "counted from the authors' code with their pre-training configuration"
BLOCK = {"task": "block", "length": 128}
NETWORK = {"task": "mlm", "length": 128}
SCAN_AND_CONV = 7 * 1792 + 2 * (64 + 1536 * 64)
"""MACs of one token by itself outside the projections: the convolution's, then C.B and the reading of a state, both ways. Writing one token is an
outer product, which is no sum of products."""

SIZES = (
    PublishedSize("hydra", "parameters", "3,826,760", CODE, BLOCK, input="one layer with its norm, D = 768"),
    PublishedSize(
        "hydra",
        "macs",
        "3.81 M",
        CODE,
        {"task": "block", "length": 1},
        input="one layer, one token",
        convention="the projections and W_D alone, without the convolution and the scan",
        adjust=-SCAN_AND_CONV,
    ),
    PublishedSize("hydra", "parameters", "112 M", "section 4.2, from a summary of the paper", NETWORK, input="23 layers"),
    PublishedSize("hydra", "parameters", "112,086,712", CONFIG, NETWORK, input="23 layers, 30,528 words, no positions, tied head"),
    PublishedSize("softmax_sam", "parameters", "3,852,288", CODE, BLOCK, input="one layer with its norm, D = 768"),
    PublishedSize("softmax_sam", "parameters", "70.4 M", CONFIG, NETWORK, input="12 layers, 30,528 words, 128 positions"),
    PublishedSize("attention", "parameters", "110 M", "section 4.2, from a summary of the paper", NETWORK, input="BERT-base"),
)

PAPER = {"scale": "paper", "task": "mlm"}
RECALL, TEXT, DIGITS = ({"scale": "small", "task": task} for task in ("recall", "text", "digits"))
GLUE = "pre-trained on C4 at 128 tokens, then GLUE, NVIDIA GPUs"


def _joined(variant: str, how: str) -> Claim:
    return Claim(
        f"qs_vs_{variant}",
        "masked_loss",
        "hydra",
        variant,
        order=True,
        when=PAPER,
        source="section 4.1, ablation of bidirectional models; the direction is from memory",
        says=f"A quasiseparable matrix is a better way to look both ways than {how} two scans.",
        measured_on=GLUE,
        scaled=Scaled(ratio=1.0, when=TEXT, why="the same block, data and steps; only how the scans are joined differs"),
    )


def _aligned(kind: str, name: str) -> Claim:
    return Claim(
        f"sam_{kind}",
        "masked_accuracy",
        f"{kind}_sam",
        kind,
        order=True,
        when=PAPER,
        source="section 4.1, table of matrix classes; the direction is from memory",
        says=f"A sequence-aligned {name} matrix scores higher than one that does not look at the tokens.",
        measured_on=GLUE,
        scaled=Scaled(
            order=True, when=TEXT, why="the same block, data and steps, and masked tokens too; only the matrix follows the tokens or not"
        ),
    )


CLAIMS = (
    Claim(
        "glue",
        "masked_accuracy",
        "hydra",
        "attention",
        difference=0.8,
        when=PAPER,
        source="abstract",
        says="With as many parameters as BERT, Hydra scores 0.8 points more on GLUE: 84.3 against 83.5.",
        measured_on=GLUE,
        scaled=Scaled(
            difference=-0.5,
            when=TEXT,
            why="GLUE cannot be had offline; masked bytes of source text with equal parameters and steps, where half a point is noise",
        ),
    ),
    Claim(
        "imagenet",
        "top1",
        "hydra",
        "attention",
        difference=2.0,
        when={"scale": "paper"},
        source="abstract",
        says="In place of attention in a vision transformer, Hydra classifies 2% more of ImageNet correctly: 81.0% top-1.",
        measured_on="ImageNet-1K, ViT-B",
        scaled=Scaled(difference=0.0, when=DIGITS, why="digits as sequences of pixels, equal parameters and steps: at the least not lower"),
    ),
    _joined("add", "the sum of"),
    _joined("mult", "the product of"),
    _joined("concat", "both halves of"),
    _aligned("toeplitz", "Toeplitz"),
    _aligned("low_rank", "low-rank"),
    _aligned("cauchy", "Cauchy"),
    _aligned("vandermonde", "Vandermonde"),
    _aligned("softmax", "softmax-attention"),
    _aligned("quasiseparable", "quasiseparable"),
    Claim(
        "linear_time",
        "macs",
        "hydra",
        exponent=(0.99, 1.01),
        axis="length",
        when={"scale": "paper", "task": "block"},
        source="section 3, complexity",
        says="Hydra's work grows linearly with the number of tokens.",
        measured_on="any machine",
    ),
    Claim(
        "linear_latency",
        "latency",
        "hydra",
        exponent=1.1,
        axis="length",
        when={"scale": "paper", "task": "block"},
        source="section 3, complexity",
        says="So does its time.",
        measured_on="any machine",
        ours=True,
    ),
    Claim(
        "attention_growth",
        "macs",
        "attention",
        exponent=(1.03, 1.47),
        axis="length",
        when={"scale": "paper", "task": "block"},
        source="the local slope of 12 D^2 L + 2 D L^2, 1.03 at 128 tokens and 1.47 at 4,096; 2 in the limit, and in the products of attention alone",
        says="The work of BERT's layer grows faster than the number of tokens: its projections and MLP as L, its attention as L^2.",
        measured_on="derived",
        ours=True,
    ),
    Claim(
        "crossover",
        "latency",
        "hydra",
        "attention",
        ratio=12 / 23,
        when={"scale": "paper", "task": "block", "length": 4096, "device": "cpu"},
        source="section 3, complexity; 23 layers of Hydra hold as many parameters as BERT's 12",
        says="At 4,096 tokens a layer of Hydra takes at most 12/23 of the time of BERT's: its encoder is then no slower, and the two cross at fewer tokens.",
        measured_on="not measured by the authors",
        ours=True,
    ),
    Claim(
        "bidir_cost",
        "parameters",
        "hydra",
        "two_mamba",
        ratio=0.55,
        when={"scale": "paper", "task": "block"},
        source="the authors' code",
        says="Looking both ways costs about half of two blocks: projections and convolution are shared, only B, C and the step sizes are doubled.",
        measured_on="any machine",
        ours=True,
    ),
    Claim(
        "recall_both_ways",
        "recall",
        "hydra",
        value=95.0,
        when=RECALL,
        source="the method",
        says="Hydra finds nearly every pair, wherever it stands.",
        measured_on="any machine",
        ours=True,
    ),
    Claim(
        "causal_cap",
        "recall",
        "mamba",
        value=(0.0, 65.0),
        when=RECALL,
        source="the method",
        says="A scan in one direction cannot know a pair that is still to come: half of the queries, and chance for the rest, are 62.5%.",
        measured_on="any machine",
        ours=True,
    ),
)
