"""Extensions of the host itself: packages that bring energy sources, from entry-point group `harness.extensions`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from typing import Any

import pluggy

from harness.plugin import hookspecs
from harness.plugin.faults import explain
from harness.plugin.hooks import check_names

EXTENSION_GROUP = "harness.extensions"


@dataclass(frozen=True)
class Extensions:
    """Every extension that could be loaded, and why the others could not."""

    manager: pluggy.PluginManager
    errors: dict[str, str]

    def brought(self, hook: str, **arguments: Any) -> list[Any]:
        """Return what all extensions give for a hook, as one list."""
        return [member for answer in getattr(self.manager.hook, hook)(**arguments) for member in answer]


@cache
def load_extensions() -> Extensions:
    """Load the extensions one by one: one that fails is an error with its reason, and the others go on."""
    manager, errors = pluggy.PluginManager(hookspecs.PROJECT), dict[str, str]()
    manager.add_hookspecs(hookspecs)
    for entry in entry_points(group=EXTENSION_GROUP):
        try:
            module = entry.load()
            check_names(module)
            manager.register(module)
        except Exception as error:
            errors[entry.name], _ = explain(error, entry.module)
    return Extensions(manager, errors)
