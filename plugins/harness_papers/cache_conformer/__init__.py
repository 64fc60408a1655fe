"""Cache-aware streaming Conformer: chunks are recognised as they come, with what earlier chunks computed kept in caches.

`encoder` holds FastConformer, its masks and its streaming; `recogniser` the variants; `speech` the made-up language; `judge` the loss, the qualities
and pictures; `setting` the dimensions; `published` sizes and claims.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness import Artifact, Data, Paper, Quality, Recipe, Variant, Work, Workload, hookimpl

from .published import CLAIMS, SIZES
from .setting import SETTINGS

COUNTS = {"smoke": (16, 8), "small": (1600, 300)}
"""Utterances of train and test."""
EPOCHS = {"smoke": 1, "small": 8}


@hookimpl
def paper() -> Paper:
    return Paper(
        slug="cache_conformer",
        title="Stateful Conformer with Cache-based Inference for Streaming Automatic Speech Recognition",
        arxiv="2312.17279",
        year=2023,
        family="speech-audio",
        task="recognise speech while it is spoken, log-mel features (B, frames, mels) -> log-probabilities (B, tokens, symbols)",
        method="Convolutions are causal, and attention is masked so that a token sees its own chunk and a fixed number of chunks before it. A stream then "
        "needs only the last inputs of each attention and convolution, and gives exactly what the masked model gives for the whole utterance.",
        variants=[
            Variant("cache", "chunk-aware look-ahead, streamed with caches", subject=True),
            Variant("buffered", "full-context model run on a buffer for every chunk", shares_fit="offline"),
            Variant("mismatch", "full-context model streamed with caches it was not trained for", shares_fit="offline"),
            Variant("offline", "full-context model that waits for the end"),
            Variant("multi", "one chunk-aware model trained with every look-ahead"),
            Variant("regular", "regular look-ahead in each layer, as much in all"),
            Variant("conformer", "chunk-aware Conformer: half the subsampling, full convolutions, 31 taps"),
        ],
        workloads=[
            Workload(
                "stream_chunk",
                "frames",
                "the next chunk of one stream, state carried over; regular and buffered models repeat what they must",
            ),
            Workload("infer", "frames", "whole utterances under the mask"),
        ],
        sweep={"right": {"smoke": (3,), "small": (7, 0), "paper": (13, 6, 1, 0)}},
        qualities={"letter_error": "lower", "stream_difference": "lower", "unsettled": "lower", "cache_bytes": "lower"},
        sizes=SIZES,
        claims=CLAIMS,
        deviations=[
            "A made-up language of twelve letters stands in for LibriSpeech; utterances last 1.9 s.",
            "The encoder that is trained is 64 wide with two layers, 40 mels and subsampling by 4: a token is 40 ms, and L is 32 tokens.",
            "AdamW with a cosine schedule, eight epochs, no SpecAugment and no dropout; the authors use Noam's schedule, SpecAugment and dropout of 0.1.",
            "The decoder is CTC alone; the hybrid model is built for its size, and its claim (a better, sooner CTC branch) is not checked.",
            "Subsampling is padded by one frame on the left instead of two and none on the right, so that every chunk, the first too, gives as many tokens.",
            "The full-context model has the same causal convolutions and LayerNorm, so that only the masks differ.",
            "Conformer differs from FastConformer in subsampling and kernel alone; two of its tokens side by side make one answer, so that all answer at one pace.",
        ],
        readings=[
            "The paper's text could not be read: the method and sizes are those of the authors' code and configurations.",
            "L is cut to a multiple of the chunk: 70 is one for all of the authors' settings.",
            "Caches have their full size from the start, and a count of valid tokens masks what is not of this stream.",
            (
                "The buffer ends where the chunk ends, so that both answer at the same time: audio behind the chunk would have to be waited for. It holds 50 "
                "tokens (4 s), in small runs 32 (1.3 s)."
            ),
            "`regular` has R / layers tokens ahead in each layer, rounded up, and so sees no less in all.",
            "The stream_chunk of `regular` encodes a chunk and as many tokens as it must repeat, from the same state each time.",
            "`offline` cannot stream: its stream_chunk encodes the whole utterance for the last chunk of it.",
            (
                "Letter errors of `regular` are those of the whole utterance under its mask, which a stream that repeats enough tokens would have; those of "
                "`offline` are what waiting for the end is worth."
            ),
            "Regular look-ahead could be streamed without repeating a token, each layer some tokens behind the one below; the authors repeat, and so it is here.",
            "`unsettled` counts tokens of half an utterance that the other half still changes.",
            "The average algorithmic latency is half of the look-ahead; time for computing is the latency of stream_chunk.",
            (
                "`multi` is trained with look-aheads of 7, 3, 1 and 0 tokens and checked at both ends, 7 and 0, each against a model trained for that one alone. "
                "At 3 and 1, and in the mean of the four, it is not checked: that would be two more models to train."
            ),
        ],
        findings=[
            (
                "A chunk of 14 tokens costs 0.44 of the multiplications of a buffer of 50, not 0.28: keys and values of the 70 cached inputs are projected "
                "again for every chunk. Caching projected keys and values, which is the same function, would save that."
            ),
            (
                "In time, at published size with a look-ahead of 13, a chunk takes 0.60 and 0.62 of what a buffer takes, in two runs of 20 processes of two "
                "threads (0.59 to 0.64): the direction of `compute_time`, not its half."
            ),
            (
                "At published size and 16 s of audio Conformer takes 2.92 times the multiplications of FastConformer, a little more than the check of `fast_sub` "
                "asks for: its mask is laid over all pairs of tokens, of which it has twice as many, and its first convolutions are full."
            ),
            (
                "Training was four epochs at first, too few for some seeds: with seed 2 the full-context model had 24% of the letters wrong and the one trained "
                "with every look-ahead 21%, against 5% of the subject. It was doubled for all variants, so that no baseline is judged before it has learnt. "
                "After four, with the two seeds where all had learnt, caches had 2.0% and 1.7% wrong, the buffer 5.1% and 2.3%, the mismatched mask 5.1% and "
                "2.3%; after eight, with seed 2, full context 2.2%, caches 1.3%, the buffer 11.3%: the order is the same, its size depends on training."
            ),
            (
                "After four epochs regular look-ahead had fewer letters wrong than chunks (0.9%, 0.6% and 2.8% against 2.0%, 1.7% and 4.9% in three seeds): every "
                "token sees eight ahead, where in a chunk of eight it sees three and a half on average. What regular look-ahead costs is repeated work."
            ),
            (
                "After four epochs the model trained with every look-ahead has 2.9% wrong at the longest against 2.0% of the one trained for it, and 3.7% "
                "against 3.5% without look-ahead (seed 0); with seed 1 it is the better one, 1.4% against 1.7%; seed 2 had not learnt."
            ),
        ],
        data="sounds, words and utterances drawn by the plugin",
        code="https://github.com/NVIDIA/NeMo",
    )


@hookimpl
def model(variant: str, scale: str, params: Mapping[str, Any], fitted: Any) -> Any:
    from .recogniser import build

    return build(variant, scale, params, fitted)


@hookimpl
def data(scale: str, split: str, params: Mapping[str, Any], seed: int) -> Data:
    from .judge import ctc_loss
    from .recogniser import part_inputs
    from .speech import corpus

    setting = SETTINGS[scale]
    if split == "profile" or scale == "paper":
        return Data(part_inputs(params.get("part", ""), setting), items=setting.batch * setting.frames)
    recipe = Recipe(ctc_loss, EPOCHS[scale], 32, lr=2e-3, weight_decay=1e-3, clip=1.0)
    features, texts = corpus(split, COUNTS[scale][split == "test"], setting.frames, setting.mels, seed)
    return Data((features,), texts, recipe=recipe)


@hookimpl
def workload(name: str, model: Any, data: Data, params: Mapping[str, Any]) -> Work | None:
    if name != "stream_chunk":
        return None
    from .recogniser import chunk_work

    return chunk_work(model, data.inputs[0][:1], params["right"])


@hookimpl
def metric(model: Any, data: Data) -> Mapping[str, Quality]:
    from .judge import qualities

    return qualities(model, data)


@hookimpl
def artifacts(model: Any, data: Data) -> Mapping[str, Artifact]:
    from .judge import pictures

    return pictures(model, data)
