"""The content key: two cases with one key would give the same figures, so the second need not be measured."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from harness.plugin.discovery import Plugin
from harness.runner.case import Case, digest
from harness.runner.environment import COMMIT

_UNRELATED = ("report", "cli", "store", "claims")
"""Rooms of the host that only show or keep figures."""


def content_key(case: Case, plugin: Plugin, environment: Mapping[str, str]) -> str:
    """Return the hash of all that a case's figures depend on: its identity, the plugin's and the host's source, machine and software."""
    facts = {key: value for key, value in environment.items() if key != COMMIT and not key.startswith("fitness")}
    return digest([case.identity, plugin_source_hash(_home(plugin)), host_source_hash(), facts])


@cache
def host_source_hash() -> str:
    """Hash the source of the host, as far as it makes figures."""
    home = Path(__file__).parents[1]
    return _hash(path for path in _sources(home) if path.relative_to(home).parts[0] not in _UNRELATED)


@cache
def plugin_source_hash(home: Path) -> str:
    """Hash a plugin's source: its file or folder, and the private folders beside it that papers of a package share (`_kit`)."""
    if home.is_file():
        return _hash([home])
    shared = [p for p in home.parent.iterdir() if p.is_dir() and p.name.startswith("_") and p.name != "__pycache__"]
    return _hash(path for folder in [home, *sorted(shared)] for path in _sources(folder))


def _home(plugin: Plugin) -> Path:
    if plugin.source.path:
        return Path(plugin.source.path)
    file = Path(plugin.source.load().__file__ or "")
    return file.parent if file.name == "__init__.py" else file


def _sources(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.py"))


def _hash(paths: Iterable[Path]) -> str:
    total = hashlib.sha256()
    for path in paths:
        total.update(path.name.encode() + b"\0" + path.read_bytes())
    return total.hexdigest()[:16]
