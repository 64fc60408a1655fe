"""From selected plugins to cases."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.claims.sizes import META, size_point, size_workload
from harness.errors import unknown
from harness.meters.registry import METERS
from harness.plugin.card import Paper, Scale, Variant, Workload
from harness.plugin.discovery import Plugin
from harness.runner.case import NATIVE, Case
from harness.targets import Target

SIZES = "sizes"
"""The published sizes: built on `meta` at published dimensions by the meter of FLOPs."""
METRICS = (*METERS, SIZES)
MODES = ("eager", "compile", "cudagraph")
DTYPES = (NATIVE, "float64", "float32", "bfloat16", "float16")


@dataclass(frozen=True)
class Request:
    """What the user asked a run to be.

    Attributes:
        scale: `smoke`, `small` or `paper`.
        metrics: Names of meters.
        workloads: Names of workloads; empty for all.
        dtype: `native` or a torch dtype's name.
        mode: `eager`, `compile` or `cudagraph`.
    """

    scale: str
    metrics: tuple[str, ...]
    workloads: tuple[str, ...] = ()
    dtype: str = NATIVE
    mode: str = "eager"


@dataclass(frozen=True)
class Planned:
    """A case, the plugin that it runs, and why it cannot run on its target, if so."""

    case: Case
    plugin: Plugin
    skip: str = ""


def plan(plugins: Sequence[Plugin], target: Target, request: Request) -> list[Planned]:
    """Return the cases of a run, those that need the machine to themselves last, so that the others may share it.

    Raises:
        HarnessError: for a scale, metric or workload that does not exist.
    """
    _check(plugins, request)
    planned = [
        Planned(case, plugin, unmet(plugin.card, case, target))
        for plugin in plugins
        if not plugin.error
        for case in _cases(plugin.card, target, request)
    ]
    return in_order(planned)


def in_order(planned: Sequence[Planned]) -> list[Planned]:
    """Put cases that need the machine to themselves last, so that the others may share it."""
    return sorted(planned, key=lambda p: METERS[p.case.meter].exclusive)


def take_next(waiting: list[Planned], busy: Sequence[str]) -> Planned:
    """Take the first case of a paper that is not `busy`, else the first: variants of one paper often wait for the same fit."""
    place = next((place for place, item in enumerate(waiting) if item.case.paper not in busy), 0)
    return waiting.pop(place)


def _check(plugins: Sequence[Plugin], request: Request) -> None:
    for kind, name, known_names in (("scale", request.scale, list(Scale)), ("mode", request.mode, MODES), ("dtype", request.dtype, DTYPES)):
        if name not in known_names:
            raise unknown(kind, name, known_names)
    for metric in request.metrics:
        if metric not in METRICS:
            raise unknown("metric", metric, METRICS)
    known = {w.name for p in plugins if p.paper for w in p.paper.workloads}
    for workload in request.workloads:
        if workload not in known:
            raise unknown("workload", workload, known)


def unmet(card: Paper, case: Case, target: Target) -> str:
    """Say which device a case needs that its target is not; empty when it can run."""
    parts: list[Workload | Variant] = [card.variant(name) for name in case.variants]
    if case.workload:
        parts.append(card.workload(case.workload))
    for part in parts:
        if part.requires and target.kind not in part.requires:
            return f"{part.name!r} needs {' or '.join(part.requires)}, this target is {target.name}"
    return ""


def _cases(card: Paper, target: Target, request: Request) -> Iterator[Case]:
    for metric in request.metrics:
        if metric == "quality":
            yield from _quality_cases(card, target, request)
            continue
        if metric == SIZES:
            yield from _size_cases(card)
            continue
        meter = METERS[metric]
        points = list(card.cost_points(request.scale)) if meter.swept else [card.default_point(request.scale)]
        for workload in card.workloads:
            if request.workloads and workload.name not in request.workloads:
                continue
            for point in points:
                for group in _groups(card, target) if meter.paired else [(name,) for name in card.variant_names]:
                    yield Case(card.slug, group, workload.name, request.scale, point, target.name, request.dtype, request.mode, meter.name)


def _size_cases(card: Paper) -> Iterator[Case]:
    """One case for each model that has a published size, however many of its quantities are printed."""
    cases = [
        Case(card.slug, (s.variant,), size_workload(card, s), Scale.PAPER, size_point(card, s), META, NATIVE, "eager", "flops")
        for s in card.sizes
    ]
    yield from {case.case_id: case for case in cases}.values()


def _groups(card: Paper, target: Target) -> list[tuple[str, ...]]:
    """The subject and its baselines in one paired case; variants that need another device in cases of their own, to be skipped."""
    fit = [v for v in card.variants if not v.requires or target.kind in v.requires]
    unfit: list[tuple[str, ...]] = [(v.name,) for v in card.variants if v not in fit]
    paired = tuple(v.name for v in sorted(fit, key=lambda v: not v.subject))
    return [paired, *unfit] if paired else unfit


def _quality_cases(card: Paper, target: Target, request: Request) -> Iterator[Case]:
    """Quality at the default point, and where else the card asks for it; the published dimensions are never trained."""
    if request.scale == Scale.PAPER or not card.qualities:
        return
    for point in card.trained_points(request.scale):
        for name in card.variant_names:
            yield Case(card.slug, (name,), "", request.scale, point, target.name, NATIVE, "eager", "quality")
