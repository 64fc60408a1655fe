"""What the authors print of Faster Diffusion, and what is said about how it is checked."""

from __future__ import annotations

from harness import Claim, PublishedSize, Scaled

_RTX_3090 = "NVIDIA RTX 3090, half precision"
_SD = {"scale": "paper", "device": "cuda", "dtype": "float16", "rule": "50ls", "control": "none"}
_SMALL = {"scale": "small", "rule": "50ls", "control": "none"}
_SMALL_NET = "a U-Net of the same plan on 8x8 digits, trained in a minute or two"

QUALITIES = {
    "frechet": "lower",
    "class_accuracy": "higher",
    "psnr_to_full": "higher",
    "texture_gap": "lower",
    "change_ratio": "higher",
    "encoder_calls": "lower",
    "decoder_calls": "lower",
}

SIZES = [
    PublishedSize(
        "full",
        "parameters",
        "859,520,964",
        "count of the public Stable Diffusion 1.5 checkpoint",
        {"rule": "once"},
        input="4x64x64, text 77x768",
    ),
]

CLAIMS = [
    Claim(
        "sd",
        quantity="latency",
        subject="faster_parallel",
        baseline="full",
        ratio=0.59,
        when=_SD,
        workload="sample",
        source="abstract; README prints 2.524 s and 1.476 s",
        says="Sampling from Stable Diffusion in 50 DDIM steps takes 41% less time.",
        measured_on=_RTX_3090,
        scaled=Scaled(
            ratio=0.75,
            subject="faster_serial",
            when={**_SMALL, "device": "cpu"},
            why=f"{_SMALL_NET}, one step at a time: on a CPU a batch saves little, so propagation must do it alone",
        ),
    ),
    Claim(
        "sd_macs",
        quantity="macs",
        subject="faster_parallel",
        baseline="full",
        ratio=0.59,
        when={"scale": "paper", "rule": "50ls", "control": "none"},
        workload="sample",
        source="41% of the abstract, read as work",
        says="If the 41% were work saved, encoder and middle block would hold half of the multiplications: 1 - 0.5 (1 - 9/50) is 0.59.",
        measured_on="any machine: it is counted",
        ours=True,
    ),
    Claim(
        "if",
        quantity="latency",
        subject="faster_parallel",
        baseline="full",
        ratio=0.76,
        when={**_SD, "rule": "100ls"},
        workload="sample",
        source="abstract",
        says="Sampling from DeepFloyd-IF takes 24% less time; 100 steps have 40 key steps.",
        measured_on=_RTX_3090,
        scaled=Scaled(
            ratio=0.76,
            quantity="macs",
            when={"scale": "small", "rule": "100ls", "control": "none"},
            why="the rule of 100 steps in multiplications, which are the same on every machine, on a network of another plan than DeepFloyd's",
        ),
    ),
    Claim(
        "controlnet",
        quantity="latency",
        subject="faster_parallel",
        baseline="full",
        ratio=1.526 / 3.264,
        when={**_SD, "control": "branch"},
        workload="sample",
        source="README prints 3.264 s and 1.526 s",
        says="With a control branch, a second encoder that is skipped as well, the saving is larger: 2.14 times as fast.",
        measured_on=_RTX_3090,
        scaled=Scaled(
            ratio=0.703,
            quantity="macs",
            when={"scale": "small", "rule": "50ls", "control": "branch"},
            why="multiplications, which are the same on every machine; without the branch the same small network has a ratio of 0.703",
        ),
    ),
    Claim(
        "quality",
        quantity="frechet",
        subject="faster_parallel",
        baseline="full",
        ratio=1.15,
        when={"scale": "paper", "rule": "50ls", "control": "none"},
        source="abstract, where quality is maintained",
        says="Samples are as good as the full network's; 15% of Fréchet distance is what counts as that.",
        measured_on="MS-COCO, FID and CLIP score",
        ours=True,
        scaled=Scaled(ratio=1.15, when=_SMALL, why=f"{_SMALL_NET}; distance in 20 principal components of digits"),
    ),
    Claim(
        "encoder_gentle",
        quantity="change_ratio",
        subject="full",
        value=1.0,
        when={"scale": "paper", "rule": "50ls", "control": "none"},
        source="abstract",
        says="From step to step the decoder's features change more than the encoder's.",
        measured_on="Stable Diffusion",
        scaled=Scaled(value=1.0, when=_SMALL, why=f"{_SMALL_NET}; last maps of both halves, relative change averaged over steps"),
    ),
    Claim(
        "noise",
        quantity="texture_gap",
        subject="faster_parallel",
        baseline="no_injection",
        order=True,
        when={"scale": "paper", "rule": "50ls", "control": "none"},
        source="abstract",
        says="Injecting initial noise brings back texture that propagation loses.",
        measured_on="Stable Diffusion, judged by eye",
        scaled=Scaled(order=True, when=_SMALL, why=f"{_SMALL_NET}; Laplacian energy of samples against the full network's"),
    ),
]

DEVIATIONS = [
    "At `paper` scale only the noise predictor is built, with random weights: text encoder and image decoder, which the authors time with it, are not.",
    (
        "The small network has 16 channels where Stable Diffusion has 320, one block a level for two, and two levels for four. It samples digits of "
        "8x8 pixels, is conditioned on their class as a one-hot token, and is trained for 1,200 steps."
    ),
    "Guidance is 2 on digits and 7.5 at `paper` scale; no guidance is away from a condition of zeros, not from the text of an empty prompt.",
    "Noise falls along a linear schedule everywhere, where Stable Diffusion has the square of one.",
    "The control branch takes its hint at the resolution of x_t, through one convolution; ControlNet brings it down from pixels through eight.",
    "DeepFloyd-IF, text to video and personalized generation are not built: of DeepFloyd-IF there is its rule of key steps.",
]

READINGS = [
    "The abstract, the README and the authors' code were read, not the body of the paper. Thresholds of quality are ours.",
    (
        "Noise is injected before each late step, and so before the encoder runs: in the authors' serial pipeline it is, in their parallel one the "
        "encoder sees x_t before the injection. The two would differ by that."
    ),
    "The middle block is on the encoder's side: its output is kept with the skips.",
    "The 29 steps of plain DDIM are 59% of 50, rounded down: what the claimed saving of time would pay for.",
    "texture_gap is the difference of mean Laplacian energy from the full network's samples of the same noise, as a share of it.",
    "change_ratio is the decoder's mean relative change over the encoder's, with the last maps before the middle block and before the last norm.",
    "class_accuracy holds the five nearest training digits against the class that was asked for.",
]

FINDINGS: list[str] = []
