"""MetaFormer: one block whose token mixer can be exchanged, in four stages; ConvNeXt and a linear classifier beside it. Images in, logits out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import nn
from torch.nn import functional as F

from .activation import SquaredReLU, StarReLU
from .family import CONFIGS, CONVNEXT_T, REDUCED, REDUCED_CONVNEXT, S18, Shape
from .mixers import Attention, Pooling, RandomMixing, SepConv

EPS = 1e-6
"""Of every norm but the one inside the MLP head."""


@dataclass(frozen=True)
class Plan:
    """Dimensions of a network.

    Attributes:
        shape: Channels and blocks of the stages.
        size: Height and width of the images.
        channels: Of the images.
        classes: How many there are.
        stride: Of the stem; each later stage halves the grid again.
        drop_path: Stochastic depth of the last block; it grows linearly from 0 at the first.
        layer_scale: With what ConvNeXt's branches start.
    """

    shape: Shape
    size: int
    channels: int
    classes: int
    stride: int
    drop_path: float
    layer_scale: float

    @property
    def grids(self) -> list[int]:
        """Tokens a side in each stage."""
        return [self.size // self.stride // 2**i for i in range(4)]

    def stages(self) -> Iterator[tuple[int, int, int, list[float]]]:
        """Yield for each stage: the channels before it, its own, tokens a side, and the drop-path rate of each block."""
        dims, depths = self.shape.dims, self.shape.depths
        rates = torch.linspace(0, self.drop_path, sum(depths), device="cpu").tolist()
        for i, depth in enumerate(depths):
            first = sum(depths[:i])
            yield (self.channels, *dims)[i], dims[i], self.grids[i], rates[first : first + depth]


@dataclass(frozen=True)
class Kind:
    """What a member of the family is made of.

    Attributes:
        mixers: Of each stage, built from channels and number of tokens.
        norm: Before each mixer and MLP, built from channels.
        head: From the norm's (B, C) to logits, built from channels and classes.
        activation: In MLPs and mixers.
        bias: Whether MLPs have biases.
        residual_scale: Whether stages 3 and 4 scale their residual connections.
    """

    mixers: tuple[Callable[[int, int], nn.Module], ...]
    norm: Callable[[int], nn.Module]
    head: Callable[[int, int], nn.Module]
    activation: Callable[[], nn.Module] = StarReLU
    bias: bool = False
    residual_scale: bool = True


class ModifiedLayerNorm(nn.Module):
    """Mean and variance over all tokens and channels of an image together, a learned weight for each channel."""

    def __init__(self, C: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(C))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, H, W, C) -> (B, H, W, C)."""
        return F.layer_norm(x, x.shape[1:], eps=EPS) * self.weight


class Downsampling(nn.Module):
    """A convolution between stages, (B, H, W, C) -> (B, H / 2, W / 2, C'), after a norm of each token; the stem has its norm behind it."""

    def __init__(self, before: int, C: int, stride: int, stem: bool) -> None:
        super().__init__()
        # The authors pad their stem of stride 4 by 2; for one of stride 2 it must be 3 for the grid to halve.
        kernel, padding = (7, 2 if stride == 4 else 3) if stem else (3, 1)
        self.norm = nn.LayerNorm(C if stem else before, EPS, bias=False)
        self.conv = nn.Conv2d(before, C, kernel, stride, padding)
        self.stem = stem

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, channels, size, size) -> (B, H, W, C) for the stem."""
        if self.stem:
            return self.norm(self.conv(x).movedim(1, -1))
        return self.conv(self.norm(x).movedim(-1, 1)).movedim(1, -1)


class DropPath(nn.Module):
    """Stochastic depth: in training, drops a branch for an image with probability `rate`."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, y: torch.Tensor) -> torch.Tensor:
        """(B, H, W, C) -> (B, H, W, C)."""
        if not self.training or self.rate == 0:
            return y
        keep = 1 - self.rate
        return y * (y.new_empty(len(y), 1, 1, 1).bernoulli_(keep) / keep)


class Block(nn.Module):
    """x = rs1 x + mixer(norm1(x)), then x = rs2 x + mlp(norm2(x)); rs1 and rs2 are vectors of C where there are any."""

    def __init__(self, C: int, mixer: nn.Module, kind: Kind, residual_scale: bool, drop_path: float) -> None:
        super().__init__()
        self.norm1, self.mixer = kind.norm(C), mixer
        self.norm2, self.mlp = kind.norm(C), mlp(C, kind)
        self.rs1, self.rs2 = (nn.Parameter(torch.ones(C)) if residual_scale else None for _ in range(2))
        self.drop = DropPath(drop_path)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, H, W, C) -> (B, H, W, C)."""
        x = scaled(self.rs1, x) + self.drop(self.mixer(self.norm1(x)))
        return scaled(self.rs2, x) + self.drop(self.mlp(self.norm2(x)))


def scaled(rs: torch.Tensor | None, x: torch.Tensor) -> torch.Tensor:
    """Return rs x; x where there is no scale."""
    return x if rs is None else rs * x


def mlp(C: int, kind: Kind) -> nn.Sequential:
    """Return the channel MLP: C -> 4C -> C."""
    return nn.Sequential(nn.Linear(C, 4 * C, bias=kind.bias), kind.activation(), nn.Linear(4 * C, C, bias=kind.bias))


def mlp_head(C: int, classes: int) -> nn.Sequential:
    """Return the classifier of ConvFormer and CAFormer."""
    return nn.Sequential(nn.Linear(C, 4 * C), SquaredReLU(), nn.LayerNorm(4 * C), nn.Linear(4 * C, classes))


class MetaFormer(nn.Module):
    """The stem, four stages of blocks with a convolution before each, the mean over all tokens, a norm and a head."""

    def __init__(self, plan: Plan, kind: Kind) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for i, (before, C, grid, rates) in enumerate(plan.stages()):
            layers.append(Downsampling(before, C, plan.stride if i == 0 else 2, stem=i == 0))
            layers += [Block(C, kind.mixers[i](C, grid**2), kind, kind.residual_scale and i >= 2, rate) for rate in rates]
        self.layers = nn.Sequential(*layers)  # (B, H, W, C) between them
        self.norm = nn.LayerNorm(plan.shape.dims[-1], EPS)
        self.head = kind.head(plan.shape.dims[-1], plan.classes)
        self.apply(initialize)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(B, channels, size, size) -> (B, classes)."""
        return self.head(self.norm(self.layers(images).mean((1, 2))))


class ConvNeXtBlock(nn.Module):
    """x + gamma mlp(norm(depthwise 7x7(x))): spatial and channel mixing in one branch, with biases, GELU and LayerScale gamma."""

    def __init__(self, C: int, layer_scale: float, drop_path: float) -> None:
        super().__init__()
        self.depthwise = DepthwiseConv(C)
        self.norm = nn.LayerNorm(C, EPS)
        self.mlp = nn.Sequential(nn.Linear(C, 4 * C), nn.GELU(), nn.Linear(4 * C, C))
        self.gamma = nn.Parameter(torch.full((C,), layer_scale))
        self.drop = DropPath(drop_path)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, H, W, C) -> (B, H, W, C)."""
        return x + self.drop(self.gamma * self.mlp(self.norm(self.depthwise(x))))


class DepthwiseConv(nn.Conv2d):
    """ConvNeXt's mixer of tokens: a depthwise 7x7 convolution with biases."""

    def __init__(self, C: int) -> None:
        super().__init__(C, C, 7, padding=3, groups=C)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, H, W, C) -> (B, H, W, C)."""
        return super().forward(x.movedim(-1, 1)).movedim(1, -1)


class Patches(nn.Module):
    """ConvNeXt's downsampling: each s x s patch becomes a token; its norm comes first, in the stem last. -> (B, H, W, C)."""

    def __init__(self, before: int, C: int, s: int, stem: bool) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(C if stem else before, EPS)
        self.conv = nn.Conv2d(before, C, s, stride=s)
        self.stem = stem

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, channels, size, size) -> (B, H, W, C) for the stem, else from (B, s H, s W, C')."""
        if self.stem:
            return self.norm(self.conv(x).movedim(1, -1))
        return self.conv(self.norm(x).movedim(-1, 1)).movedim(1, -1)


class ConvNeXt(nn.Module):
    """ConvNeXt; with the dimensions of CONVNEXT_T and 224x224 images it is ConvNeXt-T."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for i, (before, C, _, rates) in enumerate(plan.stages()):
            layers.append(Patches(before, C, plan.stride if i == 0 else 2, stem=i == 0))
            layers += [ConvNeXtBlock(C, plan.layer_scale, rate) for rate in rates]
        self.layers = nn.Sequential(*layers)  # (B, H, W, C) between them
        self.norm = nn.LayerNorm(plan.shape.dims[-1], EPS)
        self.head = nn.Linear(plan.shape.dims[-1], plan.classes)
        self.apply(initialize)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(B, channels, size, size) -> (B, classes)."""
        return self.head(self.norm(self.layers(images).mean((1, 2))))


def initialize(module: nn.Module) -> None:
    """Start convolutions and linear layers as MetaFormer and ConvNeXt do."""
    if isinstance(module, (nn.Linear, nn.Conv2d)):
        nn.init.trunc_normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def identity(C: int, N: int) -> nn.Module:
    """Mix nothing."""
    return nn.Identity()


def random(C: int, N: int) -> nn.Module:
    """Mix by a frozen random matrix."""
    return RandomMixing(N)


def pooling(C: int, N: int) -> nn.Module:
    """Mix by 3x3 means."""
    return Pooling()


def sepconv(C: int, N: int, activation: Callable[[], nn.Module] = StarReLU) -> nn.Module:
    """Mix by separable convolutions."""
    return SepConv(C, activation)


def attention(C: int, N: int, bias: bool = False) -> nn.Module:
    """Mix by softmax attention."""
    return Attention(C, bias)


def depthwise(C: int, N: int) -> nn.Module:
    """Mix by a depthwise convolution, as ConvNeXt does."""
    return DepthwiseConv(C)


_TOKEN_NORM = partial(nn.LayerNorm, eps=EPS, bias=False)
_BIASED_NORM = partial(nn.LayerNorm, eps=EPS)


def _caformer(activation: Callable[[], nn.Module]) -> Kind:
    conv = partial(sepconv, activation=activation)
    return Kind((conv, conv, attention, attention), _TOKEN_NORM, mlp_head, activation)


KINDS = {
    "caformer": _caformer(StarReLU),
    "convformer": Kind((sepconv,) * 4, _TOKEN_NORM, mlp_head),
    "poolformerv2": Kind((pooling,) * 4, ModifiedLayerNorm, nn.Linear),
    "randformer": Kind((identity, identity, random, random), ModifiedLayerNorm, nn.Linear),
    "identityformer": Kind((identity,) * 4, ModifiedLayerNorm, nn.Linear),
    "caformer_gelu": _caformer(nn.GELU),
    "caformer_relu": _caformer(nn.ReLU),
    "vit": Kind((partial(attention, bias=True),) * 4, _BIASED_NORM, nn.Linear, nn.GELU, bias=True, residual_scale=False),
}
"""Every variant that is a MetaFormer."""

PARTS = {
    **{name: (kind.activation, kind.mixers) for name, kind in KINDS.items()},
    "convnext": (nn.GELU, (depthwise,) * 4),
    "linear": (nn.Identity, (identity,) * 4),
}
"""The activation and the token mixers of every variant."""


def plan(scale: str, size: int, channels: int, classes: int, config: str = "") -> Plan:
    """Return the dimensions of a scale: the paper's, for a released configuration or S18's, or the reduced experiment's."""
    if scale == "paper":
        return Plan(CONFIGS[config] if config else S18, size, channels, classes, stride=4, drop_path=0.15, layer_scale=1e-6)
    return Plan(REDUCED, size, channels, classes, stride=2, drop_path=0.1, layer_scale=0.1)


def build(variant: str, dimensions: Plan) -> nn.Module:
    """Build a variant: images (B, channels, size, size) -> logits (B, classes)."""
    if variant == "linear":
        return nn.Sequential(nn.Flatten(), nn.Linear(dimensions.channels * dimensions.size**2, dimensions.classes))
    if variant == "convnext":
        return ConvNeXt(replace(dimensions, shape=REDUCED_CONVNEXT if dimensions.shape is REDUCED else CONVNEXT_T))
    return MetaFormer(dimensions, KINDS[variant])


def build_part(variant: str, part: str, dimensions: Plan) -> nn.Module:
    """Build the `activation` of a variant, or the token mixer of a stage, `mixer1` to `mixer4`, at the plan's own width."""
    activation, mixers = PARTS[variant]
    if part == "activation":
        return activation()
    i = int(part.removeprefix("mixer")) - 1
    return mixers[i](dimensions.shape.dims[i], dimensions.grids[i] ** 2)


def part_shape(part: str, dimensions: Plan) -> tuple[int, int, int]:
    """Return what a part takes, (H, W, C); an activation is that of an MLP of stage 3."""
    i = 2 if part == "activation" else int(part.removeprefix("mixer")) - 1
    C = dimensions.shape.dims[i]
    return dimensions.grids[i], dimensions.grids[i], 4 * C if part == "activation" else C
