"""Every hook, on one page: when it is called, what it is given, what it returns.

A hook takes only the arguments it needs: `def model(variant, scale)` is as good as the full signature. The host seeds `torch`, `numpy` and
`random` with `seed` before each call, runs hooks of a paper in a process of their own, moves models and inputs to the device and dtype that are
measured, and owns timing, threads and files. Only `paper` runs in the host's own process, so it must not import torch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any, TypeVar

import pluggy

from harness.plugin.card import Paper
from harness.plugin.events import RunObserver
from harness.plugin.section import Section
from harness.plugin.values import Artifact, Budget, Data, Quality, Work

PROJECT = "harness"

API_VERSION = 1
"""The version of this contract: raised when a hook or a card's field changes its meaning or goes away, never for an addition.

A module may say `HARNESS_API = 1`; another number is refused before any of its hooks is called. A module that says nothing is taken as it is.
"""

hookspec = pluggy.HookspecMarker(PROJECT)

_Function = TypeVar("_Function", bound=Callable[..., Any])
_mark = pluggy.HookimplMarker(PROJECT)
_MARKED: dict[str, list[Callable[..., Any]]] = {}


def hookimpl(function: _Function) -> _Function:
    """Mark a function as one of a plugin's hooks.

    It is remembered as well: importing a submodule of a hook's name (`model.py`) puts the submodule in the function's place.
    """
    _MARKED.setdefault(function.__module__, []).append(function)
    return _mark(function)


def hooks_marked_in(module: ModuleType) -> dict[str, Callable[..., Any]]:
    """Return the functions that were marked as hooks while `module` was imported, by name."""
    return {f.__name__: f for f in _MARKED.get(module.__name__, ()) if f.__globals__ is vars(module)}


@hookspec
def paper() -> Paper:  # type: ignore[empty-body]
    """Return the card. Called in the host's process for listing: no torch, no work, under 50 ms.

    Raises:
        CardError: when a field cannot be right; raised by the card's own constructors.
    """


@hookspec
def model(variant: str, scale: str, params: Mapping[str, Any], seed: int, fitted: Any) -> Any:
    """Build a variant, on the default device, in eval mode, deterministic in `seed`.

    Args:
        variant: Name of the variant to build.
        scale: `smoke`, `small` or `paper`.
        params: The sweep point: every axis of the card, and the params of a published size. Units are the card's.
        seed: Already set globally when this is called.
        fitted: For a variant with `shares_fit`, the fitted model of the variant that it names; else None.

    Returns:
        A `torch.nn.Module`, or any object for which `workload` and `metric` know what to do. Called under `torch.device("meta")` for static
        figures at `paper` scale: build with torch factories and modules, and read no values.
    """


@hookspec
def data(scale: str, split: str, params: Mapping[str, Any], seed: int) -> Data:  # type: ignore[empty-body]
    """Return inputs, the same for every variant; deterministic, offline.

    Args:
        scale: `smoke`, `small` or `paper`.
        split: `profile` (the arguments of one timed call), `train` or `test`.
        params: The sweep point.
        seed: Already set globally; the data set itself should depend on it only where sampling is part of the experiment.
    """


@hookspec
def fit(variant: str, model: Any, data: Data, scale: str, params: Mapping[str, Any], budget: Budget, seed: int) -> Any:
    """Train `model` on the `train` split and return the fitted model. Optional: without it the host runs `data.recipe`.

    Args:
        variant: Name of the variant.
        model: What `model` built. May be changed in place.
        data: The `train` split.
        scale: `smoke`, `small` or `paper`.
        params: The sweep point.
        budget: The most optimizer steps: `budget.cap(n)`.
        seed: Already set globally.
    """


@hookspec
def metric(variant: str, model: Any, data: Data, scale: str, params: Mapping[str, Any], seed: int) -> Mapping[str, Quality]:  # type: ignore[empty-body]
    """Judge a fitted model on the `test` split, gradients off.

    Returns:
        `{name: Quality}` with names and directions of the card's `qualities`; a variant may leave out what has no meaning for it.
    """


@hookspec
def workload(name: str, variant: str, model: Any, data: Data, params: Mapping[str, Any], device: str) -> Work | None:
    """Prepare one timed call of workload `name`. Optional.

    Without it, or where it returns None, the host has two of its own: `infer` calls `model(*data.inputs)`; `train_step` does forward, loss,
    backward and an optimizer step from `data.recipe`.

    Args:
        name: A workload of the card.
        variant: Name of the variant.
        model: On the device, in the dtype that is measured.
        data: The `profile` split, inputs on the device.
        params: The sweep point.
        device: `cpu`, `cuda:0`, ... for work that moves data itself.
    """


@hookspec
def artifacts(variant: str, model: Any, data: Data, scale: str, params: Mapping[str, Any], seed: int) -> Mapping[str, Artifact]:  # type: ignore[empty-body]
    """Return things worth looking at, for the paper's page: `{name: Image | Chart | Text}`. Optional; given the fitted model and `test`."""


@hookspec
def flop_formulas() -> Mapping[str, Callable[..., Any]]:  # type: ignore[empty-body]
    """Return `{"namespace::op": formula}` for custom operators. Optional.

    A formula is given the call, with its arguments by name (`call["x"].shape`) and its result (`call.result`), and returns operations by class:
    `{"matmul": 2 * macs}`.
    """


# Extensions of the host: modules from entry-point group `harness.extensions`. They import no torch at the top and do no work at import. One that
# raises is reported by `harness devices` and `harness run`; the host and the other extensions go on.


@hookspec
def targets() -> Sequence[Any]:  # type: ignore[empty-body]
    """Return places that `--device` can name beside `cpu` and `cuda:N`. Called in the driver.

    Returns:
        `harness.targets.Target` objects, with a name of their own and a `torch_device` that the host has a clock for: `cpu` or `cuda:N`.
    """


@hookspec
def executors() -> Sequence[Any]:  # type: ignore[empty-body]
    """Return what `--executor` can name beside `local`: whoever starts the processes in which cases are measured. Called in the driver.

    Returns:
        Objects with the members of `harness.runner.executor.Executor`, and a name of their own.
    """


@hookspec
def meters() -> Sequence[Any]:  # type: ignore[empty-body]
    """Return protocols for further kinds of figures, which `--metrics` then knows. Called in the driver and in workers.

    Returns:
        Objects with the members of `harness.meters.base.Meter`, and a name of their own.
    """


@hookspec
def energy_sources(device: str) -> Sequence[Any]:  # type: ignore[empty-body]
    """Return sources of energy. Called in the worker, and by `harness devices`.

    Args:
        device: `cpu`, `cuda:0`, ...

    Returns:
        Objects with the members of `harness.sources.energy.source.EnergySource`. A source that cannot answer is returned all the same: its
        `available()` says why.
    """


@hookspec
def run_observers(run_id: str) -> Sequence[RunObserver]:  # type: ignore[empty-body]
    """Return observers of a run: a tracker, a chat, a dashboard. Called in the driver, once a run.

    An observer that raises is reported on standard error and is told of the next case all the same; it never stops the run.

    Args:
        run_id: The run that begins or is resumed.

    Returns:
        Objects with the methods of `harness.plugin.RunObserver`.
    """


@hookspec
def report_sections(paper: str, runs: Sequence[str], figures: Sequence[Mapping[str, Any]]) -> Sequence[Section]:  # type: ignore[empty-body]
    """Return sections for a page of the site, shown after the host's own. Called by `harness report`, once for each page that can have some.

    Args:
        paper: Slug of the paper whose page it is; empty on the overview.
        runs: The runs that the report shows.
        figures: The figures of that page (on the overview all of them), as `harness report --format json` gives them under `figures`.
    """
