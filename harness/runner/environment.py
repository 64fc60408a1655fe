"""The environment of a run as flat text facts: the machine, the software, the source's commit. No user name, host name or path."""

from __future__ import annotations

import subprocess
from pathlib import Path

from harness.sources.machine import describe_machine
from harness.targets import Target

COMMIT = "git_commit"


def environment(target: Target, threads: int) -> dict[str, str]:
    """Return the facts of a run on `target` with `threads` threads."""
    return {**describe_machine(), "target": target.name, "device": target.description, "threads": str(threads), COMMIT: git_commit()}


def git_commit() -> str:
    """Return the commit of the host's own checkout, with `+` where files have been changed; empty when it is installed from a wheel."""
    home = Path(__file__).parents[1]
    try:
        commit = _git(home, "rev-parse", "--short=12", "HEAD")
        return commit + ("+" if _git(home, "status", "--porcelain", "--untracked-files=no", ".") else "")
    except (OSError, subprocess.CalledProcessError):
        return ""


def _git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True).stdout.strip()
