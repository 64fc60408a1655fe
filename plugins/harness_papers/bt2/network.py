"""Encoders and what is put on top of them: nothing but a norm, free dimensions, or BT^2's two changes of basis.

Every encoder returns its whole embedding from `forward`, and from `parts` what its losses are about.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Parts(NamedTuple):
    """What losses are about: class scores (B, classes), the block that is to fit the old space (B, d_o), the new part f (B, d_n), all of it (B, width)."""

    logits: Tensor
    b: Tensor
    f: Tensor
    g: Tensor


class CNN(nn.Module):
    """Convolutions with batch norm, ReLU and pooling, the mean over the image, and a linear layer: (B, 1, H, W) -> (B, out)."""

    def __init__(self, widths: tuple[int, ...], out: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, width in zip((1, *widths), widths, strict=False):
            layers += [nn.Conv2d(before, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(2)]
        self.features = nn.Sequential(*layers)
        self.out = nn.Linear(widths[-1], out)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, out)."""
        a: Tensor = self.out(self.features(x).mean((2, 3)))
        return a


class Bottleneck(nn.Module):
    """ResNet's block of three convolutions: 1x1, 3x3, 1x1."""

    def __init__(self, before: int, width: int, out: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *(nn.Conv2d(before, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()),
            *(nn.Conv2d(width, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()),
            *(nn.Conv2d(width, out, 1, bias=False), nn.BatchNorm2d(out)),
        )
        same = stride == 1 and before == out
        self.shortcut = nn.Identity() if same else nn.Sequential(nn.Conv2d(before, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, out, H / stride, W / stride)."""
        return F.relu(self.body(x) + self.shortcut(x))


class ResNet50(nn.Module):
    """ResNet-50 whose last block has as many outputs as the embedding: (B, 3, H, W) -> (B, out)."""

    def __init__(self, out: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
        before = 64
        for stage, (width, depth) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3))):
            for index in range(depth):
                after = out if stage == 3 and index == depth - 1 else 4 * width
                layers.append(Bottleneck(before, width, after, 2 if stage and not index else 1))
                before = after
        self.features = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, out)."""
        a: Tensor = self.features(x).mean((2, 3))
        return a


class Encoder(nn.Module):
    """A backbone and what is put on top of it.

    Attributes:
        width: Of the embedding.
    """

    width: int

    def parts(self, x: Tensor) -> Parts:
        """Return what losses are about."""
        raise NotImplementedError


class Plain(Encoder):
    """The norm alone, f = a / |a|, and a classifier without bias: an independent model, and BCT's."""

    def __init__(self, backbone: nn.Module, d: int, classes: int) -> None:
        super().__init__()
        self.backbone, self.width = backbone, d
        self.fc_out = nn.Linear(d, classes, bias=False)

    def parts(self, x: Tensor) -> Parts:
        """Return the class scores, and f as block and as whole."""
        f = F.normalize(self.backbone(x))
        return Parts(self.fc_out(f), f, f, f)

    def forward(self, x: Tensor) -> Tensor:
        """Return f (B, d)."""
        return F.normalize(self.backbone(x))


class Widened(Encoder):
    """Free dimensions beside a compatible block, without any change of basis."""

    def __init__(self, backbone: nn.Module, d_o: int, e: int, classes: int) -> None:
        super().__init__()
        self.backbone, self.d_o, self.width = backbone, d_o, d_o + e
        self.fc_out = nn.Linear(self.width, classes, bias=False)

    def parts(self, x: Tensor) -> Parts:
        """Return the class scores of all dimensions, and the first d_o of them as the block."""
        g = self(x)
        return Parts(self.fc_out(g), g[:, : self.d_o], g, g)

    def forward(self, x: Tensor) -> Tensor:
        """Return g (B, d_o + e) of unit norm."""
        return F.normalize(self.backbone(x))


class Rotation(nn.Module):
    """An orthogonal matrix (d, d) by Cayley's transform of X - X^T: (I + A)^-1 (I - A)."""

    def __init__(self, d: int) -> None:
        super().__init__()
        self.X = nn.Parameter(torch.randn(d, d) / math.sqrt(d))

    def matrix(self) -> Tensor:
        """Return the matrix (d, d)."""
        A = self.X - self.X.T
        eye = torch.eye(len(A), device=A.device, dtype=A.dtype)
        M: Tensor = torch.linalg.solve(eye + A, eye - A)
        return M

    def forward(self, x: Tensor) -> Tensor:
        """Return x (B, d) in the other basis."""
        return F.linear(x, self.matrix())


class BT2(Encoder):
    """Two changes of basis, which put as much of the new feature into the old space as fits, and the rest beside it.

    a = backbone(x); f = |a[:d_n]|, o = |fc3(relu(a))|, u = |o[:t]|; v = cat(u, P C f); b = Q v[:d_o]; g = cat(b, v[d_o:]).

    Args:
        backbone: Returns a (B, d_n + d_o).
        d_n: Width of the new feature.
        d_o: Width of the old space.
        t: Dimensions of o that are taken; g has t + d_n, which is t + d_n - d_o more than the old space.
        classes: Of the classifier, which training alone needs.
        C: By which the new feature is the longer of the two.
    """

    def __init__(self, backbone: nn.Module, d_n: int, d_o: int, t: int, classes: int, C: float = 2.0) -> None:
        super().__init__()
        self.backbone, self.d_n, self.d_o, self.t, self.C = backbone, d_n, d_o, t, C
        self.width = t + d_n
        self.fc3 = nn.Linear(d_n + d_o, d_o)
        self.P, self.Q = Rotation(d_n), Rotation(d_o)
        self.fc_out = nn.Linear(d_n, classes, bias=False)

    def features(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return u (B, t) and f (B, d_n), both of unit norm."""
        a = self.backbone(x)
        o = F.normalize(self.fc3(F.relu(a)))
        return F.normalize(o[:, : self.t]), F.normalize(a[:, : self.d_n])

    def merge(self, u: Tensor, f: Tensor) -> Tensor:
        """Return g (B, t + d_n), an orthogonal transform of cat(u, C f)."""
        v = torch.cat([u, self.P(self.C * f)], 1)
        return torch.cat([self.Q(v[:, : self.d_o]), v[:, self.d_o :]], 1)

    def parts(self, x: Tensor) -> Parts:
        """Return the class scores of f, the block b, f and g."""
        u, f = self.features(x)
        g = self.merge(u, f)
        return Parts(self.fc_out(f), g[:, : self.d_o], f, g)

    def forward(self, x: Tensor) -> Tensor:
        """Return g (B, t + d_n)."""
        return self.merge(*self.features(x))


class Deployed(nn.Module):
    """An encoder in service: new queries come through it, the gallery was embedded by its predecessor.

    Attributes:
        encoder: Embeds queries.
        gallery: Stored features (N, d) of the oldest model, which nobody recomputes; zeros before anything is trained.
        kept: States of other encoders, one after the other (S,): what later variants are trained from. Empty for most.
    """

    def __init__(self, encoder: Encoder, gallery: Tensor, kept: Tensor) -> None:
        super().__init__()
        self.encoder = encoder
        self.gallery: Tensor
        self.kept: Tensor
        self.register_buffer("gallery", gallery)
        self.register_buffer("kept", kept)

    def forward(self, x: Tensor) -> Tensor:
        """Return embeddings (B, width)."""
        g: Tensor = self.encoder(x)
        return g
