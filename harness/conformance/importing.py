"""The check that a plugin's import is light: in a fresh interpreter, so that nothing has been imported before."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from typing import Any

from harness.conformance.finding import Verdict, fails, holds
from harness.conformance.workers import TIMEOUT_S, Examined, WorkerError

LIMIT_S = 0.05
"""A thousand plugins of this weight take the better part of a minute to list; one that is heavier is felt alone."""
_TRIES = 5
"""The smallest of a few: on a busy machine a try may cost several times what the import does, never less."""


def light(examined: Examined) -> Verdict:
    """Import the plugin and read its card in fresh interpreters; judge the CPU time beyond `import harness`, and what came with it."""
    tries: list[dict[str, Any]] = []
    while len(tries) < _TRIES and not (tries and (tries[-1]["cpu_s"] <= LIMIT_S or tries[-1]["torch"])):
        tries.append(_try(examined))
    best = min(tries, key=lambda t: float(t["cpu_s"]))
    if best["torch"]:
        return fails("importing the plugin imports torch", "import torch, and what imports it, inside the hooks")
    brought = f"; it brings {', '.join(best['brought'])}" if best["brought"] else ""
    took = f"{best['cpu_s'] * 1000:.0f} ms of CPU time"
    return holds(took) if best["cpu_s"] <= LIMIT_S else fails(f"importing the plugin takes {took}, over {LIMIT_S * 1000:.0f}{brought}")


def _try(examined: Examined) -> dict[str, Any]:
    command = [sys.executable, "-m", "harness.conformance.import_probe", json.dumps(asdict(examined.plugin.source))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    lines = done.stdout.splitlines()
    if done.returncode or not lines:
        raise WorkerError(f"importing the plugin in a fresh interpreter fails: {(done.stderr.strip().splitlines() or ['no message'])[-1]}")
    seen: dict[str, Any] = json.loads(lines[-1])
    return seen
