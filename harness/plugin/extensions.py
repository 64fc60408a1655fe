"""Extensions of the host itself: packages that bring targets, executors, meters, energy sources, observers or report sections.

They are modules with marked functions, as papers are, from entry-point group `harness.extensions`. One that fails is an error with its reason;
the host and the other extensions go on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from types import SimpleNamespace
from typing import Any

import pluggy

from harness.plugin import hookspecs
from harness.plugin.discovery import IMPORT_LIMIT_S
from harness.plugin.faults import explain, time_limit
from harness.plugin.hooks import check_api, check_names

EXTENSION_GROUP = "harness.extensions"


@dataclass(frozen=True)
class Answer:
    """What one extension gave for a hook, or why it gave nothing."""

    extension: str
    members: Sequence[Any] = ()
    error: str = ""


@dataclass(frozen=True)
class Extensions:
    """Every extension that could be loaded, and the first reason why one could not be loaded or asked."""

    manager: pluggy.PluginManager
    errors: dict[str, str]

    def ask(self, hook: str, **arguments: Any) -> list[Answer]:
        """Ask the extensions that implement a hook, one by one, in the order in which they were found."""
        return [self._ask(implementation, arguments) for implementation in getattr(self.manager.hook, hook).get_hookimpls()]

    def brought(self, hook: str, **arguments: Any) -> list[Any]:
        """Return what all extensions give for a hook, as one list."""
        return [member for answer in self.ask(hook, **arguments) for member in answer.members]

    def refuse(self, extension: str, reason: str) -> None:
        """Keep the reason why an extension, or something it brought, is not used."""
        self.errors.setdefault(extension, reason)

    def _ask(self, implementation: pluggy.HookImpl, arguments: dict[str, Any]) -> Answer:
        name = implementation.plugin_name
        try:
            given: Any = implementation.function(*(arguments[each] for each in implementation.argnames))
            return Answer(name, list(given))
        except (Exception, SystemExit) as error:
            reason, _ = explain(error, implementation.function.__code__.co_filename)
            self.refuse(name, reason)
            return Answer(name, error=reason)


@cache
def load_extensions() -> Extensions:
    """Load the extensions one by one: one that fails is an error with its reason, and the others go on."""
    extensions = Extensions(pluggy.PluginManager(hookspecs.PROJECT), {})
    extensions.manager.add_hookspecs(hookspecs)
    for entry in entry_points(group=EXTENSION_GROUP):
        try:
            with time_limit(IMPORT_LIMIT_S, f"importing took more than {IMPORT_LIMIT_S:g} s; do no work at import, only in the hooks"):
                module = entry.load()
            check_api(module)
            check_names(module)
            extensions.manager.register(SimpleNamespace(**hookspecs.hooks_marked_in(module)), entry.name)
        except (Exception, SystemExit) as error:
            extensions.refuse(entry.name, explain(error, entry.module)[0])
    return extensions


def lacks(thing: object, members: Sequence[str]) -> str:
    """Say which of the members that an extension's object must have are missing; empty where there are all."""
    missing = [name for name in members if not hasattr(thing, name)]
    return f"{type(thing).__name__} has no {', '.join(map(repr, missing))}" if missing else ""
