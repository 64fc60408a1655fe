"""One line a plugin, for `harness list`: remembered between commands, so that a thousand cards need not be imported to name them.

What is remembered counts while no source file of the plugin has changed. A broken plugin is never remembered: what it lacks may be elsewhere.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from harness.plugin.cache import cache_folder
from harness.plugin.discovery import Plugin, Source, load, slug_taken, sources
from harness.plugin.home import home_of, source_files
from harness.version import __version__


@dataclass(frozen=True)
class Listing:
    """What a list shows of a plugin.

    Attributes:
        slug: Its name.
        title: The paper's title; empty, like all that follows from the card, where the plugin is broken.
        year: Year of publication.
        family: Its comparison table.
        variants: Names of the variants, in the card's order.
        subject: Name of the paper's method.
        workloads: Names of the workloads.
        status: `ok` or `broken`.
        error: Why it is broken.
        origin: The distribution with its version, or the path.
    """

    slug: str
    title: str = ""
    year: int | None = None
    family: str = ""
    variants: Sequence[str] = ()
    subject: str = ""
    workloads: Sequence[str] = ()
    status: str = "broken"
    error: str = ""
    origin: str = ""


def listings(paths: Sequence[str | Path] = (), memory: Path | None = None) -> list[Listing]:
    """Return a line for every plugin that can be found, sorted by slug, broken ones included.

    Args:
        paths: Folders or .py files given with `--plugin-path`.
        memory: A file to remember lines in; in the user's cache folder by default.

    Raises:
        HarnessError: when a path does not exist.
    """
    remembered = _Memory(memory or default_memory())
    found: list[Listing] = []
    first: dict[str, Listing] = {}
    for source in sources(paths):
        line = _line(source) if isinstance(source, Plugin) else remembered.line(source)
        if not line.error and line.slug in first:
            line = replace(Listing(line.slug, origin=line.origin), error=slug_taken(line.slug, first[line.slug].origin, line.origin))
        if not line.error:
            first[line.slug] = line
        found.append(line)
    remembered.save()
    return sorted(found, key=lambda line: (line.slug, line.status == "broken"))


def default_memory() -> Path:
    """Return the file that lines are remembered in."""
    return cache_folder() / "plugins.json"


def _line(plugin: Plugin) -> Listing:
    card, origin = plugin.paper, plugin.source.origin
    if card is None:
        return Listing(plugin.slug, error=plugin.error, origin=origin)
    workloads = [w.name for w in card.workloads]
    return Listing(card.slug, card.title, card.year, card.family, card.variant_names, card.subject.name, workloads, "ok", "", origin)


@dataclass
class _Memory:
    """Lines by the fingerprint of the source that they were read from; a file that cannot be read or written is done without."""

    file: Path
    _known: dict[str, Any] = field(default_factory=dict)
    _used: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            known = json.loads(self.file.read_text())
            self._known = known if isinstance(known, dict) else {}

    def line(self, source: Source) -> Listing:
        key = fingerprint(source)
        if key and key in self._known:
            self._used[key] = self._known[key]
            with contextlib.suppress(TypeError):
                return replace(Listing(**self._known[key]), origin=source.origin)
        line = _line(load(source))
        if key and not line.error:
            self._used[key] = asdict(line)
        return line

    def save(self) -> None:
        """Keep the lines that were used or read now, if any is new; the file appears whole or not at all."""
        known = {**self._known, **self._used}
        if known == self._known:
            return
        with contextlib.suppress(OSError):
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile("w", dir=self.file.parent, delete=False) as temporary:
                json.dump(self._used, temporary)
            Path(temporary.name).replace(self.file)


def fingerprint(source: Source) -> str:
    """Hash where a plugin is and when each of its files was written; empty where that cannot be told without importing it."""
    home = home_of(source)
    if home is None:
        return ""
    parts = [__version__, str(Path(__file__).stat().st_mtime_ns), source.module, str(home)]
    for file in source_files(home):
        seen = file.stat()
        parts.append(f"{file.name} {seen.st_mtime_ns} {seen.st_size}")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:24]
