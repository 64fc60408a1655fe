"""What the authors claim of rate and speed, and how it is checked on small images."""

from __future__ import annotations

from harness import Claim, Scaled

_SMALL = {"scale": "small"}
_CPU = {"scale": "small", "device": "cpu"}
_MNIST = {"scale": "paper"}
_TITAN = "one NVIDIA TITAN RTX, 10,000 MNIST test images"
_FIVE = "the smallest factor that the authors claim, on small images and networks and another device"


def _faster(workload: str, baseline: str, name: str) -> Claim:
    return Claim(
        f"{workload}_{baseline}",
        quantity="latency",
        subject="hclt",
        baseline=baseline,
        ratio=1 / 5,
        when={"device": "cuda", "scale": "paper"},
        workload=workload,
        source="abstract",
        says=f"The circuit {workload}s 5 to 40 times as fast as neural compressors of a similar rate; here against {name}.",
        measured_on=_TITAN,
        scaled=Scaled(ratio=1 / 5, when=_CPU, why=_FIVE),
    )


def _shorter(claim_id: str, subject: str, baseline: str, says: str) -> Claim:
    return Claim(
        claim_id,
        quantity="coded_bpd",
        subject=subject,
        baseline=baseline,
        order=True,
        when=_SMALL,
        source="what each model can express",
        says=says,
        measured_on="any machine",
        ours=True,
    )


CLAIMS = (
    Claim(
        "complexity",
        quantity="macs",
        subject="hclt",
        baseline="naive",
        order=True,
        when=_MNIST,
        workload="decode",
        source="abstract",
        says="An image is coded in O(log(D) |p|) steps, where a whole pass through the circuit for every pixel takes O(D |p|).",
        measured_on="theory",
        scaled=Scaled(
            ratio=1 / 5, when=_SMALL, why="D / log2(D) is 10.7 for 64 pixels; half of that allows for a tree that is not balanced"
        ),
    ),
    _faster("decode", "vae", "a small autoencoder with bits-back coding"),
    _faster("encode", "vae", "a small autoencoder with bits-back coding"),
    _faster("decode", "pixelcnn", "a small PixelCNN"),
    Claim(
        "sota_mnist",
        quantity="bpd",
        subject="hclt",
        baseline="vae",
        order=True,
        when=_MNIST,
        source="abstract; 1.20 against 1.27 of a hierarchical autoencoder, as the authors' library, ProbabilisticCircuits.jl, quotes their table",
        says="On MNIST circuits need fewer bits than neural compressors with latent variables.",
        measured_on="MNIST, 256 levels, up to 32 states",
        scaled=Scaled(
            order=True,
            quantity="coded_bpd",
            when=_SMALL,
            why="handwritten digits of 64 pixels; the bound of an autoencoder is what it can code to",
        ),
    ),
    Claim(
        "overhead",
        quantity="overhead_bpd",
        subject="hclt",
        value=0.04,
        when=_MNIST,
        source="a table of the paper, from memory",
        says="Streams are about 0.04 bits a dimension longer than the model's own probabilities.",
        measured_on="MNIST",
        scaled=Scaled(
            value=0.04, when=_SMALL, why="the gap comes from the coder's integers and from ends of streams, and not from the images"
        ),
    ),
    Claim(
        "states",
        quantity="bpd",
        subject="hclt",
        baseline="hclt_4",
        order=True,
        when=_MNIST,
        source="a table of the paper, from memory: 1.26, 1.22 and 1.20 bits with 16, 24 and 32 states",
        says="More latent states need fewer bits.",
        measured_on="MNIST",
        scaled=Scaled(order=True, when=_SMALL, why="16 states against 4 on smaller images"),
    ),
    _shorter("states_beat_one", "hclt_4", "factorised", "Four states need fewer bits than one, which is the product of the pixels alone."),
    _shorter(
        "hidden_beats_observed", "hclt", "clt", "Latent variables on the tree need fewer bits than the observed pixels on the same tree."
    ),
    _shorter("tree_beats_pixels", "clt", "factorised", "A tree of the pixels needs fewer bits than the pixels alone."),
    _shorter("model_beats_lzma", "factorised", "lzma", "Even the pixels alone need fewer bits than LZMA."),
    _shorter("lzma_beats_zlib", "lzma", "zlib", "LZMA needs fewer bits than zlib."),
    Claim(
        "lossless",
        quantity="wrong_pixels",
        subject="hclt",
        value=0.0,
        source="title",
        says="Every image comes back as it was.",
        measured_on="any machine",
    ),
)
