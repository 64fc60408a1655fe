"""What a model holds: parameters, and 8-bit weights that are none. For workers: imports torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch

_BYTES = (torch.int8, torch.uint8)


def modules_in(model: Any) -> tuple[torch.nn.Module, ...]:
    """Return the modules that a model is or holds: itself, members of a list or mapping, attributes of an object."""
    if isinstance(model, torch.nn.Module):
        return (model,)
    if not isinstance(model, (tuple, list)):
        model = (model if isinstance(model, Mapping) else getattr(model, "__dict__", {})).values()
    return tuple(dict.fromkeys(member for member in model if isinstance(member, torch.nn.Module)))


def parameter_count(roots: tuple[torch.nn.Module, ...]) -> int:
    """Return the elements of all distinct parameters: tied ones once, frozen ones included."""
    distinct = {id(p): p for root in roots for p in root.parameters()}
    return sum(p.numel() for p in distinct.values())


def packed_count(roots: tuple[torch.nn.Module, ...]) -> int:
    """Return the elements of 8-bit weights that are no parameters: buffers of two or more axes, and what torch's quantized modules pack."""
    buffers = {id(b): b for root in roots for b in root.buffers() if b.dtype in _BYTES and b.dim() > 1}
    modules = dict.fromkeys(module for root in roots for module in root.modules())
    packed = (weight for module in modules for value in vars(module).values() for weight in _unpacked(value))
    return sum(b.numel() for b in buffers.values()) + sum(weight.numel() for weight in packed)


def _unpacked(value: Any) -> Iterator[torch.Tensor]:
    """Yield the weights inside packed objects: of a layer, or of the cells of a recurrent one, which hold several."""
    if isinstance(value, torch.ScriptObject):
        if hasattr(value, "unpack"):
            yield value.unpack()[0]
        elif hasattr(value, "__getstate__"):
            yield from _unpacked(value.__getstate__())
    elif isinstance(value, (tuple, list)):
        for member in value:
            yield from _unpacked(member)
