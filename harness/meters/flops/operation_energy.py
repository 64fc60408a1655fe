"""Energy by operation: what the counted arithmetic would draw at 45 nm, which is what many papers' energy claims are made of. Imports no torch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from harness.meters.flops.classes import OpClass
from harness.meters.flops.counted import Entry
from harness.sources.energy.operations import ModelledEnergy, modelled_energy

FORMATS = {"float32": "fp32", "float16": "fp16", "bfloat16": "fp16", "complex64": "fp32", "int8": "int8", "uint8": "int8"}
"""Number formats of the table by torch's names; it has no bfloat16, which is taken as its other 16-bit format."""
_AS_MACS = frozenset({OpClass.MATMUL, OpClass.CONV, OpClass.FFT, OpClass.LINALG})
"""Half multiplications, half additions."""
_AS_ADDS = frozenset({OpClass.ELEMENTWISE, OpClass.REDUCTION})


def operation_energy(entries: Iterable[Entry]) -> ModelledEnergy:
    """Return the energy of counted arithmetic; what the table has no cost for is in no sum, and named.

    Element-wise operations and reductions are charged as additions, 8-bit products with their accumulation as 8-bit multiply-accumulates. Memory is
    left out: which level an operand comes from is not known.
    """
    macs, adds, other = Counter[str](), Counter[str](), Counter[str]()
    for entry in entries:
        form = FORMATS.get(entry.dtype, entry.dtype)
        for kind, n in entry.ops.items():
            if kind in _AS_MACS:
                macs[form] += n // 2
            elif kind == OpClass.INT8:
                macs["int8"] += n // 2
            elif kind in _AS_ADDS:
                adds[form] += n
            else:
                other[kind.value] += n
    found = modelled_energy(macs, adds)
    return ModelledEnergy(found.arithmetic_j, found.memory_j, {**found.uncovered, **other})
