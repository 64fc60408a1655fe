"""Codecs whose model is counted, and codecs that have none: the pixels alone, the Chow-Liu tree of what is observed, and file formats."""

from __future__ import annotations

import io
import lzma
import zlib
from collections.abc import Callable, Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from .circuit import SMOOTHING
from .coding import SequentialCodec
from .tree import Tree


class ObservedTree(nn.Module, SequentialCodec):
    """Each pixel given its parent's value: p(x) = p(x_root) prod_i p(x_i | x_parent(i)). With a tree without edges, the pixels alone.

    Args:
        tree: Over the D pixels.
        V: Grey levels.
        independent: Leaves the parents out.
    """

    def __init__(self, tree: Tree, V: int, independent: bool = False) -> None:
        super().__init__()
        self.tree, self.V, self.independent = tree, V, independent
        D = len(tree.pixel)
        uniform = torch.full((D, V) if independent else (D - 1, V, V), 1 / V, dtype=torch.float64)
        self.table = nn.Parameter(uniform, requires_grad=False)
        self.root = None if independent else nn.Parameter(uniform[0, 0].clone(), requires_grad=False)

    @property
    def order(self) -> Sequence[int]:
        """Return the pixels in coding order."""
        return self.tree.pixel

    def count(self, x: Tensor) -> None:
        """Set every table to the smoothed frequencies of images (N, D)."""
        hot = nn.functional.one_hot(x[:, list(self.order)], self.V).double()  # (N, D, V)
        single = hot.sum(0) + SMOOTHING
        if self.independent:
            self.table.data = single / single.sum(-1, keepdim=True)
            return
        pairs = torch.einsum("niv,niw->ivw", hot[:, list(self.tree.parent[1:])], hot[:, 1:]) + SMOOTHING
        self.table.data = pairs / pairs.sum(-1, keepdim=True)
        self.root.data = single[0] / single[0].sum()

    def session(self, count: int) -> TableSession:
        """Begin with `count` images."""
        return TableSession(self, count)

    def log_likelihood(self, x: Tensor) -> Tensor:
        """Return log p(x) in nats, (N,)."""
        return self.conditionals(x).gather(2, x[:, list(self.order)].T[..., None]).log().sum((0, 2))


class TableSession:
    """Looks each pixel's distribution up."""

    def __init__(self, model: ObservedTree, count: int) -> None:
        self.model, self.count, self.seen = model, count, []

    def probabilities(self) -> Tensor:
        """Return the next pixel's distribution, (N, V)."""
        node = len(self.seen)
        if self.model.independent:
            return self.model.table[node].expand(self.count, -1)
        return self.model.table[node - 1][self.seen[self.model.tree.parent[node]]] if node else self.model.root.expand(self.count, -1)

    def observe(self, symbols: Tensor) -> None:
        """Take the next pixel's values, (N,)."""
        self.seen.append(symbols)


class FileCodec:
    """A general compressor or an image format: all images in one file, a byte a pixel, one image under the other."""

    def __init__(self, name: str, side: int) -> None:
        self.name, self.side = name, side

    def encode(self, x: Tensor) -> bytes:
        """Return the file that holds images (N, D) of at most 256 levels."""
        pixels = x.cpu().numpy().astype(np.uint8)
        if self.name in COMPRESSORS:
            return COMPRESSORS[self.name][0](pixels.tobytes())
        file = io.BytesIO()
        Image.fromarray(pixels.reshape(-1, self.side)).convert("RGB" if self.name == "webp" else "L").save(file, **FORMATS[self.name])
        return file.getvalue()

    def decode(self, stream: bytes, count: int) -> Tensor:
        """Return the images of a file, (N, D) int64."""
        if self.name in COMPRESSORS:
            pixels = np.frombuffer(COMPRESSORS[self.name][1](stream), np.uint8)
        else:
            pixels = np.asarray(Image.open(io.BytesIO(stream)).convert("RGB"))[..., 0]
        return torch.from_numpy(pixels.reshape(count, -1).astype(np.int64))


COMPRESSORS: dict[str, tuple[Callable[[bytes], bytes], Callable[[bytes], bytes]]] = {
    "zlib": (lambda data: zlib.compress(data, 9), zlib.decompress),
    "lzma": (lambda data: lzma.compress(data, format=lzma.FORMAT_ALONE, preset=9 | lzma.PRESET_EXTREME), lzma.decompress),
}
FORMATS = {
    "png": {"format": "PNG", "optimize": True},
    "webp": {"format": "WEBP", "lossless": True, "quality": 100, "method": 6},
}
"""Each at its strongest setting."""
