"""The models that the authors released: their dimensions, and what is published of each. Imports no torch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Shape:
    """Channels and blocks of the four stages."""

    dims: tuple[int, int, int, int]
    depths: tuple[int, int, int, int]


_SMALL, _MEDIUM = (64, 128, 320, 512), (96, 192, 384, 768)
_BASIC = {
    "s12": Shape(_SMALL, (2, 2, 6, 2)),
    "s24": Shape(_SMALL, (4, 4, 12, 4)),
    "s36": Shape(_SMALL, (6, 6, 18, 6)),
    "m36": Shape(_MEDIUM, (6, 6, 18, 6)),
    "m48": Shape(_MEDIUM, (8, 8, 24, 8)),
}
_COMMON = {
    "s18": Shape(_SMALL, (3, 3, 9, 3)),
    "s36": Shape(_SMALL, (3, 12, 18, 3)),
    "m36": Shape((96, 192, 384, 576), (3, 12, 18, 3)),
    "b36": Shape((128, 256, 512, 768), (3, 12, 18, 3)),
}
CONFIGS = {f"{family}_{size}": shape for family in ("identityformer", "randformer", "poolformerv2") for size, shape in _BASIC.items()} | {
    f"{family}_{size}": shape for family in ("convformer", "caformer") for size, shape in _COMMON.items()
}
"""Every released model by its authors' name."""

S18 = _COMMON["s18"]
"""The smallest size of the paper's best model: all variants have its depth and width where no configuration is named."""
CONVNEXT_T = Shape((96, 192, 384, 768), (3, 3, 9, 3))
REDUCED = Shape((32, 64, 96, 128), (1, 1, 2, 1))
"""The reduced experiment."""
REDUCED_CONVNEXT = Shape((42, 84, 126, 168), (1, 1, 2, 1))
"""ConvNeXt's blocks are cheaper than ConvFormer's: with 42 channels to 32 both need as many multiplications."""

FROZEN = {"s12": 235_298, "s24": 470_596, "s36": 705_894, "m36": 705_894, "m48": 941_192}
"""Entries of RandFormer's frozen matrices: 196² for each block of stage 3, 49² for each of stage 4."""


@dataclass(frozen=True)
class Released:
    """What is published of one model.

    Attributes:
        config: Its name.
        parameters: All of them, frozen ones included, counted by building the released code.
        printed: Parameters as the README prints them, the frozen ones not counted.
        macs: As the README prints them, for 224x224 and, where there is such a model, for 384x384.
        fine: Multiplications at 224x224 with more digits, counted on the released code; empty where they were not looked at.
    """

    config: str
    parameters: int
    printed: str
    macs: tuple[str, ...]
    fine: str = ""


RELEASED = (
    Released("identityformer_s12", 11_891_712, "11.9 M", ("1.8 G",), "1.812 G"),
    Released("identityformer_s24", 21_341_464, "21.3 M", ("3.4 G",)),
    Released("identityformer_s36", 30_791_216, "30.8 M", ("5.0 G",)),
    Released("identityformer_m36", 56_077_168, "56.1 M", ("8.8 G",)),
    Released("identityformer_m48", 73_346_056, "73.3 M", ("11.5 G",), "11.533 G"),
    Released("randformer_s12", 12_127_010, "11.9 M", ("1.9 G",), "1.888 G"),
    Released("randformer_s24", 21_812_060, "21.3 M", ("3.5 G",)),
    Released("randformer_s36", 31_497_110, "30.8 M", ("5.2 G",)),
    Released("randformer_m36", 56_783_062, "56.1 M", ("9.0 G",)),
    Released("randformer_m48", 74_287_248, "73.3 M", ("11.9 G",), "11.902 G"),
    Released("poolformerv2_s12", 11_891_712, "11.9 M", ("1.8 G",), "1.812 G"),
    Released("poolformerv2_s24", 21_341_464, "21.3 M", ("3.4 G",)),
    Released("poolformerv2_s36", 30_791_216, "30.8 M", ("5.0 G",)),
    Released("poolformerv2_m36", 56_077_168, "56.1 M", ("8.8 G",)),
    Released("poolformerv2_m48", 73_346_056, "73.3 M", ("11.5 G",)),
    Released("convformer_s18", 26_774_448, "27 M", ("3.9 G", "11.6 G"), "3.941 G"),
    Released("convformer_s36", 40_012_152, "40 M", ("7.6 G", "22.4 G")),
    Released("convformer_m36", 57_051_640, "57 M", ("12.8 G", "37.7 G")),
    Released("convformer_b36", 99_882_616, "100 M", ("22.6 G", "66.5 G"), "22.629 G"),
    Released("caformer_s18", 26_341_656, "26 M", ("4.1 G", "13.4 G"), "4.107 G"),
    Released("caformer_s36", 39_297_102, "39 M", ("8.0 G", "26.0 G")),
    Released("caformer_m36", 56_204_878, "56 M", ("13.2 G", "42.0 G")),
    Released("caformer_b36", 98_753_614, "99 M", ("23.2 G", "72.2 G"), "23.160 G"),
)
