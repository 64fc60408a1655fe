"""Every variant from the same images: how large it is at each scale, and how it is trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from torch import Tensor

from harness import Budget

from .circuit import HiddenChowLiuTree, Schedule, learn
from .coding import CircuitCodec, FullSession, OnceSession, PathSession
from .images import digits, enlarged
from .neural import BitsBackVAE, PixelCNN, train
from .tables import COMPRESSORS, FORMATS, FileCodec, ObservedTree
from .tree import Tree, chow_liu, random_grid


@dataclass(frozen=True)
class Setting:
    """One scale.

    Attributes:
        side: Of the images, in pixels.
        V: Grey levels.
        M: Latent states of `hclt`.
        train: Training images.
        test: Test images.
        calls: Images in a timed call.
        em: Epochs of EM.
        epochs: Of the neural baselines.
    """

    side: int
    V: int
    M: int
    train: int
    test: int
    calls: int
    em: Schedule
    epochs: int


SETTINGS = {
    "smoke": Setting(6, 17, 4, 300, 40, 8, Schedule(2, 3), 2),
    "small": Setting(8, 17, 16, 1400, 397, 64, Schedule(10, 50), 40),
    "paper": Setting(28, 256, 16, 1400, 397, 64, Schedule(10, 50), 40),
}

SCHEMES = {"naive": FullSession, "once": OnceSession}
STATES = {"hclt_4": 4, "hclt_8": 8}


def images(scale: str, split: str) -> Tensor:
    """Return a split, (N, D) int64."""
    setting = SETTINGS[scale]
    whole = enlarged(setting.side, setting.V) if scale == "paper" else digits(setting.side)
    return whole["train"][: setting.train] if split == "train" else whole["test"][: setting.test]


@cache
def structure(scale: str) -> Tree:
    """Return the tree: learned from the training images, and at paper scale, where nothing is trained, a random one over the grid."""
    setting = SETTINGS[scale]
    return random_grid(setting.side) if scale == "paper" else chow_liu(images(scale, "train").numpy(), setting.V)


def build(variant: str, scale: str, params: Mapping[str, Any], fitted: Any) -> Any:
    """Return a variant untrained; from a trained circuit where one is given."""
    setting = SETTINGS[scale]
    if variant in COMPRESSORS or variant in FORMATS:
        return FileCodec(variant, setting.side)
    if variant == "pixelcnn":
        return PixelCNN(setting.side, setting.V)
    if variant == "vae":
        return BitsBackVAE(setting.side**2, setting.V)
    tree = structure(scale)
    if variant in ("clt", "factorised"):
        return ObservedTree(tree, setting.V, independent=variant == "factorised")
    states = STATES.get(variant, params.get("states", setting.M))
    circuit = fitted.circuit if fitted is not None else HiddenChowLiuTree(tree, setting.V, states)
    return CircuitCodec(circuit, SCHEMES.get(variant, PathSession))


def fitted(model: Any, x: Tensor, scale: str, budget: Budget, seed: int) -> Any:
    """Train a variant on images (N, D) and return it."""
    setting = SETTINGS[scale]
    if isinstance(model, ObservedTree):
        model.count(x)
    elif isinstance(model, CircuitCodec):
        learn(model.circuit, x, setting.em, budget, seed)
    elif isinstance(model, PixelCNN | BitsBackVAE):
        train(model, x, setting.epochs, budget, seed)
    return model
