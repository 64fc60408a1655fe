"""Costs of matrix products, convolutions and attention. For workers: imports torch.

Convention: two operations a multiply-accumulate; whole operands, so that neither the zeros of a padding nor the masked half of a causal attention
is discounted; the scalars and biases of a fused product are element-wise operations.
"""

from __future__ import annotations

import math

from harness.meters.flops.classes import OpClass
from harness.meters.flops.cost import Cost, arithmetic, floating, product
from harness.meters.flops.normalize import softmax_ops
from harness.meters.flops.spec import Call, TensorSpec

ROWS_FOR_PRODUCTS = 25
"""Above so many rows torch computes Euclidean distances by one product (aten/src/ATen/native/Distance.cpp)."""


def matmul_macs(left: TensorSpec, right: TensorSpec) -> int | None:
    """Return the multiply-accumulates of `left @ right` for vectors, matrices and batches, broadcast; None for two sparse operands.

    A sparse operand costs one a stored element and column of the other.
    """
    if left.nnz is not None and right.nnz is not None:
        return None  # depends on where the elements are
    columns = right.shape[-1] if len(right.shape) > 1 else 1
    rows = left.shape[-2] if len(left.shape) > 1 else 1
    if left.nnz is not None:
        return left.nnz * columns
    if right.nnz is not None:
        return right.nnz * rows
    batch = max(math.prod(left.shape[:-2]), math.prod(right.shape[:-2]))
    return batch * rows * left.shape[-1] * columns


def matmul(call: Call, left: str = "self", right: str = "mat2") -> Cost | None:
    """Cost the product of two arguments."""
    macs = matmul_macs(call[left], call[right])
    return None if macs is None else product(macs, call[left])


def linear(call: Call, x: str = "input") -> Cost:
    """Cost `x Wᵀ + b` where it arrives whole."""
    biased = call.get("bias") is not None
    return product(call[x].numel * call["weight"].shape[0], call[x]) + floating(elementwise=biased * call.result.numel)


def accumulated_matmul(call: Call, left: str, right: str) -> Cost | None:
    """Cost `beta · self + alpha · left @ right`: one addition an element, and one product for each scalar that is not 1."""
    macs = matmul_macs(call[left], call[right])
    if macs is None:
        return None
    beta, alpha = call.get("beta", 1), call.get("alpha", 1)
    scalars = (beta != 0) + (beta not in (0, 1)) + (alpha != 1)
    return product(macs, call[left]) + arithmetic(scalars * call.result.numel, call)


def scaled_matmul(call: Call) -> Cost:
    """Cost a floating-point product whose operands carry scales (8-bit floats, packed weights): and one product an element of the result."""
    x, out = call["self"], call.result
    return product(x.numel * out.shape[-1], x) + floating(elementwise=out.numel)


def sampled_matmul(call: Call) -> Cost:
    """Cost a product taken only at the places that a sparse tensor stores."""
    stored = call["self"].stored
    return product(stored * call["mat1"].shape[-1], call["mat1"]) + floating(elementwise=stored)


def grouped_matmul(call: Call) -> Cost:
    """Cost products of consecutive row or column groups: (M, K) by (G, K, N), (G, M, K) by (K, N), (M, K) by (K, N), or a batch."""
    a, b = call["self"], call["mat2"]
    if len(a.shape) == 2 or len(b.shape) == 2:
        columns = b.shape[-1]
        return product(a.shape[-2] * a.shape[-1] * columns, a)
    return product(matmul_macs(a, b) or 0, a)


def convolution(call: Call) -> Cost:
    """Cost a convolution: kernel volume times channels a group at each output position; a transposed one, at each input position."""
    positions = call["input"].numel if call["transposed"] else call.result.numel
    products = product(positions * math.prod(call["weight"].shape[1:]), call["input"], OpClass.CONV)
    return products + floating(elementwise=call.result.numel) if call["bias"] is not None else products


def convolution_tbc(call: Call) -> Cost:
    """Cost a convolution over (time, batch, channels) with a (kernel, in, out) weight."""
    products = product(call.result.numel * math.prod(call["weight"].shape[:2]), call["self"], OpClass.CONV)
    return products + floating(elementwise=call.result.numel)


def convolution_backward(call: Call) -> Cost:
    """Cost the gradients asked for: input and weight cost what the forward pass did, the bias is a sum."""
    gradient, weight = call.gradient, call["weight"]
    positions = call["input"].numel if call["transposed"] else gradient.numel
    for_input, for_weight, for_bias = call["output_mask"]
    macs = positions * math.prod(weight.shape[1:])
    summed = gradient.numel - gradient.shape[1] if for_bias else 0
    return product(macs * (bool(for_input) + bool(for_weight)), gradient, OpClass.CONV) + floating(reduction=summed)


def distances_by_products(call: Call) -> Cost:
    """Cost `|x|² + |y|² - 2 x·y` as one product of vectors lengthened by 2, as torch does, with the norms and roots around it."""
    x, y, out = call["x1"], call["x2"], call.result
    products = product(out.numel * (x.shape[-1] + 2), x)
    squares = x.numel + y.numel
    norms = squares // max(x.shape[-1], 1)
    return products + floating(elementwise=squares + x.numel + 2 * out.numel, reduction=squares - norms)


def distances(call: Call) -> Cost:
    """Cost p-norm distances between all pairs of rows: by one product for the Euclidean norm of many rows, else element by element."""
    x, y, p, mode = call["x1"], call["x2"], call["p"], call["compute_mode"]
    if p == 2 and mode != 2 and (mode == 1 or max(x.shape[-2], y.shape[-2]) > ROWS_FOR_PRODUCTS):
        return distances_by_products(call)
    terms, pairs = call.result.numel * x.shape[-1], call.result.numel
    powers = 0 if p in (0, 1, 2, math.inf) else terms + pairs
    return floating(elementwise=2 * terms + (pairs if p == 2 else 0), reduction=terms - pairs, transcendental=powers)


def distances_backward(call: Call) -> Cost:
    """Cost the gradient of distances: a difference, a quotient, a product and a sum for each term."""
    return floating(elementwise=4 * call.gradient.numel * call["x1"].shape[-1])


def pair_distances(call: Call) -> Cost:
    """Cost the distances between all pairs of rows of one matrix: a difference, a square and a sum a term, a root a pair."""
    terms, pairs = call.result.numel * call["self"].shape[-1], call.result.numel
    return floating(elementwise=2 * terms + pairs, reduction=terms - pairs)


def pair_distances_backward(call: Call) -> Cost:
    """Cost the gradient of the distances between rows: a difference, a quotient and a product a term, and a sum into each of two rows."""
    terms = call.gradient.numel * call["self"].shape[-1]
    return floating(elementwise=3 * terms, reduction=2 * terms)


def attention(call: Call, mask: str = "attn_mask", length_axis: int = -2) -> Cost:
    """Cost softmax(q kᵀ · scale + mask) v over whole score matrices, whichever kernel runs it."""
    return attention_ops(call["query"], call["key"].shape[length_axis], call["value"].shape[-1], masked=call.get(mask) is not None)


def attention_ops(query: TensorSpec, keys: int, value_width: int, masked: bool) -> Cost:
    """Cost attention of all rows of `query` over `keys` keys: two products, the scale, the mask, the softmax."""
    rows = math.prod(query.shape[:-1])
    products = product(rows * keys * (query.shape[-1] + value_width), query)
    return products + floating(elementwise=rows * keys * (1 + masked)) + softmax_ops(rows, keys)


def varlen_attention(call: Call, bounds: tuple[str, ...]) -> Cost | None:
    """Cost attention over (batch, length, heads, width); None for ragged batches, whose lengths are values, not shapes."""
    if any(call.get(name) is not None for name in bounds):
        return None
    return attention(call, mask="bias", length_axis=-3)


def attention_backward(call: Call, mask: str = "attn_mask", length_axis: int = -2) -> Cost:
    """Cost the fused backward pass: five products, because the scores are computed again (torch.utils.flop_counter counts the same)."""
    query, keys, values = call["query"], call["key"].shape[length_axis], call["value"].shape[-1]
    rows, width = math.prod(query.shape[:-1]), query.shape[-1]
    scores = rows * keys
    masked = call.get(mask) is not None
    products = product(scores * (3 * width + 2 * values), query)  # scores, dP = dO Vᵀ, dV = Pᵀ dO, dQ = dS K, dK = dSᵀ Q
    softmax = floating(elementwise=(5 + masked) * scores, transcendental=scores)  # scale, shift, dP - delta, times P, scale
    return products + softmax + floating(elementwise=rows * values, reduction=rows * (values - 1))  # delta = sum of O · dO


def varlen_attention_backward(call: Call, bounds: tuple[str, ...]) -> Cost | None:
    """Cost the fused backward pass over (batch, length, heads, width); None for ragged batches."""
    if any(call.get(name) is not None for name in bounds):
        return None
    return attention_backward(call, mask="bias", length_axis=-3)


def quantized_linear(call: Call) -> Cost | None:
    """Cost a linear layer with packed weights: 8-bit products, or floating-point ones where the weights are 16 bits wide."""
    return _quantized(call, "X", "W_prepack")


def quantized_convolution(call: Call) -> Cost | None:
    """Cost a convolution with packed 8-bit weights."""
    return _quantized(call, "qx", "packed_weight" if "packed_weight" in call.arguments else "weight")


def _quantized(call: Call, x: str, packed: str) -> Cost | None:
    activations, weight, out = call[x], call[packed], call.result
    if not isinstance(weight, TensorSpec):
        return None  # a packing that does not tell its sizes
    macs = out.numel * math.prod(weight.shape[1:])
    if weight.is_float:
        return product(macs, activations) + floating(elementwise=out.numel)
    entering = quantize_ops(activations) if activations.is_float else Cost()
    return Cost({OpClass.INT8: 2 * macs}) + entering + floating(elementwise=2 * out.numel)


def quantize_ops(x: TensorSpec) -> Cost:
    """Cost finding the range of a tensor and quantizing it: minimum and maximum, then product, sum and rounding an element."""
    return floating(elementwise=3 * x.numel, reduction=2 * (x.numel - 1))
