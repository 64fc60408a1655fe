"""What the authors print or what their configuration gives: sizes and claims, each with where it stands."""

from __future__ import annotations

from harness import Claim, PublishedSize, Scaled

CONFIG = "counted from the authors' streaming FastConformer-L configuration"

BESIDE_LINEARS = 399 * 512**2 + 200 * 399 * 512 + 2 * 200**2 * 512 + 200 * 9 * 512
"""MACs of a layer on 200 tokens (16 s of audio) outside its linear maps of them: 399 relative positions projected, queries times these, attention's two
products, and nine taps of the convolution."""


def _part(part: str, printed: str, what: str, source: str = CONFIG) -> PublishedSize:
    return PublishedSize("cache", "parameters", printed, source, {"part": part}, workload="infer", input=what)


SIZES = (
    _part("layer", "6,312,448", "one of 17 layers"),
    PublishedSize(
        "cache",
        "macs",
        "1,205,862,400",
        f"{CONFIG}: 4 D 4D + 4 D^2 + 3 D^2 = 6.03 M a token",
        {"part": "layer"},
        workload="infer",
        input="one of 17 layers, 200 tokens",
        convention="linear maps of the tokens alone, without relative positions, the products of attention and the depthwise convolution",
        adjust=-BESIDE_LINEARS,
    ),
    _part("layers", "107.3 M", "17 layers"),
    _part("subsampling", "1.6 M", "three convolutions of 256 channels and a projection"),
    _part("hybrid", "115 M", "encoder, CTC and transducer decoders, 1,024 word pieces", "header of the authors' configuration: about 115M"),
)

LIBRISPEECH = "LibriSpeech and a multi-domain set, FastConformer-L"
PAPER, SMALL = {"scale": "paper", "right": 13}, {"scale": "small", "right": 7}


def _multi(name: str, look_ahead: str, right: int, right_small: int) -> Claim:
    return Claim(
        name,
        "letter_error",
        "multi",
        "cache",
        difference=0.0,
        when={"scale": "paper", "right": right},
        source="abstract",
        says=f"One model trained with several look-aheads does as well as a model trained for one alone: here for {look_ahead}.",
        measured_on=LIBRISPEECH,
        scaled=Scaled(difference=1.0, when={"scale": "small", "right": right_small}, why="a short training leaves a point of noise"),
    )


CLAIMS = (
    Claim(
        "exact",
        "stream_difference",
        "cache",
        value=1e-4,
        when=PAPER,
        source="abstract",
        says="A stream with caches gives what the same model gives for the whole utterance under its mask.",
        measured_on=LIBRISPEECH,
        scaled=Scaled(value=1e-4, when=SMALL, why="an identity holds at any size; 1e-4 leaves room for the order of float32 sums"),
    ),
    Claim(
        "v_buffered",
        "letter_error",
        "cache",
        "buffered",
        order=True,
        when=PAPER,
        source="abstract",
        says="At the same latency fewer words are wrong than when a full-context model is run on a buffer.",
        measured_on=LIBRISPEECH,
        scaled=Scaled(
            difference=0.0, when=SMALL, why="a made-up language at 280 ms of look-ahead; both see the same audio when they must answer"
        ),
    ),
    Claim(
        "v_mismatch",
        "letter_error",
        "cache",
        "mismatch",
        order=True,
        when=PAPER,
        source="abstract",
        says="A model must be trained with the context that it will have on a stream.",
        measured_on=LIBRISPEECH,
        scaled=Scaled(order=True, when=SMALL, why="the same network and data; only the mask of training differs"),
    ),
    Claim(
        "compute",
        "macs",
        "cache",
        "buffered",
        ratio=14 / 50,
        when=PAPER,
        workload="stream_chunk",
        source="abstract; the ratio is that of tokens in a chunk and in a buffer of 4 s",
        says="Nothing is computed twice: a chunk of 1.1 s costs what it holds, not what a buffer of 4 s holds.",
        measured_on="the method",
        ours=True,
    ),
    Claim(
        "compute_time",
        "latency",
        "cache",
        "buffered",
        ratio=1 / 2,
        when={**PAPER, "device": "cpu"},
        workload="stream_chunk",
        source="abstract",
        says="A chunk takes at most half of the time of a buffer.",
        measured_on="the method",
        ours=True,
    ),
    _multi("multi", "the longest of them", 13, 7),
    _multi("multi_causal", "none", 0, 0),
    Claim(
        "chunk_v_regular",
        "unsettled",
        "cache",
        value=0.0,
        when=PAPER,
        source="the authors' documentation",
        says="With chunk-aware look-ahead no token has to be encoded again; regular look-ahead repeats R of them in every layer.",
        measured_on="the method",
        scaled=Scaled(value=0.0, when=SMALL, why="an identity of the mask"),
    ),
    Claim(
        "fast_sub",
        "latency",
        "cache",
        "conformer",
        ratio=1 / 2.4,
        when={**PAPER, "device": "cuda"},
        source="the authors' documentation: about 2.4 times as fast",
        says="Subsampling by 8 with depthwise convolutions makes the encoder about 2.4 times as fast as Conformer's by 4.",
        measured_on="the authors' GPUs",
        scaled=Scaled(
            ratio=(1 / 2.9, 1 / 2.0),
            quantity="macs",
            when=PAPER,
            why="multiplications are the same on every machine, and time follows them roughly: a half to a 2.9th of Conformer's is asked for, our range",
        ),
    ),
)
