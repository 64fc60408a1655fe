"""Find the one plugin that a slug or a path means."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from harness.errors import HarnessError, unknown
from harness.plugin.discovery import Plugin, discover, load


def find_plugin(wanted: str, paths: Sequence[str | Path] = ()) -> Plugin:
    """Return the plugin called `wanted`, broken or not: a slug that is installed or given, or the path of a file or folder.

    A bare name is a slug first, and a path where no plugin has it.

    Args:
        wanted: Slug or path.
        paths: Further folders or .py files to find slugs in.

    Raises:
        HarnessError: when there is no such plugin, or the path holds several.
    """
    if not _is_spelled_as_path(wanted):
        found = discover(paths)
        for plugin in found:
            if plugin.slug == wanted:
                return plugin
        if not Path(wanted).exists():
            raise unknown("plugin", wanted, {p.slug for p in found})
    return _at(Path(wanted))


def _is_spelled_as_path(wanted: str) -> bool:
    return os.sep in wanted or wanted.endswith(".py") or wanted in (os.curdir, os.pardir)


def _at(path: Path) -> Plugin:
    # Loaded again on its own: a file whose plugin is installed as well is no second plugin of that name.
    home = path.resolve()
    found = [load(p.source) for p in discover([path]) if p.source.path and Path(p.source.path).is_relative_to(home)]
    if len(found) > 1:
        raise HarnessError(f"{str(path)!r} holds {len(found)} plugins ({', '.join(p.slug for p in found)}); name one file or package")
    return found[0]
