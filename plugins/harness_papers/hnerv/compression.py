"""A stored video in few bits: uniform quantization of every tensor, and the entropy of the integers."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import Tensor

from .model import Video

WEIGHT_BITS, EMBEDDING_BITS = 8, 6
STATISTICS_SHARE = 0.02
"""An axis is tried only where its minima are fewer than this share of the tensor's numbers."""


@dataclass(frozen=True)
class Quantized:
    """A tensor as integers: low + scale * integers.

    Attributes:
        integers: 0 to 2^bits - 1, in the tensor's shape.
        low: Minima: of the whole tensor in single precision, along an axis in half precision.
        scale: Widths of one step, as `low`.
    """

    integers: Tensor
    low: Tensor
    scale: Tensor

    def restored(self) -> Tensor:
        """Return the tensor as it is after storing, in single precision."""
        return self.low.float() + self.scale.float() * self.integers

    @property
    def overhead_bits(self) -> int:
        """Bits of minima and scales."""
        return 8 * (self.low.nbytes + self.scale.nbytes)


def quantize(tensor: Tensor, bits: int) -> Quantized:
    """Quantize to `bits` bits as a whole or along the axis, whichever has the least mean absolute error."""
    candidates = [_between(tensor, tensor.min(), tensor.max(), bits)]
    for axis in range(tensor.dim()):
        low, high = tensor.amin(axis, keepdim=True), tensor.amax(axis, keepdim=True)
        if low.numel() < STATISTICS_SHARE * tensor.numel():
            candidates.append(_between(tensor, low, high, bits, torch.float16))
    return min(candidates, key=lambda q: float((q.restored() - tensor).abs().mean()))


def _between(tensor: Tensor, low: Tensor, high: Tensor, bits: int, kept: torch.dtype = torch.float32) -> Quantized:
    steps = 2**bits - 1
    low, scale = low.to(kept), ((high - low) / steps).to(kept)
    width = torch.where(scale == 0, 1, scale).float()  # a constant has no width: all its integers are 0
    return Quantized(((tensor - low.float()) / width).round().clamp(0, steps).to(torch.uint8), low, scale)


def compress(video: Video) -> tuple[Video, float]:
    """Return the video with every tensor quantized and restored, and its size in bits a pixel.

    The integers of all tensors are pooled, as the authors do for their Huffman code, and counted at their empirical entropy, which bounds it below.
    """
    small = copy.deepcopy(video)
    integers, overhead = [], 0
    with torch.no_grad():
        for name, tensor in small.named_parameters():
            packed = quantize(tensor.detach(), EMBEDDING_BITS if name == "embeddings" else WEIGHT_BITS)
            tensor.copy_(packed.restored())
            integers.append(packed.integers.flatten())
            overhead += packed.overhead_bits
    pooled = torch.cat(integers)
    return small, (entropy_bits(pooled) + overhead) / video.shape.clip.pixels


def entropy_bits(integers: Tensor) -> float:
    """Return the bits that integers 0 to 255 take at their empirical entropy."""
    counts = integers.long().bincount().double()
    counts = counts[counts > 0]
    return float(-(counts * (counts / counts.sum()).log2()).sum())
