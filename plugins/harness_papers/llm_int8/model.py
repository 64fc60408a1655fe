"""LLM.int8(): a linear layer whose products are of 8-bit integers, but for the few input features that hold large values.

Every way of quantizing that the paper compares is this one layer with another `Scheme`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

ALPHA = 6.0
"""A feature with a value of at least this magnitude is an outlier."""
ASSUMED_OUTLIERS = 7
"""Outlier features of an input on `meta`, which holds no values: the most the paper finds in a 6.7B model."""
LEVELS = 127
"""Codes run from -127 to 127, so that they are symmetric; -128 is not used."""
TINY = torch.finfo(torch.float32).tiny


@dataclass(frozen=True)
class Scheme:
    """How a layer is quantized.

    Attributes:
        scales: `vector` (one for each row of X and each row of W), `row` (each row of X, one for W), `tensor` (one each) or
            `zeropoint` (one each, with an offset, so that all 256 codes cover the range from the least to the greatest value).
        alpha: Features that reach it are multiplied in floating point; infinite for no decomposition.
        outlier_weights: What they are multiplied with: the `dequant`ized 8-bit columns, so that the float weight need not be kept, or the `float` ones.
    """

    scales: str = "vector"
    alpha: float = math.inf
    outlier_weights: str = "dequant"


SCHEMES = {
    "llm_int8": Scheme("vector", ALPHA),
    "llm_int8_float_columns": Scheme("vector", ALPHA, "float"),
    "vectorwise": Scheme("vector"),
    "rowwise": Scheme("row"),
    "absmax": Scheme("tensor"),
    "zeropoint": Scheme("zeropoint"),
    "rowwise_decomposed": Scheme("row", ALPHA),
    "absmax_decomposed": Scheme("tensor", ALPHA),
    "zeropoint_decomposed": Scheme("zeropoint", ALPHA),
}
"""The card's variants but the floating-point one."""


class Codes(NamedTuple):
    """8-bit codes of a matrix: value = step * (q - zero).

    Attributes:
        q: (n, h) int8.
        step: (n, 1) or (1, 1) float32.
        zero: (1, 1) int32, or None for codes around 0.
    """

    q: Tensor
    step: Tensor
    zero: Tensor | None = None

    def values(self) -> Tensor:
        """Return what the codes stand for: (n, h) float32."""
        return self.step * (self.q.float() if self.zero is None else self.q.int() - self.zero)


def absmax(M: Tensor, per_row: bool) -> Codes:
    """Quantize (n, h) so that the largest magnitude, of each row or of all, becomes 127."""
    c = (M.abs().amax(1, keepdim=True) if per_row else M.abs().amax().view(1, 1)).float().clamp_min(TINY * LEVELS)
    return Codes((M * (LEVELS / c)).round().to(torch.int8), c / LEVELS)


def zeropoint(M: Tensor) -> Codes:
    """Quantize (n, h) so that its range, widened to hold 0, becomes -128 to 127; 0 itself has a code and stays exact."""
    low, high = M.amin().clamp_max(0).float(), M.amax().clamp_min(0).float()
    step = ((high - low) / 255).clamp_min(TINY).view(1, 1)
    zero = (-128 - low / step).round()
    return Codes((M / step + zero).round().clamp(-128, 127).to(torch.int8), step, zero.int())


def outlier_features(X: Tensor, alpha: float) -> Tensor:
    """Return O, the columns of X (s, h) in which some value reaches alpha: (n_O,) indices."""
    if X.is_meta:
        return torch.zeros(ASSUMED_OUTLIERS, dtype=torch.long, device="meta")
    return (X.abs() >= alpha).any(0).nonzero().squeeze(1)


class Int8Linear(nn.Module):
    """Y = X[:, O] W[:, O]^T + dequantize(Xq Wq^T) + b, with O zeroed in X before it is quantized.

    The integer product is a real one, int8 by int8 into int32. O is found anew for each X; nothing is calibrated.
    """

    def __init__(self, linear: nn.Linear, scheme: Scheme):
        super().__init__()
        self.scheme, self.bias = scheme, linear.bias
        W = linear.weight.detach()  # (o, h)
        codes = zeropoint(W) if scheme.scales == "zeropoint" else absmax(W, per_row=scheme.scales == "vector")
        self.register_buffer("Wq", codes.q)  # (o, h) int8
        self.register_buffer("step", codes.step)  # (o, 1) or (1, 1)
        self.register_buffer("zero", codes.zero)
        self.register_buffer("sums", None if codes.zero is None else codes.q.sum(1, dtype=torch.int32))  # (o,)
        self.register_buffer("W", W.clone() if scheme.outlier_weights == "float" else None)

    def forward(self, X: Tensor) -> Tensor:
        """Map the last axis: (..., h) -> (..., o)."""
        rows = X.flatten(0, -2)  # (s, h)
        O = self.outliers(rows)  # noqa: E741
        rest = rows.index_fill(1, O, 0) if len(O) else rows
        Y = self.integer_product(rest).to(X.dtype)  # (s, o)
        if len(O):
            Y = Y + rows[:, O] @ self.columns(O, X.dtype).T
        if self.bias is not None:
            Y = Y + self.bias
        return Y.unflatten(0, X.shape[:-1])

    def outliers(self, rows: Tensor) -> Tensor:
        """Return O for (s, h): (n_O,), empty without decomposition."""
        if math.isinf(self.scheme.alpha):
            return torch.empty(0, dtype=torch.long, device=rows.device)
        return outlier_features(rows, self.scheme.alpha)

    def integer_product(self, rest: Tensor) -> Tensor:
        """Quantize (s, h), multiply in int8, scale back: (s, o) float32."""
        x = zeropoint(rest) if self.zero is not None else absmax(rest, per_row=self.scheme.scales != "tensor")
        C = torch._int_mm(x.q, self.Wq.T)  # (s, o) int32
        if self.zero is not None:  # sum of (xq - zx) (wq - zw), multiplied out
            C = C - self.zero * x.q.sum(1, keepdim=True, dtype=torch.int32) - x.zero * self.sums + self.Wq.shape[1] * x.zero * self.zero
        return C * (x.step * self.step.T)

    def columns(self, O: Tensor, dtype: torch.dtype) -> Tensor:  # noqa: E741
        """Return the weights of the outlier features: (o, n_O)."""
        if self.W is not None:
            return self.W[:, O]
        return Codes(self.Wq[:, O], self.step, self.zero).values().to(dtype)
