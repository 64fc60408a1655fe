"""What one call of an operator costs, and the building blocks that formulas share. For workers: imports torch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch

from harness.meters.flops.classes import OpClass
from harness.meters.flops.spec import Call, TensorSpec

COMPLEX_MACS = 4
"""A complex multiply-accumulate: four real products and four real sums."""

_INT8 = frozenset({torch.int8, torch.uint8, torch.qint8, torch.quint8})
_INT4 = frozenset({torch.quint4x2})


@dataclass(frozen=True)
class Cost:
    """Operations of one call by class, and its traffic where that is not simply all operands in, all results out.

    Attributes:
        ops: Operations by class; empty for an operator that only moves data.
        read: Bytes read; None for every tensor argument once.
        written: Bytes written; None for every new or changed tensor once.
    """

    ops: Mapping[OpClass, int] = field(default_factory=dict)
    read: int | None = None
    written: int | None = None

    def __add__(self, other: Cost) -> Cost:
        """Add operations; what is known of the traffic is kept from the left."""
        total = Counter(self.ops)
        total.update(other.ops)
        return Cost(dict(total), self.read, self.written)


Formula = Callable[[Call], Cost | None]
"""From a call to its cost; None where the call does not say enough, which leaves the operator uncounted."""


def product(macs: int, operand: TensorSpec, kind: OpClass = OpClass.MATMUL) -> Cost:
    """Return multiply-accumulates in the class of the operand's type: complex ones are four real ones, integers stand apart."""
    dtype = operand.dtype
    if dtype in _INT8:
        return Cost({OpClass.INT8: 2 * macs})
    if dtype in _INT4:
        return Cost({OpClass.INT4: 2 * macs})
    if not operand.is_float:
        return Cost({OpClass.INTEGER: 2 * macs})
    return Cost({kind: 2 * macs * (COMPLEX_MACS if dtype.is_complex else 1)})


def arithmetic(count: float, call: Call, transcendental: float = 0) -> Cost:
    """Return element-wise operations in the class of what the call computes in; a complex one is two real ones."""
    if not call.is_real_work:
        return Cost({OpClass.INTEGER: round(count + transcendental)})
    factor = 2 if call.is_complex else 1
    return floating(elementwise=factor * count, transcendental=factor * transcendental)


def reduction(count: float, call: Call) -> Cost:
    """Return the operations of a reduction, in the class of what the call computes in."""
    if not call.is_real_work:
        return Cost({OpClass.INTEGER: round(count)})
    return floating(reduction=(2 if call.is_complex else 1) * count)


def floating(elementwise: float = 0, reduction: float = 0, transcendental: float = 0) -> Cost:
    """Return floating-point operations beside products."""
    counts = {OpClass.ELEMENTWISE: elementwise, OpClass.REDUCTION: reduction, OpClass.TRANSCENDENTAL: transcendental}
    return Cost({kind: round(n) for kind, n in counts.items() if n})
