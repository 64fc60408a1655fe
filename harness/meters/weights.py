"""Trained weights, kept by the content that they come from, so that a second process or run measures only. Stored as safetensors, read without pickle.

What is kept is a module's state, and only if that is all that training changed: a model built anew, with the state loaded, must be alike in every
attribute. Anything else is trained again.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_model, save_model

from harness.plugin import values
from harness.plugin.cache import cache_folder
from harness.plugin.home import hash_files

_TRAINERS = [Path(__file__).with_name("training.py"), Path(__file__).with_name("workbench.py"), Path(values.__file__)]
"""What of the host decides how a fit goes; a recipe's defaults are among its values."""
_OWN = frozenset(vars(torch.nn.Module())) - {"training"}
"""Where a module keeps parameters, buffers, members and hooks: compared by name, not as attributes."""
_MAX_DEPTH = 24
"""Deeper than modules are nested; what refers to itself ends here."""


def default_folder() -> Path:
    """Return where weights are kept from run to run."""
    return cache_folder() / "weights"


def weights_file(folder: Path, plugin_hash: str, setting: Mapping[str, Any]) -> Path:
    """Return where the weights of a fit are: by plugin, setting (variant, scale, params, seed, budget), trainer, installed packages and instruction set."""
    machine = [torch.backends.cpu.get_cpu_capability(), sys.version]
    content = json.dumps([plugin_hash, dict(setting), hash_files(_TRAINERS), installed(), machine], sort_keys=True, default=repr)
    return folder / f"{hashlib.sha256(content.encode()).hexdigest()[:32]}.safetensors"


def installed() -> list[str]:
    """Return the names and versions of installed packages, as their folders have them: data and training may come from any."""
    found = {info.name for entry in sys.path if Path(entry).is_dir() for info in Path(entry).glob("*.dist-info")}
    return sorted(found)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of a kept fit, so that of two processes that want it one trains and the other waits, then loads; a process that dies lets go."""
    with ExitStack() as held:
        with suppress(OSError):  # where nothing can be kept, nobody need wait
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = held.enter_context(path.with_suffix(".lock").open("w"))
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def load(path: Path, model: Any) -> bool:
    """Load kept weights into a model just built, and say whether they fit; one that they do not fit may be half overwritten."""
    if not isinstance(model, torch.nn.Module):
        return False
    try:
        load_model(model, path)
    except (OSError, RuntimeError, SafetensorError):
        return False
    return True


def keep(path: Path, fitted: Any, built: Any) -> bool:
    """Keep the state of a fitted model, if with it a model that was just built is alike; say whether it was kept.

    Args:
        path: A file that appears whole or not at all.
        fitted: After training.
        built: The same model before training; becomes a copy of `fitted`.
    """
    if not isinstance(fitted, torch.nn.Module) or type(fitted) is not type(built) or not any(True for _ in fitted.state_dict()):
        return False
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".tmp", delete=False) as file:
            temporary = Path(file.name)
        save_model(fitted, str(temporary))
        if not (load(temporary, built) and alike(fitted, built)):
            return False
        temporary.replace(path)
        return True
    except (OSError, RuntimeError, ValueError):
        return False
    finally:
        if temporary is not None:
            with suppress(FileNotFoundError):
                temporary.unlink()


def alike(first: Any, second: Any, depth: int = 0) -> bool:
    """Say whether two values are the same in all that can be seen of them; False where that cannot be told."""
    if first is second:
        return True
    if type(first) is not type(second) or depth > _MAX_DEPTH:
        return False
    for kind, compare in _COMPARED.items():
        if isinstance(first, kind):
            return compare(first, second, depth + 1)
    if callable(first) or not hasattr(first, "__dict__"):
        return bool(first == second)
    return alike(vars(first), vars(second), depth + 1)


def _alike_tensors(first: torch.Tensor, second: torch.Tensor, _depth: int) -> bool:
    return first.dtype == second.dtype and first.requires_grad == second.requires_grad and torch.equal(first, second)


def _alike_arrays(first: Any, second: Any, _depth: int) -> bool:
    return first.dtype == second.dtype and np.array_equal(first, second)


def _alike_mappings(first: Mapping[Any, Any], second: Mapping[Any, Any], depth: int) -> bool:
    return first.keys() == second.keys() and all(alike(first[key], second[key], depth) for key in first)


def _alike_sequences(first: Sequence[Any], second: Sequence[Any], depth: int) -> bool:
    return len(first) == len(second) and all(alike(a, b, depth) for a, b in zip(first, second, strict=True))


def _alike_modules(first: torch.nn.Module, second: torch.nn.Module, depth: int) -> bool:
    def attributes(module: torch.nn.Module) -> dict[str, Any]:
        return {name: value for name, value in vars(module).items() if name not in _OWN}

    pairs = [
        (dict(first.named_parameters(recurse=False)), dict(second.named_parameters(recurse=False))),
        (dict(first.named_buffers(recurse=False)), dict(second.named_buffers(recurse=False))),
        (dict(first.named_children()), dict(second.named_children())),
        (attributes(first), attributes(second)),
    ]
    return not (first._forward_hooks or first._forward_pre_hooks) and all(alike(a, b, depth) for a, b in pairs)


_COMPARED: Mapping[type | tuple[type, ...], Callable[[Any, Any, int], bool]] = {
    torch.Tensor: _alike_tensors,
    np.ndarray: _alike_arrays,
    torch.nn.Module: _alike_modules,
    Mapping: _alike_mappings,
    (list, tuple): _alike_sequences,
}
"""How members of a kind are compared; what is of none, by its attributes, or by equality."""
