"""What the authors print of DRSformer, and what is said about how it is checked."""

from __future__ import annotations

from harness import Claim, PublishedSize, Scaled

from .setting import KEPT, PLANS

_TABLE = "table 1 of the README"
_CODE = "counted on the authors' code"
_PAPER = {"scale": "paper"}
_SMALL = {"scale": "small"}
_RAIN200 = "Rain200H and Rain200L, 300,000 steps on 4 GPUs"
_REDUCED = "networks of the same plan with 8 channels on photographs in drawn rain, all trained alike"

_PRODUCTS = 22_649_241_600
"""Multiply-accumulates of DRSformer's attention on 256x256 pixels: queries times keys, and four times scores times values."""
_DENSE_PRODUCTS = 13_891_534_848
"""Of Restormer's, with two products a layer and four layers more."""
_WITHOUT = "convolutions and linear layers alone, without the products of attention"

QUALITIES = {
    "psnr_heavy": "higher",
    "psnr_light": "higher",
    "gain_heavy": "higher",
    "gain_light": "higher",
    "ssim_heavy": "higher",
    "ssim_light": "higher",
    **{f"kept_{i}": "lower" for i in range(1, len(KEPT) + 1)},
}


def _size(variant: str, quantity: str, printed: str, source: str, **more: object) -> PublishedSize:
    return PublishedSize(variant, quantity, printed, source, input="256x256", **more)  # type: ignore[arg-type]


SIZES = [
    _size("drsformer", "parameters", "33,655,424", _CODE),
    _size("drsformer", "parameters", "33.7 M", "the paper's figure"),
    _size("drsformer", "macs", "220.33 G", _CODE, convention=_WITHOUT, adjust=-_PRODUCTS),
    _size("drsformer", "macs", "242.98 G", _CODE),
    _size(
        "drsformer",
        "macs",
        "242.9 G",
        "the paper's figure, printed as FLOPs",
        convention="multiply-accumulates",
        disputed="the count on the authors' code is 242.98 G, which seems to have been cut off after one decimal and not rounded",
    ),
    _size("no_mefc", "parameters", "32,610,304", _CODE),
    _size("no_mefc", "macs", "152.72 G", _CODE, convention=_WITHOUT, adjust=-_PRODUCTS),
    _size("no_mefc", "macs", "175.37 G", _CODE),
    _size("restormer", "parameters", "26.1 M", "recalled of the Restormer paper"),
    _size("restormer", "macs", "141 G", "recalled of the Restormer paper", convention=_WITHOUT, adjust=-_DENSE_PRODUCTS),
]


def _psnr(rain: str, name: str, ours: float, restormer: float, made: str = "") -> Claim:
    """Return the claim that DRSformer takes rain off better than Restormer, by the printed difference."""
    return Claim(
        f"psnr_{rain}",
        quantity=f"psnr_{rain}",
        subject="drsformer",
        baseline="restormer",
        difference=round(ours - restormer, 2),
        when=_PAPER,
        source=_TABLE,
        says=f"On {name} DRSformer{made} reaches {ours} dB and Restormer {restormer} dB.",
        measured_on=_RAIN200,
        scaled=Scaled(difference=0.0, when=_SMALL, why=f"{_REDUCED}: at least as good, for a printed gain of a fraction of a decibel"),
    )


def _kept(branch: int, over: int, under: int) -> Claim:
    """Return the claim that a branch keeps a share of the scores; k is rounded down, so that up to one score in a row is missing."""
    share = over / under
    published, reduced = PLANS["paper"].dim, PLANS["small"].dim
    return Claim(
        f"sparsity_{branch}",
        quantity=f"kept_{branch}",
        subject="drsformer",
        value=(share - 1 / published, share),
        when=_PAPER,
        source="the architecture in the authors' code",
        says=f"Branch {branch} keeps {over}/{under} of the scores of each row.",
        measured_on="any machine: it is counted",
        ours=True,
        scaled=Scaled(value=(share - 1 / reduced, share), when=_SMALL, why=f"rows of {reduced} scores, of which k is rounded down too"),
    )


CLAIMS = [
    _psnr("heavy", "Rain200H", 32.17, 32.00),
    _psnr("light", "Rain200L", 41.23, 40.99, ", trained there without its experts,"),
    Claim(
        "topk_helps",
        quantity="psnr_heavy",
        subject="drsformer",
        baseline="dense",
        order=True,
        when=_PAPER,
        source="abstract",
        says="Keeping only the largest scores of each query is better than keeping all.",
        measured_on=_RAIN200,
        scaled=Scaled(difference=-0.05, when=_SMALL, why=f"{_REDUCED}; only the mask differs, and a twentieth of a decibel is no loss"),
    ),
    Claim(
        "msfn_helps",
        quantity="psnr_heavy",
        subject="drsformer",
        baseline="gdfn",
        order=True,
        when=_PAPER,
        source="abstract",
        says="A feed-forward network of two scales is better than one that has a single scale.",
        measured_on=_RAIN200,
        scaled=Scaled(order=True, when=_SMALL, why=f"{_REDUCED}; only the feed-forward network differs"),
    ),
    Claim(
        "mefc_cost",
        quantity="macs",
        subject="drsformer",
        baseline="no_mefc",
        ratio=(1.38, 1.39),
        when=_PAPER,
        source=_CODE,
        says="The mixture of experts takes 39% more multiplications on 256x256 pixels: 242.98 G for 175.37 G.",
        measured_on="any machine: it is counted",
        ours=True,
    ),
    Claim(
        "mefc_parameters",
        quantity="parameters",
        subject="drsformer",
        baseline="no_mefc",
        ratio=(1.031, 1.033),
        when=_PAPER,
        source=_CODE,
        says="The mixture of experts has 3.2% of the other parameters.",
        measured_on="any machine: it is counted",
        ours=True,
    ),
    Claim(
        "tksa_cost",
        quantity="latency",
        subject="drsformer",
        baseline="dense",
        ratio=(1.1, 1.6),
        when={"scale": "paper", "part": "attention", "device": "cpu"},
        source="four softmaxes and four products with the values in the authors' code",
        says="A layer of the selecting attention is slower than one that keeps all scores, since the products stay dense: 1.1 to 1.6 times.",
        measured_on="not measured by the authors",
        ours=True,
        scaled=Scaled(
            ratio=(1.1, 1.6),
            when={"scale": "small", "part": "attention", "device": "cpu"},
            why="the same layer, of the published width, on a map of 64x64 pixels and not 256x256",
        ),
    ),
    *(_kept(branch, *share) for branch, share in enumerate(KEPT, 1)),
]

DEVIATIONS = [
    "The networks that are trained have 8 channels at full resolution in place of 48, and one block at each place in place of four to eight.",
    (
        "They are trained for 200 steps of four 24x24 patches, where the authors' are for 300,000 steps of patches of 128x128: AdamW at 2e-3 in place of 3e-4, "
        "and a cosine to zero from the first step, where theirs waits for 92,000 steps. L1 loss, weight decay 1e-4 and gradients cut to a norm of 0.01 are "
        "the authors'."
    ),
    "Patches are not flipped or turned: each is seen once.",
    (
        "Photographs in drawn rain stand in for Rain200H, Rain200L, DID-Data, DDN-Data and SPA-Data. One network is trained on heavy and light rain together, "
        "where the authors train one for each set, without the mixture of experts for Rain200L and SPA-Data."
    ),
    "Of the methods that the authors compare with only Restormer is built, the strongest of them; on Rain200H IDT is a tenth of a decibel better.",
    "Images are not rounded to 8 bits before they are judged.",
    "The four sets of k best scores are read off one sorted list; the authors sort four times. The four products with the values are the authors'.",
]

READINGS = [
    (
        "Table 1 of the README and the authors' code were read, not the body of the paper. Its tables of ablations could not be found: topk_helps and "
        "msfn_helps follow the abstract."
    ),
    (
        "Table 1 has DRSformer ahead of Restormer on all five sets: by 0.24 dB on Rain200L, 0.17 on Rain200H, 0.06 on DID-Data, 0.15 on DDN-Data and 0.56 on "
        "SPA-Data. The last three have no counterpart here. In SSIM Restormer is ahead on Rain200H, 0.9329 to 0.9326."
    ),
    (
        "Rain is drawn by our own rule: 60 to 200 streaks on 128x128 pixels, 8 to 25 pixels long and 1 or 2 wide, up to 25 degrees from the vertical, each of "
        "them 0.2 to 0.6 bright, blurred across by half a pixel. Light rain has one direction and half as many streaks. Heavy rain has two directions with the "
        "full number each, and behind half of it lies a veil."
    ),
    "`dense` keeps all scores in all four branches, which is one attention times the sum of four learned weights, and is worked out as that.",
    "`single_k` has one branch, which keeps half of the scores; its weight begins at 0.8, the sum of the four.",
    "`restormer` has its own four further blocks after the decoder (one in the small network), and so more of them than DRSformer.",
    "Network figures at 256x256 are of one image. `part` = `attention` is one attention layer of the published width, 48 channels and one head.",
    "The print of 220.3 G for 152.7 G would be 1.44 times; the 1.39 of the claim counts the products of attention too.",
    "PSNR and SSIM are of luma, 16 to 235 of 255. `gain` is PSNR over that of the rainy image.",
]

FINDINGS = [
    (
        "In 200 steps every network gains 4 to 8 dB, and DRSformer the least in heavy rain: it reaches 21.4 and 21.9 dB over two seeds, Restormer 22.3 "
        "and 22.3, DRSformer with dense attention 22.6 and 22.8; in light rain 28.2 and 26.8, 27.9 and 27.6, 28.5 and 27.6."
    ),
    (
        "The selection of scores is not what costs it. Without the mixture of experts a network that selects and one that keeps all are equal in heavy rain, 22.6 "
        "and 22.6 dB after 200 steps and 23.5 and 23.5 after 400, and in light rain selecting is ahead, by 0.3 and 0.45 dB (one seed). These are also ahead of "
        "Restormer. What is lost is lost with the experts, for which 200 steps are probably too few; more would take longer than a reduced experiment may."
    ),
    (
        "The mixture of experts makes a step of training two to three times as long: a fit takes 33 s of one core with it, 13 s without, and 8 s for Restormer. "
        "Training on a CPU spends its time on the gradients of depth-wise filters."
    ),
    (
        "The four products of scores and values could be one, of the weighted sum of the four softmaxes: the same result for 13.6 G fewer of the 243 G "
        "multiplications on 256x256 pixels."
    ),
]
