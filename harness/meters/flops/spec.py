"""What a formula sees of an operator's call: names, shapes and data types, never values. For workers: imports torch."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import torch

_SPARSE = frozenset({torch.sparse_coo, torch.sparse_csr, torch.sparse_csc, torch.sparse_bsr, torch.sparse_bsc})
_INDEX_BYTES = 8
"""Indices of sparse tensors are int64."""


@dataclass(frozen=True, eq=False)
class TensorSpec:
    """A tensor without its values.

    Attributes:
        shape: Sizes; for a nested tensor those of its padded form.
        dtype: Element type.
        nbytes: Bytes that reading it whole touches: an expanded axis counts once.
        nnz: Stored elements of a sparse tensor; None for a dense one.
        members: The tensors of a nested tensor.
    """

    shape: tuple[int, ...]
    dtype: torch.dtype
    nbytes: int
    nnz: int | None = None
    members: tuple[TensorSpec, ...] = ()

    @property
    def numel(self) -> int:
        """Elements, the zeros of a sparse tensor included."""
        return math.prod(self.shape)

    @property
    def stored(self) -> int:
        """Elements that are there: `nnz` of a sparse tensor, else all."""
        return self.numel if self.nnz is None else self.nnz

    @property
    def is_float(self) -> bool:
        """Real or complex floating point."""
        return self.dtype.is_floating_point or self.dtype.is_complex


def dense(shape: Sequence[int], dtype: torch.dtype) -> TensorSpec:
    """Return the spec of a dense tensor."""
    return TensorSpec(tuple(shape), dtype, math.prod(shape) * dtype.itemsize)


def spec_of(tensor: torch.Tensor) -> TensorSpec:
    """Describe a tensor of any layout."""
    if tensor.is_nested:
        return _nested_spec(tensor)
    if tensor.layout in _SPARSE:
        return _sparse_spec(tensor)
    shape = tuple(tensor.shape)
    if tensor.layout is not torch.strided or tensor.is_contiguous():
        return dense(shape, tensor.dtype)
    touched = math.prod(n for n, step in zip(shape, tensor.stride(), strict=True) if step)
    span = 1 + sum((n - 1) * step for n, step in zip(shape, tensor.stride(), strict=True)) if touched else 0
    return TensorSpec(shape, tensor.dtype, min(touched, span) * tensor.dtype.itemsize)


def _nested_spec(tensor: torch.Tensor) -> TensorSpec:
    members = tuple(spec_of(member) for member in tensor.unbind())
    sides = zip(*(m.shape for m in members), strict=True)
    return TensorSpec((len(members), *map(max, sides)), tensor.dtype, sum(m.nbytes for m in members), members=members)


def _sparse_spec(tensor: torch.Tensor) -> TensorSpec:
    if tensor.layout is torch.sparse_coo:
        stored, indices = tensor._nnz() * math.prod(tensor.shape[tensor.sparse_dim() :]), tensor._nnz() * tensor.sparse_dim()
    else:
        by_row = tensor.layout in (torch.sparse_csr, torch.sparse_bsr)
        pointers, places = (tensor.crow_indices(), tensor.col_indices()) if by_row else (tensor.ccol_indices(), tensor.row_indices())
        stored, indices = tensor.values().numel(), pointers.numel() + places.numel()
    return TensorSpec(tuple(tensor.shape), tensor.dtype, stored * tensor.dtype.itemsize + indices * _INDEX_BYTES, nnz=stored)


class UnknownArgumentError(KeyError):
    """A formula asked for an argument that this overload of the operator does not have."""


_GRADIENTS = ("grad_output", "grad_out", "grad_out_", "grad", "grad_in")


@dataclass(frozen=True)
class Call:
    """One call of an operator.

    `call["weight"]` is the argument of that name in the operator's schema: a `TensorSpec` for a tensor, a list for a list, the default where none was
    given, None where there is none.

    Attributes:
        operator: The name with its namespace: `aten::addmm`.
        arguments: Every argument by name.
        tensors: The tensors among them in order, each once even if it was passed twice; those that only take the result are not among them.
        results: The tensors that it returned.
        written: Arguments that it changes in place, and those that take the result.
        allocated: Results that are new tensors.
    """

    operator: str
    arguments: Mapping[str, Any]
    tensors: tuple[TensorSpec, ...]
    results: tuple[TensorSpec, ...]
    written: tuple[TensorSpec, ...]
    allocated: tuple[TensorSpec, ...]

    def __getitem__(self, name: str) -> Any:
        try:
            return self.arguments[name]
        except KeyError:
            raise UnknownArgumentError(self.operator, name) from None

    def get(self, name: str, default: Any = None) -> Any:
        """Return the argument of that name, or `default` where the schema has none."""
        return self.arguments.get(name, default)

    @property
    def read_only_bytes(self) -> int:
        """Return the bytes of the tensor arguments that it does not overwrite."""
        return sum(t.nbytes for t in self.tensors if all(t is not w for w in self.written))

    @property
    def result(self) -> TensorSpec:
        """Return the first tensor that came out, or the first tensor argument where none did."""
        return self.results[0] if self.results else self.tensors[0]

    @property
    def gradient(self) -> TensorSpec:
        """Return the gradient that a backward operator starts from."""
        found = next((name for name in _GRADIENTS if name in self.arguments), _GRADIENTS[0])
        return cast("TensorSpec", self[found])

    @cached_property
    def computes_in(self) -> TensorSpec | None:
        """Return the tensor whose type the operator computes in: the first floating-point argument or result, else the first of all."""
        found = self.tensors + self.results
        return next((t for t in found if t.is_float), found[0] if found else None)

    @property
    def dtype_name(self) -> str:
        """Return the type it computes in, as `float32`; empty for a call without tensors."""
        return str(self.computes_in.dtype).removeprefix("torch.") if self.computes_in else ""

    @property
    def is_complex(self) -> bool:
        """Whether it computes on complex numbers."""
        return self.computes_in is not None and self.computes_in.dtype.is_complex

    @property
    def is_real_work(self) -> bool:
        """Whether it computes on floating-point numbers, not on indices or masks."""
        return self.computes_in is not None and self.computes_in.is_float

    def nested_count(self) -> int:
        """Return the number of tensors in its nested arguments; 0 where it has none."""
        return max((len(t.members) for t in (*self.tensors, *self.allocated)), default=0)

    def member(self, index: int) -> Call:
        """Return the call as one tensor of its nested arguments sees it."""

        def pick(value: Any) -> Any:
            return map_tensors(value, lambda t: t.members[index] if t.members else t)

        arguments = {name: pick(value) for name, value in self.arguments.items()}
        return Call(self.operator, arguments, *(pick(t) for t in (self.tensors, self.results, self.written, self.allocated)))


def tensors_in(values: Iterable[Any]) -> Iterator[TensorSpec]:
    """Yield the tensors in nested tuples and lists."""
    for value in values:
        if isinstance(value, TensorSpec):
            yield value
        elif isinstance(value, (tuple, list)):
            yield from tensors_in(value)


def map_tensors(value: Any, change: Callable[[TensorSpec], TensorSpec]) -> Any:
    """Apply `change` to every tensor in nested tuples and lists."""
    if isinstance(value, TensorSpec):
        return change(value)
    if isinstance(value, (tuple, list)):
        return tuple(map_tensors(member, change) for member in value)
    return value
