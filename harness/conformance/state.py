"""The check that hooks leave the process as they found it: settings of torch, and the streams of random numbers that the host has seeded.

A hook that seeds a global generator is seen without looking into it: two passes start from different states, and where the states are the same
after a hook, the hook has put its own in their place.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from harness.conformance.finding import Verdict, unless
from harness.conformance.workers import Examined
from harness.plugin.discovery import Plugin

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from harness.conformance.stage import Stage

_STREAMS = (101, 202)
"""Two states of the global generators, unlike the seed that hooks are given."""


def clean(examined: Examined) -> Verdict:
    """Call every hook for the subject in two processes, whose global generators differ, and look at what is left."""
    first, second = (examined.ask("state:left", server, stream=stream) for server, stream in enumerate(_STREAMS))
    complaints = list(first["changed"])
    for step, generators in first["generators"].items():
        again = second["generators"].get(step, {})
        complaints += [f"{step} seeds the global generator of {name}" for name, state in generators.items() if state == again.get(name)]
    return unless(complaints, f"{len(first['generators'])} calls left nothing behind")


def left(stage: Stage, stream: int) -> dict[str, Any]:
    """Go through the hooks of the subject as a run does, and return what they changed and where the generators stood after each."""
    watched = _Watched(**vars(stage.plugin), stream=stream)
    bench = type(stage)(watched, stage.scale).bench()
    subject = stage.card.subject.name
    for workload in stage.workloads:
        with suppress(Exception):  # what a hook raises is told by the checks of its results
            prepared = bench.subject(workload, subject)
            with prepared.guarded():
                watched.watch(f"workload {workload!r}", prepared.work.run)
    if stage.card.qualities:
        for judge in (bench.metric, bench.artifacts):
            with suppress(Exception):
                judge(subject)
    return {"changed": list(dict.fromkeys(watched.changed)), "generators": watched.generators}


@dataclass(frozen=True)
class _Watched(Plugin):
    """The plugin, looked at before and after each of its hooks."""

    stream: int = 0
    changed: list[str] = field(default_factory=list)
    generators: dict[str, Mapping[str, str]] = field(default_factory=dict)

    def call(self, hook: str, **arguments: Any) -> Any:
        """Call a hook between two looks at the process."""
        if not self.has(hook):
            return None
        named = next((f" of split {arguments[k]!r}" if k == "split" else f" {arguments[k]!r}" for k in _TELLING if k in arguments), "")
        return self.watch(f"hook {hook!r}{named}", lambda: super(_Watched, self).call(hook, **arguments))

    def watch(self, step: str, run: Callable[[], Any]) -> Any:
        """Run a step; note settings that it changed, and where it left the generators."""
        from harness.meters.workbench import seed_everything

        seed_everything(self.stream)
        before = _settings()
        result = run()
        for name, value in _settings().items():
            if value != before[name]:
                self.changed.append(f"{step} leaves {name} at {value}, it was {before[name]}")
        self.generators[step] = _generators()
        return result


_TELLING = ("name", "split", "variant")


def _settings() -> dict[str, str]:
    import torch

    return {
        "the number of threads": str(torch.get_num_threads()),
        "the default dtype": str(torch.get_default_dtype()),
        "gradients": "on" if torch.is_grad_enabled() else "off",
        "the default device": str(torch.get_default_device()),
        "the precision of matrix products": torch.get_float32_matmul_precision(),
        "deterministic algorithms": str(torch.are_deterministic_algorithms_enabled()),
        "the working folder": os.getcwd(),  # noqa: PTH109  a string to compare
    }


def _generators() -> dict[str, str]:
    import random

    import numpy as np
    import torch

    from harness.meters.fingerprint import digest

    return {"random": digest(random.getstate()), "numpy": digest(np.random.get_state()), "torch": digest(torch.get_rng_state())}
