"""The content key: two cases with one key would give the same figures, so the second need not be measured."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from harness.plugin.discovery import Plugin
from harness.plugin.home import hash_files, home_of, source_hash
from harness.runner.case import Case, digest
from harness.runner.environment import COMMIT

_UNRELATED = ("report", "cli", "store", "claims")
"""Rooms of the host that only show or keep figures."""


def content_key(case: Case, plugin: Plugin, environment: Mapping[str, str]) -> str:
    """Return the hash of all that a case's figures depend on: its identity, the plugin's and the host's source, machine and software."""
    home = home_of(plugin.source)
    facts = {key: value for key, value in environment.items() if key != COMMIT and not key.startswith("fitness")}
    return digest([case.identity, source_hash(home) if home else plugin.source.origin, host_source_hash(), facts])


@cache
def host_source_hash() -> str:
    """Hash the source of the host, as far as it makes figures."""
    home = Path(__file__).parents[1]
    return hash_files(path for path in sorted(home.rglob("*.py")) if path.relative_to(home).parts[0] not in _UNRELATED)
