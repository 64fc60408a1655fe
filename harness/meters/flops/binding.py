"""From the arguments of a dispatched operator to its signature and to the call that a formula sees. For workers: imports torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from harness.meters.flops.spec import Call, TensorSpec, spec_of, tensors_in

_PLAIN = (int, float, complex, bool, str, type(None), torch.dtype, torch.layout, torch.memory_format)


def signature(args: Iterable[Any], kwargs: Mapping[str, Any]) -> tuple[tuple[Any, ...], bool]:
    """Return what a count depends on, hashable, and whether the results must be looked at too.

    Shapes, strides and types of the tensors, plain arguments as they are, and which arguments are one and the same tensor. The results matter
    where an argument hides sizes of its own (packed weights, sparse tensors).
    """
    parts: list[Any] = []
    seen: list[int] = []
    opaque = _collect(args, parts, seen)
    if kwargs:
        parts.extend(kwargs)
        opaque |= _collect(kwargs.values(), parts, seen)
    if len(set(seen)) < len(seen):
        parts.append(tuple(seen.index(one) for one in seen))
    return tuple(parts), opaque


def _collect(values: Iterable[Any], parts: list[Any], seen: list[int]) -> bool:
    opaque = False
    for value in values:
        if isinstance(value, torch.Tensor):
            seen.append(id(value))
            if value.layout is torch.strided and not value.is_nested:
                parts.append((value.shape, value.stride(), value.dtype))
            else:
                opaque = True
                parts.append(_layout_key(value))
        elif isinstance(value, _PLAIN):
            parts.append(value)
        elif isinstance(value, (tuple, list)):
            parts.append(len(value))
            opaque |= _collect(value, parts, seen)
        else:
            opaque |= isinstance(value, torch.ScriptObject)
            parts.append(type(value).__name__)
    return opaque


def _layout_key(tensor: torch.Tensor) -> tuple[Any, ...]:
    """Return what tells apart two nested or sparse tensors, as far as costs go."""
    spec = spec_of(tensor)
    return (str(tensor.layout), spec.shape, spec.dtype, spec.nnz, spec.nbytes, tuple(m.shape for m in spec.members))


@dataclass(frozen=True)
class _Formal:
    """One argument of an operator's schema."""

    name: str
    default: Any
    written: bool
    takes_result: bool
    """An `out=` argument: written, never read."""


class Formals:
    """What an operator's schema says about its arguments and results, parsed once."""

    def __init__(self, schema: torch._C.FunctionSchema) -> None:
        self.operator = schema.name
        self._formals = [_formal(argument) for argument in schema.arguments]
        self._new = [result.alias_info is None for result in schema.returns]

    def bind(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], out: Any) -> Call:
        """Return the call with its arguments by name, tensors replaced by their specs."""
        specs: dict[int, TensorSpec] = {}
        arguments: dict[str, Any] = {}
        written: list[TensorSpec] = []
        for position, formal in enumerate(self._formals):
            value = _describe(args[position] if position < len(args) else kwargs.get(formal.name, formal.default), specs)
            if formal.written:
                written.extend(tensors_in((value,)))
            if not formal.takes_result:
                arguments[formal.name] = value
        tensors = tuple(dict.fromkeys(tensors_in(arguments.values())))
        returned = [_describe(value, specs) for value in (out if isinstance(out, tuple) else (out,))]
        fresh = tensors_in(value for value, new in zip(returned, self._new, strict=False) if new)
        allocated = tuple(t for t in fresh if all(t is not w for w in written))
        return Call(self.operator, arguments, tensors, tuple(tensors_in(returned)), tuple(written), allocated)


def _formal(argument: torch._C.Argument) -> _Formal:
    written = argument.alias_info is not None and argument.alias_info.is_write
    default = argument.default_value if argument.has_default_value() else None
    return _Formal(argument.name, default, written, written and argument.kwarg_only)


def _describe(value: Any, specs: dict[int, TensorSpec]) -> Any:
    if isinstance(value, torch.Tensor):
        spec = specs.get(id(value))
        if spec is None:
            spec = specs[id(value)] = spec_of(value)
        return spec
    if isinstance(value, (tuple, list)):
        return tuple(_describe(member, specs) for member in value)
    if isinstance(value, torch.ScriptObject) and hasattr(value, "unpack"):
        return spec_of(value.unpack()[0])  # packed quantized weights: (weight, bias)
    return value
