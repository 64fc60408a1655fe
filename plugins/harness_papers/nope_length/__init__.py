"""NoPE: a decoder that is told nothing of positions, against four ways of telling them, on inputs longer than those of training.

`decoder` holds T5's layers, `positions` the five schemes, `tasks` what is learnt, `judging` the qualities and pictures, `setting` the dimensions and
`claims` what is published.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness import Artifact, Budget, Data, Paper, Quality, Variant, Workload, hookimpl

from .claims import CLAIMS, SIZES


@hookimpl
def paper() -> Paper:
    return Paper(
        slug="nope_length",
        title="The Impact of Positional Encoding on Length Generalization in Transformers",
        arxiv="2305.19466",
        year=2023,
        family="language",
        task="answer questions about letters, more of them than in training: tokens (B, T) -> logits of each next token (B, T, V)",
        method=(
            "A decoder-only transformer is trained without any position encoding: the causal mask alone breaks the symmetry of its tokens. With the first "
            "token as an anchor a layer can recover absolute positions, and later layers relative ones."
        ),
        variants=[
            Variant("nope", "no position encoding", subject=True),
            Variant("ape", "sinusoids added to the embeddings"),
            Variant("t5", "T5's relative bias, learnt for buckets of distances"),
            Variant("alibi", "scores fall with the distance (ALiBi)"),
            Variant("rotary", "a quarter of each query and key is rotated (RoPE)"),
        ],
        workloads=[
            Workload("infer", "tokens", "one row of tokens"),
            Workload("train_step", "tokens", "a step of AdamW on one row of tokens"),
        ],
        sweep={"length": {"smoke": (32,), "small": (512,), "paper": (501, 1001, 2001)}},
        qualities={
            "in_length": "higher",
            "extrapolation": "higher",
            "copy_beyond": "higher",
            "reverse_beyond": "higher",
            "sort_beyond": "higher",
        },
        sizes=SIZES,
        claims=CLAIMS,
        deviations=[
            (
                "The decoders that are trained are 64 wide and have three layers; the authors' have T5-base's width of 768 and 12 layers. Each is trained from "
                "scratch for 2,200 steps of 32 examples at 1e-3, with a warm-up over 6% and then a straight line to zero; theirs for 40,000 of 64 at 3e-5."
            ),
            (
                "Three tasks are learnt, copy, reverse and sort, by one decoder that is told which is asked for. The authors train one for each of 10 tasks. "
                "Addition, sums, parity, polynomials, LEGO, SCAN and PCFG are left out: a decoder that learns them takes many times as long."
            ),
            "Training has at most 6 letters and tests at most 12, out of 20, where the authors go from 20 to 40 in copying.",
            "Tokens are letters; the authors' are T5's words. The first token of a row marks its beginning, as it does in some of the authors' data only.",
            (
                "Scratchpads are left out, and with them the claim that they help in addition alone and that their format matters: they lengthen examples "
                "several times over."
            ),
            (
                "That the attention of a trained decoder without positions is closest to T5's is not checked: it takes two trained models, and a quality here is "
                "of one."
            ),
            "Learnt absolute positions and Transformer-XL's, which the authors' code has too, are not built.",
            "The frozen cross-attention that the authors' layers carry along unused is left out, and nothing is dropped at random.",
            "The last weights are judged, not the best on a validation set.",
        ],
        readings=[
            "The paper's text could not be read: the method, ranks, times and memory are those of the authors' repository, its abstract the README's.",
            "No letter occurs twice in a row of letters, so that what was last said tells what comes next.",
            (
                "A rank needs all variants at once, and a quality is of one: mean accuracy beyond the length of training is compared in place of mean "
                "reciprocal ranks."
            ),
            "An answer counts if all of it is right, its end included, by greedy decoding. `extrapolation` is the mean over tasks and the lengths 7 to 12.",
            "The test examples are the same for every seed; weights, training examples and their order depend on it.",
            (
                "ALiBi's slopes for 12 heads are those of 8 and every other one of 16, as in the authors' code. Sinusoids fill one half of the dimensions with "
                "sines and the other with cosines, as there."
            ),
            (
                "What positions need is worked out once a call and shared by all layers. The authors' first rotary code did so in every layer; the times "
                "they kept are of a mended one."
            ),
            (
                "The memory that the authors kept is the peak of a step less what is still held after it, so without weights, gradients and the "
                'optimizer\'s state: one token has 282 MiB. Their "MB" are 2^20 bytes. Here it is the peak over what is held before.'
            ),
            "A timed step is AdamW's with clipped gradients, for every scheme; the authors time Adam without either, and with dropout.",
            (
                "Times of ALiBi and T5 in the authors' repository look like another machine's (59.0 and 60.8 ms on 501 tokens, against 72.0 without positions) "
                "and are not compared."
            ),
            (
                "By the authors' own results no positions lead in the mean rank over tasks, not in each: ALiBi and T5's bias are ahead in copying random "
                "words (two of five forms of copying) and T5's bias in one of three forms of reversing; no positions are level or ahead in the others."
            ),
        ],
        findings=[
            (
                "Recipe and lengths were set until the decoder without positions answered 98% at the lengths of training, which was slow to learn, as was "
                "T5's bias. It had 79% "
                "of up to 8 letters after 1,000 steps of 64 at 2e-3 without a warm-up, 95% of up to 6 after 2,200 steps of 32, 86% of up to 5 at 3e-3, and "
                "99% of up to 6 at 1e-3 with a warm-up. The last is used for all."
            ),
            (
                "With one seed the order beyond the lengths of training is the authors': no positions 0.33, T5 0.22, ALiBi 0.21, rotations 0.10, sinusoids 0.01. "
                "In-length accuracy is 0.99, 0.98, 1, 1 and 1; with another seed T5's is 0.97."
            ),
            (
                "With one letter more than in training, copying and reversing are right in 60% and 70% of cases without positions, 72% and 64% with ALiBi, "
                "34% and 22% with T5's bias, and at most 2% with rotations and sinusoids (one seed). With two more none has over 24%. Most of what is "
                "right beyond that is sorting."
            ),
        ],
        data="generated letters",
        code="https://github.com/McGill-NLP/length-generalization",
    )


@hookimpl
def model(variant: str, scale: str, params: Mapping[str, Any]) -> Any:
    from .decoder import build
    from .setting import CODE, SHAPES

    part = params.get("part", "")
    return build(variant, CODE if part == "code" else SHAPES[scale], part)


@hookimpl
def data(scale: str, split: str, params: Mapping[str, Any], seed: int) -> Data:
    import torch

    from . import tasks
    from .setting import SHAPES, STUDIES

    if split != "profile":
        return tasks.split(STUDIES[scale], split, seed)
    if params.get("part") in ("layer", "stack"):
        return Data((torch.randn(1, params["length"], SHAPES[scale].D),))
    return tasks.profile(params["length"], SHAPES[scale].V)


@hookimpl
def fit(model: Any, data: Data, scale: str, budget: Budget) -> Any:
    from .setting import STUDIES
    from .training import train

    return train(model, data, STUDIES[scale], budget)


@hookimpl
def metric(model: Any, data: Data, scale: str) -> Mapping[str, Quality]:
    from .judging import qualities
    from .setting import STUDIES

    return qualities(model, data, STUDIES[scale].longest)


@hookimpl
def artifacts(variant: str, model: Any, data: Data, scale: str) -> Mapping[str, Artifact]:
    from .judging import pictures
    from .setting import STUDIES

    return pictures(variant, model, data, STUDIES[scale].longest)
