"""The kit with which plugin authors test: a paper on a bench, and the shape of its invariants.

from harness.testing import bench

def test_rows_sum_to_one():
    lab = bench("my_method")                   # or a path: bench("my_method.py")
    model = lab.model("mine")
    ...
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.errors import HarnessError, unknown
from harness.meters.workbench import Workbench
from harness.plugin.card import Scale
from harness.plugin.discovery import discover


def bench(plugin: str | Path, scale: str = Scale.SMOKE, seed: int = 0, **params: Any) -> Workbench:
    """Return a workbench for a plugin, by slug or by path.

    Raises:
        HarnessError: when there is no such plugin, or it is broken; the message says why.
    """
    path = Path(plugin)
    found = discover([path] if path.exists() and (path.suffix == ".py" or path.is_dir()) else [])
    wanted = path.stem if path.exists() else str(plugin)
    for candidate in found:
        if candidate.slug == wanted or candidate.source.path == str(path.resolve()):
            if candidate.error:
                raise HarnessError(candidate.error)
            return Workbench(candidate, scale, params, seed)
    raise unknown("plugin", str(plugin), [p.slug for p in found])
