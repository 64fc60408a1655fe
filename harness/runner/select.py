"""`--plugins`: which plugins a run is about."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from harness.errors import HarnessError, NothingToMeasureError, unknown
from harness.plugin.discovery import Plugin

_FAMILY = "family:"


def select(plugins: Sequence[Plugin], wanted: str) -> list[Plugin]:
    """Return the plugins that a comma-separated selection names, in the order in which they are listed.

    Args:
        plugins: Every plugin that was found, broken ones included.
        wanted: `all`, slugs, globs (`h*`), `family:attention`.

    Raises:
        HarnessError: for a slug, glob or family that matches nothing, with the nearest names.
        NothingToMeasureError: when no plugin is installed.
    """
    if not plugins:
        raise NothingToMeasureError("no plugin is installed; run: pip install harness-papers, or give --plugin-path")
    chosen: set[int] = set()
    for term in filter(None, (part.strip() for part in wanted.split(","))):
        chosen |= {id(p) for p in _matching(plugins, term)}
    if not chosen:
        raise HarnessError(f"--plugins {wanted!r} names no plugin; write 'all', slugs, globs or family:NAME")
    return [p for p in plugins if id(p) in chosen]


def _matching(plugins: Sequence[Plugin], term: str) -> list[Plugin]:
    if term == "all":
        return list(plugins)
    if term.startswith(_FAMILY):
        family = term.removeprefix(_FAMILY)
        families = {p.paper.family for p in plugins if p.paper}
        if family not in families:
            raise unknown("family", family, families)
        return [p for p in plugins if p.paper and p.paper.family == family]
    found = [p for p in plugins if fnmatchcase(p.slug, term)]
    if not found:
        raise unknown("plugin", term, {p.slug for p in plugins})
    return found
