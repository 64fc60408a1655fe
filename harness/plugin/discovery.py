"""Find plugins: entry points, packages of papers, and paths; a broken one becomes a row, never the end.

The host walks the entry points itself, one by one: pluggy's own loader stops at the first package that fails to import and silently drops the
second of two with one name.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from harness.errors import HarnessError
from harness.plugin.card import Paper
from harness.plugin.faults import explain, time_limit
from harness.plugin.hooks import Hooks

PLUGIN_GROUP = "harness.plugins"
PACKAGE_GROUP = "harness.plugin_packages"

IMPORT_LIMIT_S = 10.0
"""A card that takes longer than this to import hangs every command: it is given up and reported."""


@dataclass(frozen=True)
class Source:
    """Where a plugin comes from: enough to import it again in another process.

    Attributes:
        name: The slug it is expected to have, for messages about a plugin whose card cannot be read.
        module: Name to import; empty for a path.
        path: A .py file or a package's folder; empty for an importable module.
        origin: For people: `harness-papers 0.1.0`, or the path.
    """

    name: str
    module: str
    path: str
    origin: str

    def load(self) -> ModuleType:
        """Import the plugin's module; whatever its code raises comes through."""
        return _import_path(Path(self.path)) if self.path else importlib.import_module(self.module)


@dataclass(frozen=True)
class Plugin:
    """A plugin that was found: with its card and hooks, or with the reason why it cannot be used."""

    source: Source
    paper: Paper | None
    hooks: Hooks | None
    error: str = ""
    traceback: str = ""

    @property
    def slug(self) -> str:
        """The card's slug, or the name it was found under."""
        return self.paper.slug if self.paper else self.source.name

    @property
    def status(self) -> str:
        """`ok` or `broken`."""
        return "broken" if self.error else "ok"

    @property
    def card(self) -> Paper:
        """The card of a working plugin.

        Raises:
            HarnessError: when the plugin is broken.
        """
        if self.paper is None or self.error:
            raise HarnessError(f"plugin {self.slug!r} cannot be used: {self.error}")
        return self.paper

    def call(self, hook: str, **arguments: Any) -> Any:
        """Call one of this plugin's hooks with the arguments it takes; None where it does not have the hook."""
        if self.hooks is None:
            raise HarnessError(f"plugin {self.slug!r} cannot be used: {self.error}")
        return self.hooks.call(hook, **arguments)

    def has(self, hook: str) -> bool:
        """Say whether the plugin implements `hook`."""
        return self.hooks is not None and self.hooks.has(hook)


def discover(paths: Sequence[str | Path] = ()) -> list[Plugin]:
    """Return every plugin that can be found, sorted by slug, broken ones included.

    Args:
        paths: Folders or .py files given with `--plugin-path`.

    Raises:
        HarnessError: when a path does not exist.
    """
    plugins: list[Plugin] = []
    taken: dict[str, Plugin] = {}
    for source in sources(paths):
        plugin = load(source) if isinstance(source, Source) else source
        if not plugin.error and (first := taken.get(plugin.slug)):
            plugin = Plugin(
                plugin.source,
                plugin.paper,
                None,
                slug_taken(plugin.slug, first.source.origin, plugin.source.origin),
            )
        if not plugin.error:
            taken[plugin.slug] = plugin
        plugins.append(plugin)
    return sorted(plugins, key=lambda p: (p.slug, p.status == "broken"))


def slug_taken(slug: str, first: str, second: str) -> str:
    """Say that the second of two plugins has the first one's slug; both are named by their origins."""
    return f"slug {slug!r} is already taken by {first}; give this card another slug ({second})"


def load(source: Source) -> Plugin:
    """Import one plugin, check its hooks and read its card."""
    try:
        with time_limit(IMPORT_LIMIT_S, f"importing took more than {IMPORT_LIMIT_S:g} s; do no work at import, only in the hooks"):
            module = source.load()
            hooks = Hooks(source.name, module)
            card = hooks.call("paper")
    except (Exception, SystemExit) as error:
        message, trace = explain(error, source.path or source.module)
        return Plugin(source, None, None, message, trace)
    if not isinstance(card, Paper):
        where = hooks.where("paper") or getattr(module, "__file__", source.origin)
        return Plugin(
            source,
            None,
            None,
            f"{where}: hook 'paper' gave {type(card).__name__}; mark a function paper() with @hookimpl that returns a Paper",
        )
    return Plugin(source, card, hooks)


def sources(paths: Sequence[str | Path]) -> Iterator[Source | Plugin]:
    """Yield where every plugin comes from, without importing it; a package of papers that cannot be imported is a broken plugin."""
    for entry in entry_points(group=PLUGIN_GROUP):
        yield Source(entry.name, entry.module, "", _distribution(entry))
    for entry in entry_points(group=PACKAGE_GROUP):
        yield from _package_sources(entry)
    for path in paths:
        yield from _path_sources(Path(path))


def _package_sources(entry: EntryPoint) -> Iterator[Source | Plugin]:
    """Every sub-package of a package of papers; names that start with _ are its own."""
    origin = _distribution(entry)
    try:
        package = importlib.import_module(entry.module)
    except Exception as error:
        message, trace = explain(error, entry.module)
        yield Plugin(Source(entry.name, entry.module, "", origin), None, None, message, trace)
        return
    for found in pkgutil.iter_modules(package.__path__):
        if not found.name.startswith("_"):
            yield Source(found.name, f"{entry.module}.{found.name}", "", origin)


def _path_sources(path: Path) -> Iterator[Source]:
    path = path.resolve()
    if (path.is_file() and path.suffix == ".py") or (path / "__init__.py").is_file():
        yield _path_source(path)
    elif path.is_dir():
        members = [p for p in sorted(path.iterdir()) if not p.name.startswith(("_", ".", "test"))]
        found = [p for p in members if p.suffix == ".py" or (p / "__init__.py").is_file()]
        if not found:
            raise HarnessError(f"--plugin-path {str(path)!r} holds no plugin; it needs a .py file or a folder with __init__.py")
        yield from map(_path_source, found)
    else:
        raise HarnessError(f"--plugin-path {str(path)!r} does not exist as a folder or a .py file")


def _path_source(path: Path) -> Source:
    return Source(path.stem, "", str(path), str(path))


def _distribution(entry: EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else entry.value


def _import_path(path: Path) -> ModuleType:
    """Import a file or a package's folder that is not on the import path, under a name of its own."""
    name = f"harness_path_{path.stem}_{abs(hash(str(path))):x}"
    if name in sys.modules:
        return sys.modules[name]
    package = path.is_dir()
    file = path / "__init__.py" if package else path
    spec = importlib.util.spec_from_file_location(name, file, submodule_search_locations=[str(path)] if package else None)
    if spec is None or spec.loader is None:
        raise HarnessError(f"{file} cannot be imported as a Python module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
