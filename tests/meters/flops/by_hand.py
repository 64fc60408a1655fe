"""Numbers that count what is done to them, and textbook algorithms on lists of such numbers: what the formulas are held against."""

import math
from collections import Counter


class Work(Counter):
    """Operations by kind: products and sums of a product of matrices apart from the rest."""

    @property
    def macs(self):
        assert self["mac_product"] == self["mac_sum"]
        return self["mac_product"]


class Number:
    """A float that reports every operation on it to the work it belongs to."""

    def __init__(self, value, work):
        self.value, self.work = float(value), work

    def _does(self, kind, value):
        self.work[kind] += 1
        return Number(value, self.work)

    def __add__(self, other):
        return self._does("elementwise", self.value + other.value)

    def __sub__(self, other):
        return self._does("elementwise", self.value - other.value)

    def __mul__(self, other):
        return self._does("elementwise", self.value * other.value)

    def __truediv__(self, other):
        return self._does("elementwise", self.value / other.value)

    def root(self):
        return self._does("elementwise", math.sqrt(self.value))

    def exp(self):
        return self._does("transcendental", math.exp(self.value))

    def sigmoid(self):
        return self._does("transcendental", 1 / (1 + math.exp(-self.value)))

    def tanh(self):
        return self._does("transcendental", math.tanh(self.value))

    def relu(self):
        return self._does("elementwise", max(self.value, 0.0))

    def folded(self, other):
        return self._does("reduction", self.value + other.value)

    def larger(self, other):
        return self._does("reduction", max(self.value, other.value))

    def mac(self, other, total):
        self.work["mac_product"] += 1
        self.work["mac_sum"] += 1
        return Number(total.value + self.value * other.value, self.work)


def lift(values, work):
    """Turn nested lists of floats into nested lists of numbers."""
    return [lift(v, work) for v in values] if isinstance(values, list) else Number(values, work)


def lower(values):
    return [lower(v) for v in values] if isinstance(values, list) else values.value


def total(row):
    first, *rest = row
    for number in rest:
        first = first.folded(number)
    return first


def largest(row):
    first, *rest = row
    for number in rest:
        first = first.larger(number)
    return first


def dot(a, b):
    result = Number(0, a[0].work)
    for x, y in zip(a, b, strict=True):
        result = x.mac(y, result)
    return result


def matmul(a, b):
    columns = list(zip(*b, strict=True))
    return [[dot(row, column) for column in columns] for row in a]


def linear(rows, weight, bias):
    return [[dot(row, w) + b for w, b in zip(weight, bias, strict=True)] for row in rows]


def softmax(row):
    top = largest(row)
    powers = [(x - top).exp() for x in row]
    whole = total(powers)
    return [p / whole for p in powers]


def layer_norm(row, weight, bias, eps):
    n = Number(len(row), row[0].work)
    mean = _mean(row, n)
    centred = [x - mean for x in row]
    variance = _mean([c * c for c in centred], n)
    scale = Number(1, n.work)
    deviation = (variance + Number(eps, n.work)).root()
    scale = Number(scale.value / deviation.value, n.work)  # root and reciprocal are one operation, as in every library
    return [c * scale * w + b for c, w, b in zip(centred, weight, bias, strict=True)]


def _mean(row, n):
    n.work["reduction"] += 1
    return Number(total(row).value / n.value, n.work)


def attention(q, k, v, scale):
    scores = matmul(q, [list(column) for column in zip(*k, strict=True)])
    weights = [softmax([s * scale for s in row]) for row in scores]
    return matmul(weights, v)


def lstm_step(x, h, c, w_ih, w_hh, b_ih, b_hh):
    """One step for one sequence; gates in torch's order i, f, g, o."""
    gates = [dot(wi, x) + bi + (dot(wh, h) + bh) for wi, wh, bi, bh in zip(w_ih, w_hh, b_ih, b_hh, strict=True)]
    n = len(h)
    i, f, g, o = (gates[n * k : n * (k + 1)] for k in range(4))
    c = [ff.sigmoid() * cc + ii.sigmoid() * gg.tanh() for ii, ff, gg, cc in zip(i, f, g, c, strict=True)]
    return [oo.sigmoid() * cc.tanh() for oo, cc in zip(o, c, strict=True)], c


def gru_step(x, h, w_ih, w_hh, b_ih, b_hh):
    """One step for one sequence; gates in torch's order r, z, n."""
    n = len(h)
    inner = [dot(w, x) + b for w, b in zip(w_ih, b_ih, strict=True)]
    outer = [dot(w, h) + b for w, b in zip(w_hh, b_hh, strict=True)]
    result = []
    for k in range(n):
        r, z = (inner[k] + outer[k]).sigmoid(), (inner[n + k] + outer[n + k]).sigmoid()
        new = (inner[2 * n + k] + r * outer[2 * n + k]).tanh()
        result.append(new + z * (h[k] - new))
    return result


def convolve(image, weight, stride, padding, groups):
    """(channels, height, width) by (out, in / groups, kh, kw), zeros around; the zeros are multiplied like any other number."""
    work = weight[0][0][0][0].work
    height, width = len(image[0]), len(image[0][0])
    kernel_height, kernel_width, per_group = len(weight[0][0]), len(weight[0][0][0]), len(weight[0])
    zero = Number(0, work)

    def at(channel, y, x):
        return image[channel][y][x] if 0 <= y < height and 0 <= x < width else zero

    out = []
    for o, filters in enumerate(weight):
        first = o // (len(weight) // groups) * per_group
        rows = []
        for y in range(-padding, height + padding - kernel_height + 1, stride):
            row = []
            for x in range(-padding, width + padding - kernel_width + 1, stride):
                taps = [
                    at(first + c, y + dy, x + dx) for c in range(per_group) for dy in range(kernel_height) for dx in range(kernel_width)
                ]
                row.append(dot(taps, [w for plane in filters for line in plane for w in line]))
            rows.append(row)
        out.append(rows)
    return out
