"""The hooks of one plugin, checked against the specifications by pluggy and called one plugin at a time."""

from __future__ import annotations

from types import ModuleType, SimpleNamespace
from typing import Any

import pluggy

from harness.errors import nearest
from harness.plugin import hookspecs
from harness.plugin.validate import CardError
from harness.version import __version__

_SPECIFIED = {
    name: function.__code__.co_varnames[: function.__code__.co_argcount]
    for name, function in vars(hookspecs).items()
    if hasattr(function, f"{hookspecs.PROJECT}_spec")
}


class Hooks:
    """The hook implementations of one module.

    Raises:
        CardError: when a hook or one of its arguments has a name that is not specified, or there is no `paper` hook.
    """

    def __init__(self, name: str, module: ModuleType) -> None:
        check_api(module)
        check_names(module)
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)
        self._manager.register(SimpleNamespace(**hookspecs.hooks_marked_in(module)), name)
        if not self.has("paper"):
            raise CardError(f"{module.__file__}: no hook 'paper'; mark a function paper() with @hookimpl that returns the card")

    def has(self, hook: str) -> bool:
        """Say whether the module implements `hook`."""
        return bool(getattr(self._manager.hook, hook).get_hookimpls())

    def call(self, hook: str, **arguments: Any) -> Any:
        """Call `hook` with those of `arguments` that it takes; None where the module does not have it."""
        implementations = getattr(self._manager.hook, hook).get_hookimpls()
        if not implementations:
            return None
        implementation = implementations[-1]
        return implementation.function(*(arguments[name] for name in implementation.argnames))

    def where(self, hook: str) -> str:
        """Return `file:line` of an implementation, empty where there is none."""
        implementations = getattr(self._manager.hook, hook).get_hookimpls()
        return _where(implementations[-1].function) if implementations else ""


def check_api(module: ModuleType) -> None:
    """Refuse a module that was written for another version of the contract, before any of its hooks is called."""
    wanted = getattr(module, "HARNESS_API", hookspecs.API_VERSION)
    if wanted != hookspecs.API_VERSION:
        raise CardError(
            f"{module.__file__}: HARNESS_API is {wanted!r}, this harness ({__version__}) speaks plugin API {hookspecs.API_VERSION}; "
            f"install a harness that speaks {wanted!r}, or a release of the plugin for {hookspecs.API_VERSION}"
        )


def check_names(module: ModuleType) -> None:
    """Refuse hooks and arguments that do not exist, with the nearest that do."""
    for name, function in hookspecs.hooks_marked_in(module).items():
        if name not in _SPECIFIED:
            raise CardError(f"{_where(function)}: there is no hook {name!r}; {nearest(name, _SPECIFIED)}")
        code = function.__code__
        for argument in code.co_varnames[: code.co_argcount]:
            if argument not in _SPECIFIED[name]:
                raise CardError(f"{_where(function)}: hook {name!r} has no argument {argument!r}; {nearest(argument, _SPECIFIED[name])}")


def _where(function: Any) -> str:
    return f"{function.__code__.co_filename}:{function.__code__.co_firstlineno}"
