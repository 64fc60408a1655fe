"""Which module runs an operator, in the forward pass and in the backward pass. For workers: imports torch."""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

import torch
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook


class Owners:
    """Follow the modules as they run.

    Hooks are registered for all modules at once, not on each: a transformer layer with a hook of its own leaves its fast path, and the count would be of
    other kernels than those that are timed.

    Args:
        roots: Modules whose paths name the rows. Modules outside them go by the name of their class.
    """

    def __init__(self, roots: tuple[torch.nn.Module, ...]) -> None:
        self._paths: dict[int, str] = {}
        self._named: list[torch.nn.Module] = []
        for index, root in enumerate(roots):
            self._name(root, "" if len(roots) == 1 else f"{type(root).__name__}[{index}]")
        self._running: list[str] = []
        self._by_node: dict[int, str] = {}
        self._hooks = ExitStack()

    def _name(self, root: torch.nn.Module, prefix: str) -> None:
        self._named.append(root)  # kept alive, so that no other module gets its id
        for path, module in root.named_modules():
            self._paths.setdefault(id(module), ".".join(part for part in (prefix, path) if part))

    def __enter__(self) -> Self:
        for handle in (register_module_forward_pre_hook(self._enter), register_module_forward_hook(self._leave, always_call=True)):
            self._hooks.callback(handle.remove)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._hooks.close()

    def _enter(self, module: torch.nn.Module, _inputs: Any) -> None:
        path = self._paths.get(id(module))
        if path is None:
            self._name(module, ".".join(part for part in (self.running, type(module).__name__) if part))
            path = self._paths[id(module)]
        self._running.append(path)

    def _leave(self, _module: torch.nn.Module, _inputs: Any, _outputs: Any) -> None:
        self._running.pop()

    @property
    def running(self) -> str:
        """The path of the innermost module that is in its forward pass; empty outside any."""
        return self._running[-1] if self._running else ""

    def current(self) -> str:
        """Return the module to which the operator that runs now belongs.

        An operator of the backward pass belongs where its forward operator ran: autograd numbers its nodes as the forward pass makes them.
        """
        if self._running:
            owner = self._running[-1]
        else:
            node = torch._C._current_autograd_node()
            owner = self._by_node.get(node._sequence_nr(), "") if node is not None else ""
        self._by_node.setdefault(torch._C._autograd._get_sequence_nr() - 1, owner)
        return owner
