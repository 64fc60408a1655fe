"""What a value is, in a few characters: its content for telling whether it changed, its structure for telling what kind of answer it is."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

_MAX_DEPTH = 12
"""Deeper than any data or model reaches; an object that refers to itself ends here."""


def digest(value: Any) -> str:
    """Return a hash of all that a value holds: tensors, arrays, modules, containers, and the attributes of other objects."""
    hasher = hashlib.sha256()
    _feed(value, hasher.update, 0)
    return hasher.hexdigest()[:16]


def _feed(value: Any, update: Callable[[bytes], None], depth: int) -> None:
    import numpy as np
    import torch

    update(type(value).__name__.encode())
    if depth > _MAX_DEPTH or (callable(value) and not isinstance(value, torch.nn.Module)):
        return
    if isinstance(value, torch.Tensor):
        _feed_tensor(value, update)
    elif isinstance(value, np.ndarray) and value.dtype != object:
        update(f"{value.dtype}{value.shape}".encode() + np.ascontiguousarray(value).tobytes())
    elif isinstance(value, (str, bytes, int, float, complex, bool, np.generic)) or value is None:
        update(repr(value).encode())
    elif isinstance(value, (set, frozenset)):
        _feed(sorted(digest(member) for member in value), update, depth + 1)
    else:
        for name, member in _members(value):
            update(name.encode())
            _feed(member, update, depth + 1)


def _feed_tensor(tensor: Any, update: Callable[[bytes], None]) -> None:
    import torch

    update(f"{tensor.dtype}{tuple(tensor.shape)}".encode())
    if tensor.layout == torch.strided and not tensor.is_quantized and tensor.device.type != "meta":
        update(tensor.detach().cpu().resolve_conj().resolve_neg().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    elif tensor.layout != torch.strided:
        update(repr(tensor.detach().to_dense().tolist()).encode())
    else:
        update(repr(tensor).encode())


def _members(value: Any) -> list[tuple[str, Any]]:
    """Return what a container, a module or any other object holds, with names."""
    import torch

    if isinstance(value, torch.nn.Module):
        return list(value.state_dict().items())
    if isinstance(value, Mapping):
        return [(repr(key), member) for key, member in value.items()]
    if is_dataclass(value) and not isinstance(value, type):
        return [(f.name, getattr(value, f.name)) for f in fields(value)]
    if isinstance(value, (tuple, list)) or hasattr(value, "tolist"):
        return [(str(i), member) for i, member in enumerate(value)]
    return sorted((name, member) for name, member in vars(value).items()) if hasattr(value, "__dict__") else []


def structure(value: Any) -> str:
    """Return the kind of an answer: nesting, shapes, and whether numbers are floating; `(array[2, 10] float, text)`."""
    if (shape := getattr(value, "shape", None)) is not None and hasattr(value, "dtype"):
        return f"array[{', '.join(map(str, shape))}] {_kind(str(value.dtype))}"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {structure(member)}" for key, member in value.items()) + "}"
    if is_dataclass(value) and not isinstance(value, type):
        return f"{type(value).__name__}({', '.join(structure(getattr(value, f.name)) for f in fields(value))})"
    if isinstance(value, (tuple, list)):
        return "(" + ", ".join(structure(member) for member in value) + ")"
    if isinstance(value, (bool, int, float)):
        return "number"
    return type(value).__name__


def _kind(dtype: str) -> str:
    return next((kind for kind in ("float", "complex", "bool") if kind in dtype), "integer")
