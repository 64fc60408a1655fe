"""Costs of interpolation: resizing and sampling on a grid. For workers: imports torch.

Convention: a result made of t neighbours takes t products and t - 1 sums; the weights of a resize are made once a position and are not counted.
"""

from __future__ import annotations

import math

from harness.meters.flops.classes import OpClass
from harness.meters.flops.cost import Cost, floating
from harness.meters.flops.spec import Call

LINEAR, CUBIC, LANCZOS = 2, 4, 6
"""Neighbours an axis: two, four, six."""

_GRID_MODES = (LINEAR, 1, CUBIC)
"""`grid_sample` numbers its modes bilinear 0, nearest 1, bicubic 2."""
_COORDINATE_OPS = 6
"""From a coordinate in [-1, 1] to a cell and the place in it: sum, product, difference, halving, floor, difference."""


def nearest(call: Call) -> Cost:
    """Cost picking the nearest element: one look-up each."""
    return Cost({OpClass.LOOKUP: call.result.numel}, read=call.result.numel * call.result.dtype.itemsize)


def resize(call: Call, per_axis: int, axes: int) -> Cost:
    """Cost a linear or cubic resize."""
    return floating(elementwise=(2 * per_axis**axes - 1) * call.result.numel)


def resize_backward(call: Call, per_axis: int, axes: int) -> Cost:
    """Cost spreading each gradient over its neighbours: a product and a sum each."""
    return floating(elementwise=2 * per_axis**axes * call.gradient.numel)


def resize_smooth(call: Call, per_axis: int) -> Cost:
    """Cost an antialiased resize in two passes: the window widens by the factor of shrinking."""
    *lead, height, width = call["self"].shape
    out_height, out_width = call.result.shape[-2:]
    across = _window(per_axis, width, out_width) * height * out_width
    down = _window(per_axis, height, out_height) * out_height * out_width
    return floating(elementwise=math.prod(lead) * (2 * (across + down) - height * out_width - out_height * out_width))


def resize_smooth_backward(call: Call, per_axis: int) -> Cost:
    """Cost the backward pass of an antialiased resize: a product and a sum for each neighbour, in two passes."""
    *lead, height, width = call["input_size"]
    out_height, out_width = call.gradient.shape[-2:]
    across = _window(per_axis, width, out_width) * height * out_width
    down = _window(per_axis, height, out_height) * out_height * out_width
    return floating(elementwise=2 * math.prod(lead) * (across + down))


def _window(per_axis: int, length: int, out_length: int) -> int:
    return min(length, math.ceil(per_axis * max(1.0, length / max(out_length, 1))))


def grid(call: Call, axes: int, backward: bool = False) -> Cost:
    """Cost sampling at given points: coordinates and corner weights once a point, the neighbours once a channel, and as many look-ups.

    The backward pass blends twice: into the input's gradient and into the grid's.
    """
    points, out = call["grid"].numel // axes, call.gradient if backward else call.result
    per_axis = _GRID_MODES[call["interpolation_mode"]]
    neighbours = per_axis**axes
    weights = points * (axes * _COORDINATE_OPS + (neighbours * (axes - 1) if per_axis > 1 else 0))
    blend = (2 * neighbours - 1) * out.numel if per_axis > 1 else 0
    return Cost({OpClass.LOOKUP: neighbours * out.numel}) + floating(elementwise=weights + blend * (2 if backward else 1))
