"""What a count holds: operations and bytes of every operator in every module, and what they add up to. Imports no torch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from harness.meters.flops.classes import FLOP_CLASSES, MAC_CLASSES, OpClass

WHOLE = "(whole call)"
"""The row of `by_module` that holds everything, operators outside any module included."""


@dataclass(frozen=True)
class Entry:
    """All calls of one operator in one module and one data type.

    Attributes:
        module: Path of the innermost module that ran it (in a backward pass: whose forward it belongs to); empty outside any module.
        operator: `aten::mm`, `quantized::linear_dynamic`, `mylib::scan`.
        dtype: The data type it computes in.
        calls: How often it ran.
        ops: Operations of all calls, by class; empty where the operator only moves data.
        bytes_read: Bytes of the operands, each once a call.
        bytes_written: Bytes of the results.
        counted: False where no formula is known: the operator's operations are missing from every sum.
    """

    module: str
    operator: str
    dtype: str
    calls: int
    ops: Mapping[OpClass, int]
    bytes_read: int
    bytes_written: int
    counted: bool = True


@dataclass(frozen=True)
class Row:
    """One line of a break-down.

    Attributes:
        name: A module's path, an operator, or a data type.
        calls: Operators that ran.
        macs: Multiply-accumulates.
        flops: Floating-point operations.
        bytes_moved: Bytes read and written.
    """

    name: str
    calls: int
    macs: int
    flops: int
    bytes_moved: int


@dataclass(frozen=True)
class Uncounted:
    """An operator without a formula: its operations are in no figure, its bytes are in all of them."""

    operator: str
    calls: int
    bytes_moved: int


@dataclass(frozen=True)
class Counted:
    """What one call computes and moves.

    Attributes:
        entries: The count in full.
        parameters: Elements of all distinct parameters, tied ones once, frozen ones included.
        packed_weights: Elements of 8-bit weights that are no parameters: in buffers, or packed by torch's quantized modules.
    """

    entries: tuple[Entry, ...]
    parameters: int = 0
    packed_weights: int = 0

    @property
    def op_classes(self) -> dict[str, int]:
        """Operations by class, the classes that did not occur left out."""
        total = _classes(self.entries)
        return {kind.value: total[kind] for kind in OpClass if total[kind]}

    @property
    def macs(self) -> int:
        """Multiply-accumulates of matrix products and convolutions, in floating point."""
        return _macs(_classes(self.entries))

    @property
    def flops(self) -> int:
        """Floating-point operations: 2 · macs + element-wise + reductions + transcendental + FFT + linear algebra."""
        return _flops(_classes(self.entries))

    @property
    def bytes_read(self) -> int:
        """Bytes of all operands, each read once by each operator that takes it: caches are not modelled, views are free."""
        return sum(e.bytes_read for e in self.entries)

    @property
    def bytes_written(self) -> int:
        """Bytes of all results."""
        return sum(e.bytes_written for e in self.entries)

    @property
    def bytes_moved(self) -> int:
        """Bytes read and written."""
        return self.bytes_read + self.bytes_written

    @property
    def intensity(self) -> float:
        """Arithmetic intensity in FLOPs a byte moved; 0 where nothing moved."""
        return self.flops / self.bytes_moved if self.bytes_moved else 0.0

    @property
    def uncounted(self) -> tuple[Uncounted, ...]:
        """Operators without a formula, those that move most first."""
        missing = _rows((e for e in self.entries if not e.counted), lambda e: [e.operator])
        return tuple(Uncounted(r.name, r.calls, r.bytes_moved) for r in sorted(missing, key=lambda r: -r.bytes_moved))

    @property
    def uncounted_share(self) -> float:
        """Share of the bytes that operators without a formula move: how much the operation counts may miss."""
        return sum(u.bytes_moved for u in self.uncounted) / self.bytes_moved if self.bytes_moved else 0.0

    def by_module(self) -> list[Row]:
        """Return a row a module, its children included, in the order in which they first ran; the whole call comes first."""
        return _rows(self.entries, lambda e: _ancestors(e.module))

    def by_operator(self) -> list[Row]:
        """Return a row an operator, those with most FLOPs first, then those that move most bytes."""
        return sorted(_rows(self.entries, lambda e: [e.operator]), key=lambda r: (-r.flops, -r.bytes_moved))

    def by_dtype(self) -> list[Row]:
        """Return a row a data type: what energy by operation is derived from."""
        return _rows(self.entries, lambda e: [e.dtype])


def _classes(entries: Iterable[Entry]) -> Counter[OpClass]:
    total: Counter[OpClass] = Counter()
    for entry in entries:
        total.update(entry.ops)
    return total


def _macs(total: Mapping[OpClass, int]) -> int:
    return sum(n for kind, n in total.items() if kind in MAC_CLASSES) // 2


def _flops(total: Mapping[OpClass, int]) -> int:
    return sum(n for kind, n in total.items() if kind in FLOP_CLASSES)


def _ancestors(path: str) -> list[str]:
    parts = path.split(".") if path else []
    return [WHOLE, *(".".join(parts[: depth + 1]) for depth in range(len(parts)))]


def _rows(entries: Iterable[Entry], names: Callable[[Entry], list[str]]) -> list[Row]:
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        for name in names(entry):
            groups.setdefault(name, []).append(entry)
    return [_row(name, members) for name, members in groups.items()]


def _row(name: str, members: list[Entry]) -> Row:
    total = _classes(members)
    moved = sum(e.bytes_read + e.bytes_written for e in members)
    return Row(name, sum(e.calls for e in members), _macs(total), _flops(total), moved)
