"""Costs of softmax and of normalisations, written out operation by operation. For workers: imports torch."""

from __future__ import annotations

import math

from harness.meters.flops.cost import Cost, floating
from harness.meters.flops.spec import Call


def softmax_ops(rows: int, length: int) -> Cost:
    """Cost `rows` softmaxes of `length` numbers: maximum, subtraction, exp, sum, division."""
    n = rows * length
    return floating(elementwise=2 * n, reduction=2 * (n - rows), transcendental=n)


def softmax(call: Call) -> Cost:
    """Cost a softmax along one axis."""
    x = call["self"]
    length = x.shape[call["dim"]] if x.shape else 1
    return softmax_ops(x.numel // max(length, 1), length)


def log_softmax(call: Call) -> Cost:
    """Cost a log-softmax: maximum, subtraction, exp, sum, one logarithm a row, subtraction."""
    x = call["self"]
    length = x.shape[call["dim"]] if x.shape else 1
    rows = x.numel // max(length, 1)
    return floating(elementwise=2 * x.numel, reduction=2 * (x.numel - rows), transcendental=x.numel + rows)


def softmax_backward(call: Call) -> Cost:
    """Cost `(g - sum(g · y)) · y`."""
    n, rows = _rows(call)
    return floating(elementwise=3 * n, reduction=n - rows)


def log_softmax_backward(call: Call) -> Cost:
    """Cost `g - exp(y) · sum(g)`."""
    n, rows = _rows(call)
    return floating(elementwise=2 * n, reduction=n - rows, transcendental=n)


def _rows(call: Call) -> tuple[int, int]:
    gradient = call.gradient
    return gradient.numel, gradient.numel // max(gradient.shape[call["dim"]] if gradient.shape else 1, 1)


def moments_ops(groups: int, size: int) -> Cost:
    """Cost mean and variance of `groups` groups: two sums and divisions, a subtraction and a square an element."""
    n = groups * size
    return floating(elementwise=2 * n, reduction=2 * n)


def normalize_ops(groups: int, size: int, affine: int) -> Cost:
    """Cost centring and scaling by statistics taken here: moments, epsilon and root a group, one product an element, then the affine terms."""
    n = groups * size
    return moments_ops(groups, size) + floating(elementwise=2 * groups + n + affine * n)


def affine_terms(call: Call) -> int:
    """Return how many of weight and bias are there."""
    return sum(call.get(name) is not None for name in ("weight", "bias"))


def layer_norm(call: Call) -> Cost:
    """Cost a layer norm over the trailing axes."""
    size = math.prod(call["normalized_shape"])
    return normalize_ops(call["input"].numel // max(size, 1), size, affine_terms(call))


def rms_norm(call: Call) -> Cost:
    """Cost an RMS norm: squares, their mean, epsilon and root a row, a product an element, and one more for the weight."""
    n, size = call["input"].numel, math.prod(call["normalized_shape"])
    return floating(elementwise=2 * n + 2 * (n // max(size, 1)) + affine_terms(call) * n, reduction=n)


def group_norm(call: Call) -> Cost:
    """Cost a group norm."""
    groups = call["N"] * call["group"]
    return normalize_ops(groups, call["input"].numel // max(groups, 1), affine_terms(call))


def batch_norm(call: Call, training: bool | None = None) -> Cost:
    """Cost a batch norm.

    In training the statistics are taken over the batch, and the running ones (if any) updated with three operations each. In evaluation each channel
    has one scale and one shift (five operations to make them), each element one product and one sum.
    """
    x = call["input"]
    channels = x.shape[1] if len(x.shape) > 1 else 1
    in_training = call.get("training", call.get("train", training)) if training is None else training
    if not in_training:
        return floating(elementwise=2 * x.numel + 5 * channels)
    running = 6 * channels if call.get("running_mean") is not None else 0
    return normalize_ops(channels, x.numel // max(channels, 1), affine_terms(call)) + floating(elementwise=running)


def layer_norm_backward(call: Call) -> Cost:
    """Cost the backward pass of a norm with statistics of its own.

    Element by element: x̂ again (2), g · w (1), its product with x̂ (1), and `rstd · (gw - mean(gw) - x̂ · mean(gw · x̂))` (4), with two sums; the
    weight's gradient takes a product and a sum more, the bias' a sum.
    """
    n = call["input"].numel
    for_weight, for_bias = call["output_mask"][1], call["output_mask"][2]
    return floating(elementwise=(8 + bool(for_weight)) * n, reduction=(2 + bool(for_weight) + bool(for_bias)) * n)


def batch_norm_backward(call: Call) -> Cost:
    """Cost the backward pass of a batch norm; with fixed statistics the input's gradient is one product an element."""
    if call.get("train", call.get("update", True)):
        return layer_norm_backward(call)
    n = call["input"].numel
    for_weight, for_bias = call["output_mask"][1], call["output_mask"][2]
    return floating(elementwise=(1 + 3 * bool(for_weight)) * n, reduction=(bool(for_weight) + bool(for_bias)) * n)


def rms_norm_backward(call: Call) -> Cost:
    """Cost the backward pass of an RMS norm: as a layer norm's, without the mean."""
    n = call["input"].numel
    return floating(elementwise=7 * n, reduction=2 * n)


def renorm(call: Call) -> Cost:
    """Cost bounding the norms of the slices along an axis: a square and a sum an element, a product by the factor."""
    n = call["self"].numel
    return floating(elementwise=2 * n, reduction=n)


def weight_norm(call: Call) -> Cost:
    """Cost `v · g / |v|`: squares and their sum, a root and a division a row, a product an element."""
    n, rows = call["v"].numel, call["g"].numel
    return floating(elementwise=2 * n + 2 * rows, reduction=n - rows)


def weight_norm_backward(call: Call) -> Cost:
    """Cost both gradients: the products with v summed, then a difference of two scaled terms."""
    n, rows = call["saved_v"].numel, call["saved_g"].numel
    return floating(elementwise=4 * n + 4 * rows, reduction=n - rows)
