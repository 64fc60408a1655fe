"""Costs of reductions, running sums, pooling and losses. For workers: imports torch."""

from __future__ import annotations

import math

from harness.meters.flops.classes import OpClass
from harness.meters.flops.cost import Cost, arithmetic, floating, reduction
from harness.meters.flops.spec import Call, TensorSpec, tensors_in

_NO_REDUCTION, _MEAN = 0, 1
"""How `at::Reduction` numbers the ways of reducing a loss; 2 is the sum."""


def fold(call: Call, each: float = 1.0) -> Cost:
    """Cost folding n numbers into one by n - 1 operations, `each` times."""
    return reduction(each * max(call.tensors[0].stored - call.result.numel, 0), call)


def mean(call: Call) -> Cost:
    """Cost a mean: n - 1 sums and a division."""
    return reduction(call.tensors[0].numel, call)


def variance(call: Call, root: bool = False) -> Cost:
    """Cost a variance: mean, subtraction, square, mean; for the deviation also a root."""
    n = call.tensors[0].numel
    return reduction(2 * n, call) + arithmetic(2 * n + (call.result.numel if root else 0), call)


def norm(call: Call, order: str = "p") -> Cost:
    """Cost a vector norm: squares, sum and root for 2; absolute values and sum or maximum for 1 and infinity; else powers."""
    x, p, out = call.tensors[0].stored, call.get(order, 2), call.result.numel
    p = 2 if p is None else p
    folded = reduction(max(x - out, 0), call)
    if p == 2:
        return folded + arithmetic(x + out, call)
    return folded + (arithmetic(x, call) if p in (0, 1, math.inf, -math.inf) else arithmetic(0, call, transcendental=x + out))


def power_sum(call: Call) -> Cost:
    """Cost the sum of powers: one power an element and n - 1 sums."""
    squares = call.get("ord", 2) in (1, 2)
    n = call.tensors[0].numel
    return fold(call) + (arithmetic(n, call) if squares else arithmetic(0, call, transcendental=n))


def norms_of_each(call: Call) -> Cost:
    """Cost the norm of every tensor in a list: squares, a sum and a root."""
    listed = list(tensors_in([call["self"]]))
    n = sum(t.numel for t in listed)
    return floating(elementwise=n + len(listed), reduction=n - len(listed))


def folds_of_each(call: Call) -> Cost:
    """Cost the maximum of every tensor in a list."""
    return floating(reduction=sum(t.numel - 1 for t in tensors_in([call["self"]])))


def log_sum_exp(call: Call) -> Cost:
    """Cost a log-sum-exp: maximum, subtraction, exp, sum, one logarithm and one sum a row."""
    n, out = call.tensors[0].numel, call.result.numel
    return floating(elementwise=n + out, reduction=2 * max(n - out, 0), transcendental=n + out)


def scan(call: Call) -> Cost:
    """Cost a running sum, product, maximum: n - 1 operations a row."""
    x = call["self"]
    length = x.shape[call["dim"]] if x.shape else 1
    return reduction(x.numel - x.numel // max(length, 1), call)


def log_scan(call: Call) -> Cost:
    """Cost a running log-sum-exp: maximum, difference, sum (3), exp and log1p an element."""
    n = call["self"].numel
    return floating(elementwise=3 * n, transcendental=2 * n)


def pool(call: Call, axes: int, folds: bool = False) -> Cost:
    """Cost pooling by a fixed window of k numbers: k - 1 sums and a division for a mean, k - 1 comparisons where it `folds`; padding is not discounted."""
    return reduction((_window(call, axes) - folds) * call.result.numel, call)


def _window(call: Call, axes: int) -> int:
    kernel = call["kernel_size"]
    return math.prod(kernel) if len(kernel) == axes else kernel[0] ** axes


def pool_backward(call: Call, axes: int) -> Cost:
    """Cost spreading each gradient over its window: one operation for each number."""
    return reduction(_window(call, axes) * call.gradient.numel, call)


def adaptive_pool(call: Call, axes: int, folds: bool = False) -> Cost:
    """Cost adaptive pooling: windows from floor(i n / m) to ceil((i + 1) n / m), one operation for each number, one less where it `folds`."""
    return reduction(_adaptive_reads(call["self"], call.result, axes) - folds * call.result.numel, call)


def adaptive_pool_backward(call: Call, axes: int) -> Cost:
    """Cost spreading each gradient over its adaptive window."""
    return reduction(_adaptive_reads(call["self"], call.gradient, axes), call)


def _adaptive_reads(x: TensorSpec, out: TensorSpec, axes: int) -> int:
    reads = math.prod(out.shape[:-axes])
    for n, m in zip(x.shape[-axes:], out.shape[-axes:], strict=True):
        reads *= sum(-(-(i + 1) * n // m) - i * n // m for i in range(m))
    return reads


def adds_gradients(call: Call) -> Cost:
    """Cost sending each gradient to one place, where it is added."""
    return reduction(call.gradient.numel, call)


def adds_patches(call: Call) -> Cost:
    """Cost adding overlapping patches into an image: one sum for each element of a patch."""
    return reduction(call["self"].numel, call)


def loss(call: Call, each: float, transcendental: float = 0) -> Cost:
    """Cost an element-wise loss and its mean or sum."""
    n = call["self"].numel
    cost = arithmetic(each * n, call, transcendental * n)
    return cost if call["reduction"] == _NO_REDUCTION else cost + reduction(n - (call["reduction"] != _MEAN), call)


def nll_loss(call: Call) -> Cost:
    """Cost picking the target's log-probability of each example: a look-up and a sign, the weights, the sum."""
    picked = call["target"].numel
    cost = Cost({OpClass.LOOKUP: picked}, read=call["target"].nbytes + picked * call["self"].dtype.itemsize)
    weighted = call["weight"] is not None
    cost = cost + floating(elementwise=(1 + weighted) * picked)
    return cost if call["reduction"] == _NO_REDUCTION else cost + floating(reduction=(1 + weighted) * picked)


def nll_loss_backward(call: Call) -> Cost:
    """Cost writing one gradient an example into a tensor of zeros."""
    picked = call["target"].numel
    return Cost({OpClass.LOOKUP: picked}, read=call["target"].nbytes + call.gradient.nbytes) + floating(elementwise=picked)


def ctc_loss(call: Call) -> Cost | None:
    """Cost the forward recursion of CTC: a log-sum-exp of three (8 operations, 4 exp or log) for each step and each of 2 S + 1 states.

    Lengths that come as tensors are values that no count sees: the padded lengths stand for them, an upper bound.
    """
    steps, lengths, scores, targets = call["input_lengths"], call["target_lengths"], call["log_probs"], call["targets"]
    if isinstance(steps, TensorSpec):
        if len(targets.shape) != 2:
            return None  # targets one behind the other, cut by lengths that are not seen
        steps, lengths = [scores.shape[0]] * targets.shape[0], [targets.shape[1]] * targets.shape[0]
    cells = sum(t * (2 * s + 1) for t, s in zip(steps, lengths, strict=True))
    return floating(elementwise=8 * cells, transcendental=4 * cells)


def ctc_loss_backward(call: Call) -> Cost | None:
    """Cost the backward recursion and the gradient of each probability, as the forward recursion twice."""
    once = ctc_loss(call)
    return None if once is None else once + once
