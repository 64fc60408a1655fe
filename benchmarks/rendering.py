"""How does the report scale? The figures of `report.py`, run in a process of its own."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from benchmarks.fresh import ROOT
from benchmarks.section import Extent, Goal, Section

TITLE = "The report at scale"
QUICK = ("--papers", "12", "--nights", "2")
_SCRIPT = Path(__file__).with_name("report.py")
_METHOD = "A made-up store of the size below, rendered in a process of its own, and its index opened in Chromium."
_GOAL = re.compile(r"^\s*(?P<name>\w+)\s+(?P<value>[\d.]+)\s+goal (?P<goal>\S+)\s+(?P<verdict>ok|MISSED)$", re.MULTILINE)


def run(extent: Extent) -> Section:
    """Run the script and read its goals."""
    done = subprocess.run(
        [sys.executable, str(_SCRIPT), *(QUICK if extent.quick else ())], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{_SCRIPT.name} left with exit status {done.returncode}; it said: {done.stderr.strip()[-400:]}")
    return Section(TITLE, _METHOD, goals=goals(done.stdout), verbatim=done.stdout.strip())


def goals(text: str) -> list[Goal]:
    """Return the goals that the script has printed."""
    return [Goal(f"{one['name']} under {one['goal']}", one["verdict"] == "ok", one["value"]) for one in _GOAL.finditer(text)]
