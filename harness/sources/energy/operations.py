"""Modelled energy: counted operations times the joules of one, from the 45 nm table that most papers' energy claims are made of.

No device is asked. The table is M. Horowitz, "Computing's energy problem (and what we can do about it)", ISSCC 2014, figure 1.1.9: 45 nm,
0.9 V. Real accelerators spend several times more on moving data and control than on the arithmetic; the figure compares methods, it
predicts no bill.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.sources.energy.source import Basis

PICO = 1e-12
BASIS = Basis.MODELLED
SOURCE = "45 nm, 0.9 V: Horowitz, ISSCC 2014"


@dataclass(frozen=True)
class OperationEnergy:
    """Picojoules of one addition and one multiplication in a number format."""

    add_pj: float
    mul_pj: float

    @property
    def mac_pj(self) -> float:
        """Picojoules of one multiply-accumulate."""
        return self.add_pj + self.mul_pj


ARITHMETIC = {
    "int8": OperationEnergy(add_pj=0.03, mul_pj=0.2),
    "int32": OperationEnergy(add_pj=0.1, mul_pj=3.1),
    "fp16": OperationEnergy(add_pj=0.4, mul_pj=1.1),
    "fp32": OperationEnergy(add_pj=0.9, mul_pj=3.7),
}

MEMORY_PJ_PER_BYTE = {
    # The table gives picojoules of a 64-bit access; DRAM as a range of 1.3 to 2.6 nJ, of which the lower end is taken.
    "sram_8k": 10 / 8,
    "sram_32k": 20 / 8,
    "sram_1m": 100 / 8,
    "dram": 1300 / 8,
}


@dataclass(frozen=True)
class ModelledEnergy:
    """Joules of counted work.

    Attributes:
        arithmetic_j: Of multiplications and additions.
        memory_j: Of bytes moved, by the level that each was charged to.
        uncovered: Classes of operations and levels of memory for which the table has nothing, with their counts: not in the sums.
    """

    arithmetic_j: float
    memory_j: float
    uncovered: Mapping[str, float]

    @property
    def total_j(self) -> float:
        """Joules of everything that the table covers."""
        return self.arithmetic_j + self.memory_j


def modelled_energy(
    macs: Mapping[str, float],
    adds: Mapping[str, float] | None = None,
    muls: Mapping[str, float] | None = None,
    moved: Mapping[str, float] | None = None,
) -> ModelledEnergy:
    """Return the energy of counted operations.

    Args:
        macs: Multiply-accumulates by number format: `{"fp32": 1e9}`.
        adds: Additions that are part of no multiply-accumulate, by number format.
        muls: Multiplications that are part of none, by number format.
        moved: Bytes by level of memory: `{"dram": 4e6}`.
    """
    uncovered: dict[str, float] = {}
    arithmetic_pj = 0.0
    for counts, cost in ((macs, "mac_pj"), (adds or {}, "add_pj"), (muls or {}, "mul_pj")):
        for kind, count in counts.items():
            if kind in ARITHMETIC:
                arithmetic_pj += count * getattr(ARITHMETIC[kind], cost)
            else:
                uncovered[kind] = uncovered.get(kind, 0.0) + count
    memory_pj = 0.0
    for level, count in (moved or {}).items():
        if level in MEMORY_PJ_PER_BYTE:
            memory_pj += count * MEMORY_PJ_PER_BYTE[level]
        else:
            uncovered[level] = uncovered.get(level, 0.0) + count
    return ModelledEnergy(arithmetic_pj * PICO, memory_pj * PICO, uncovered)
