"""What a worker does for a check: load the plugin and call one function. Runs in a forked process."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from harness.conformance.stage import Stage
from harness.plugin.discovery import Source, load
from harness.runner.job import write_outcome


@dataclass(frozen=True)
class CheckJob:
    """One question about a plugin, as plain data.

    Attributes:
        source: Where the plugin is imported from.
        function: `module:function` below this package; called with a `Stage` and the arguments, it returns JSON data.
        scale: At which hooks are called.
        arguments: Further arguments of the function.
    """

    entry: ClassVar[str] = __name__

    source: Source
    function: str
    scale: str
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        """Return the job as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> CheckJob:
        """Return the job that `to_json` wrote."""
        plain: dict[str, Any] = json.loads(text)
        return cls(Source(**plain["source"]), plain["function"], plain["scale"], plain["arguments"])


def execute(job_text: str, result: Path) -> None:
    """Run a job and write its outcome to `result`, whatever happens."""
    job = CheckJob.from_json(job_text)
    write_outcome(lambda: {"observation": _observe(job)}, job.source.path or job.source.module, result)


def _observe(job: CheckJob) -> Mapping[str, Any]:
    import torch

    torch.set_num_threads(1)  # figures must not depend on how many cores the machine has
    module, _, name = job.function.partition(":")
    function = getattr(importlib.import_module(f"harness.conformance.{module}"), name)
    observation: Mapping[str, Any] = function(Stage(load(job.source), job.scale), **job.arguments)
    return observation
