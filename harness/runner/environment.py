"""The environment of a run as flat text facts: the machine, the software, the source's commit. No user name, host name or path."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import harness
from harness.sources.machine import describe
from harness.targets import Target

COMMIT = "git_commit"


def environment(target: Target, threads: int) -> dict[str, str]:
    """Return the facts of a run on `target` with `threads` threads."""
    facts = {**describe().to_dict(), "target": target.name, "device": target.description, "threads": threads, COMMIT: git_commit()}
    return dict(_flat("", facts))


def git_commit() -> str:
    """Return the commit of the host's own checkout, with `+` where files have been changed; empty when it is installed from a wheel."""
    home = Path(harness.__file__).parent
    try:
        commit = _git(home, "rev-parse", "--short=12", "HEAD")
        return commit + ("+" if _git(home, "status", "--porcelain", "--untracked-files=no", ".") else "")
    except (OSError, subprocess.CalledProcessError):
        return ""


def _git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True).stdout.strip()


def _flat(prefix: str, facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    rows = []
    for key, value in facts.items():
        if isinstance(value, Mapping):
            rows += _flat(f"{prefix}{key}.", value)
        else:
            rows.append((f"{prefix}{key}", ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)))
    return rows
