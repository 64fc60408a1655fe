"""Run a module in a Python of its own and take its JSON."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
_LAST_WORDS = 400
"""Characters of a failed process's output that are kept."""


class FreshError(Exception):
    """A process that did not give what it was asked for; says which and what it printed last."""


@dataclass(frozen=True)
class Answer:
    """What a process printed, and the seconds from its start to its end."""

    value: Any
    wall_s: float


def run_fresh(module: str, *arguments: str, timeout_s: float = 600.0) -> Answer:
    """Run `python -m module` and parse its last line.

    Raises:
        FreshError: when it fails, prints no JSON, or takes too long.
    """
    start = time.perf_counter()
    try:
        done = subprocess.run(
            [sys.executable, "-m", module, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=timeout_s, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise FreshError(f"{module} did not end within {timeout_s:g} s") from error
    wall_s = time.perf_counter() - start
    if done.returncode:
        said = (done.stderr or done.stdout).strip()[-_LAST_WORDS:]
        raise FreshError(f"{module} left with exit status {done.returncode}; it said: {said}")
    try:
        return Answer(json.loads(done.stdout.splitlines()[-1]), wall_s)
    except (IndexError, json.JSONDecodeError) as error:
        raise FreshError(f"{module} printed no JSON but {done.stdout[-_LAST_WORDS:]!r}") from error
