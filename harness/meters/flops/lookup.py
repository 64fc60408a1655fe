"""Costs of gathering, scattering, sorting, searching and drawing. For workers: imports torch.

Convention: one look-up an index; a gathered row is read once, the rest of the table not at all.
"""

from __future__ import annotations

import math

from harness.meters.flops.classes import OpClass
from harness.meters.flops.cost import Cost, floating, reduction
from harness.meters.flops.spec import Call, TensorSpec


def gather(call: Call, index: str = "index") -> Cost:
    """Cost one look-up an index, reading what is looked up."""
    indices = call[index]
    return Cost({OpClass.LOOKUP: indices.numel}, read=indices.nbytes + _dense_bytes(call.result))


def _distinct_bytes(indices: list[TensorSpec]) -> int:
    return sum(i.nbytes for i in dict.fromkeys(indices))


def _dense_bytes(spec: TensorSpec) -> int:
    return spec.numel * spec.dtype.itemsize


def index(call: Call) -> Cost:
    """Cost `x[i, j]`: one look-up for each tuple of indices, or for each element that a mask picks."""
    indices = [i for i in call["indices"] if i is not None]
    return Cost({OpClass.LOOKUP: _places(call, call.result)}, read=_distinct_bytes(indices) + _dense_bytes(call.result))


def index_put(call: Call) -> Cost:
    """Cost `x[i, j] = v` or `+= v`: one look-up for each tuple of indices; adding is one sum an element."""
    indices, values = [i for i in call["indices"] if i is not None], call["values"]
    masked = any(i.dtype.itemsize == 1 for i in indices)  # a mask picks as many places as there are values
    placed = values.numel if masked else math.prod(_broadcast(indices)) * _rest(call)
    moved = placed * call["self"].dtype.itemsize
    ops = Cost({OpClass.LOOKUP: placed // max(_rest(call), 1)}, *_changed(call, _distinct_bytes(indices) + values.nbytes, moved))
    return ops + reduction(placed, call) if call["accumulate"] else ops


def _places(call: Call, out: TensorSpec) -> int:
    return out.numel // max(_rest(call), 1)


def _rest(call: Call) -> int:
    """Return the elements that one tuple of indices picks: the product of the axes that are not indexed."""
    shape, axis, kept = call["self"].shape, 0, 1
    for one in call["indices"]:
        if one is None:
            kept *= shape[axis]
        axis += len(one.shape) if one is not None and one.dtype.itemsize == 1 else 1
    return kept * int(math.prod(shape[axis:]))


def _broadcast(indices: list[TensorSpec]) -> tuple[int, ...]:
    depth = max((len(i.shape) for i in indices), default=0)
    padded = [(1,) * (depth - len(i.shape)) + i.shape for i in indices]
    return tuple(max(sides) for sides in zip(*padded, strict=True))


def _changed(call: Call, arguments: int, moved: int) -> tuple[int, int]:
    """Return bytes read and written where `moved` bytes of a tensor change: in place only those, else the whole is copied."""
    return (arguments, moved) if call.written else (arguments + call["self"].nbytes, _dense_bytes(call["self"]) + moved)


def scatter(call: Call, adds: bool = False) -> Cost:
    """Cost placing one element an index; where it adds, a sum each."""
    return _place(call, call["index"].numel, adds)


def scatter_rows(call: Call, adds: bool = False) -> Cost:
    """Cost placing one row an index; where it adds, a sum an element."""
    return _place(call, call["source"].numel, adds)


def fill_rows(call: Call) -> Cost:
    """Cost filling one row an index."""
    x = call["self"]
    return _place(call, call["index"].numel * x.numel // max(x.shape[call["dim"]] if x.shape else 1, 1), adds=False)


def _place(call: Call, placed: int, adds: bool) -> Cost:
    moved = placed * call["self"].dtype.itemsize
    values = next((call[name] for name in ("src", "source") if name in call.arguments), None)
    arguments = call["index"].nbytes + (moved if isinstance(values, TensorSpec) else 0) + (moved if adds else 0)
    ops = Cost({OpClass.LOOKUP: call["index"].numel}, *_changed(call, arguments, moved))
    return ops + reduction(placed, call) if adds else ops


def embedding_bag(call: Call) -> Cost:
    """Cost one look-up an index and one operation for each number of its row."""
    indices, weight = call["indices"], call["weight"]
    width = weight.shape[-1] if isinstance(weight, TensorSpec) else call.result.shape[-1]
    item = weight.dtype.itemsize if isinstance(weight, TensorSpec) else 1
    return Cost({OpClass.LOOKUP: indices.numel}, read=indices.nbytes + indices.numel * width * item) + floating(
        reduction=indices.numel * width
    )


def embedding_backward(call: Call) -> Cost:
    """Cost adding one gradient row an index into a table of zeros."""
    rows = call["indices"].numel
    return Cost({OpClass.LOOKUP: rows}) + floating(reduction=rows * call.gradient.shape[-1])


def embedding_weights_backward(call: Call) -> Cost:
    """Cost the gradient of each row's weight: the product of the row with its bag's gradient."""
    terms = call["indices"].numel * call.gradient.shape[-1]
    return Cost({OpClass.LOOKUP: call["indices"].numel}) + floating(elementwise=terms, reduction=terms - call["indices"].numel)


def segment(call: Call) -> Cost:
    """Cost reducing ragged segments: one operation an element."""
    return reduction(call.tensors[0].numel, call)


def bins(call: Call) -> Cost:
    """Cost counting into bins: a look-up and a sum an element."""
    n = call["self"].numel
    return Cost({OpClass.LOOKUP: n, OpClass.INTEGER: n})


def sort(call: Call) -> Cost:
    """Cost sorting rows of n: n ceil(log2 n) comparisons, what a merge sort needs at most."""
    x = call["self"]
    axis = call.get("dim", -1)
    length = x.numel if axis is None or not x.shape else x.shape[axis]
    return Cost({OpClass.COMPARISON: x.numel * _ceil_log2(length)})


def sort_all(call: Call) -> Cost:
    """Cost sorting all elements to find the distinct ones."""
    n = call["self"].numel
    return Cost({OpClass.COMPARISON: n * _ceil_log2(n)})


def consecutive(call: Call) -> Cost:
    """Cost comparing each element with the one before it."""
    return Cost({OpClass.COMPARISON: call["self"].numel})


def top_k(call: Call) -> Cost:
    """Cost passing n numbers through a heap of k: n ceil(log2 k) comparisons, at least one each."""
    return Cost({OpClass.COMPARISON: call["self"].numel * max(1, _ceil_log2(call["k"]))})


def select_order(call: Call) -> Cost:
    """Cost finding one order statistic (median, k-th value) by selection: linear, counted as one comparison an element."""
    return Cost({OpClass.COMPARISON: call["self"].numel})


def search(call: Call) -> Cost:
    """Cost a binary search a value: ceil(log2(n + 1)) comparisons, and as many reads."""
    boundaries = call.get("sorted_sequence") or call["boundaries"]
    values = call["self"]
    count = values.numel if isinstance(values, TensorSpec) else 1
    comparisons = count * _ceil_log2(boundaries.shape[-1] + 1)
    read = min(boundaries.nbytes, comparisons * boundaries.dtype.itemsize)
    return Cost({OpClass.COMPARISON: comparisons}, read=read + (values.nbytes if isinstance(values, TensorSpec) else 0))


def membership(call: Call) -> Cost:
    """Cost asking of each element whether it is in a set: ceil(log2(m + 1)) comparisons with its m members, sorted."""
    elements, members = call.get("elements"), call.get("test_elements")
    asked = elements.numel if isinstance(elements, TensorSpec) else 1
    known = members.numel if isinstance(members, TensorSpec) else 1
    return Cost({OpClass.COMPARISON: asked * _ceil_log2(known + 1)})


def _ceil_log2(n: int) -> int:
    return max(n - 1, 0).bit_length()


def draw(call: Call) -> Cost:
    """Cost one random number an element of the result; parameters that are tensors are read, what is overwritten is not."""
    like = call.operator.endswith("_like")
    return Cost({OpClass.RANDOM: call.result.numel}, read=0 if like else call.read_only_bytes)


def dropout(call: Call) -> Cost:
    """Cost dropout: a number drawn an element, a product by the mask, one by the scale; nothing of it in evaluation."""
    x = call.tensors[0]
    if call.get("train") is False:
        return Cost()
    return Cost({OpClass.RANDOM: x.numel}) + floating(elementwise=2 * x.numel)
