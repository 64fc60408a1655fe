"""Send callables and their inputs to fresh processes, and lay them on a bench there."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from harness.errors import HarnessError
from harness.meters.base import Effort

if TYPE_CHECKING:
    from harness.meters.workbench import Subject


def name_of(function: Any) -> str:
    """Return what to call a callable in messages."""
    return getattr(function, "__qualname__", None) or type(function).__name__


@dataclass(frozen=True)
class CallJob:
    """One repetition of one meter over callables, as plain data.

    Attributes:
        payload: File with the callables and inputs.
        meter: Which meter observes.
        names: Names of the callables.
        effort: Which repetition, and how much of it.
        device: `cpu` or `cuda:n`.
        threads: Threads that torch may use.
        items: Items that one call processes; None for the first input's leading dimension.
        gradients: Whether the calls differentiate.
        mode: `eager`, `compile` or `cudagraph`.
        path: The sender's module search path.
    """

    entry: ClassVar[str] = "harness.profiling.worker"

    payload: str
    meter: str
    names: tuple[str, ...]
    effort: Effort
    device: str
    threads: int
    items: float | None
    gradients: bool
    mode: str
    path: tuple[str, ...]

    def to_json(self) -> str:
        """Return the job as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> CallJob:
        """Return the job that `to_json` wrote."""
        plain = json.loads(text)
        return cls(**{**plain, "effort": Effort(**plain["effort"]), "names": tuple(plain["names"]), "path": tuple(plain["path"])})

    def at(self, meter: str, effort: Effort) -> CallJob:
        """Return the job for another meter or repetition."""
        return replace(self, meter=meter, effort=effort)


def pack(functions: Mapping[str, Callable[..., Any]], inputs: Sequence[Any], folder: str) -> str:
    """Write callables and inputs to a file in `folder` and return its path.

    Raises:
        HarnessError: when one of them cannot be sent to another process; names it.
    """
    import cloudpickle

    for name, value in [*functions.items(), *((f"argument {i}", x) for i, x in enumerate(inputs))]:
        try:
            cloudpickle.dumps(value)
        except Exception as error:
            raise HarnessError(f"{name!r} cannot be sent to a fresh process: {error}; give a module, function or tensors") from error
    with tempfile.NamedTemporaryFile(dir=folder, suffix=".pkl", delete=False) as file:
        file.write(cloudpickle.dumps((dict(functions), tuple(inputs))))
    return file.name


@dataclass
class CallBench:
    """What meters need of a workbench, over callables. Worker side."""

    functions: Mapping[str, Callable[..., Any]]
    inputs: tuple[Any, ...]
    device: str
    items: float | None
    gradients: bool
    mode: str

    @classmethod
    def unpack(cls, job: CallJob) -> CallBench:
        """Read what `pack` wrote, and place it on the device."""
        import pickle

        from harness.meters.workbench import place

        sys.path[:] = list(dict.fromkeys([*job.path, *sys.path]))
        # The file was written by the process that started this one, for this one.
        functions, inputs = pickle.loads(Path(job.payload).read_bytes())
        placed = {name: place(function, job.device) for name, function in functions.items()}
        return cls(placed, place(inputs, job.device), job.device, job.items, job.gradients, job.mode)

    def needs_fit(self, workload: str) -> bool:
        """Return False: a callable comes as it is."""
        return False

    def formulas(self) -> None:
        """Return no formulas: a callable brings none."""
        return

    def subject(self, workload: str, variant: str) -> Subject:
        """Return a callable as meters take it; a module in eval mode."""
        import torch

        from harness.meters.workbench import Subject, compiled
        from harness.plugin.values import Data, Work

        function = self.functions[variant]
        if isinstance(function, torch.nn.Module):
            function.eval()
        called = compiled(function, self.mode)
        data = Data(self.inputs)
        items = data.count if self.items is None else self.items
        return Subject(variant, function, data, Work(partial(called, *self.inputs), items), self.gradients)
