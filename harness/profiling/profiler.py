"""`harness.profile`: every meter over one callable."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from harness.errors import unknown
from harness.meters.base import Meter, Observation
from harness.meters.figure import Figure
from harness.meters.latency import LatencyMeter, guard_marks
from harness.meters.registry import METERS
from harness.profiling.payload import name_of
from harness.profiling.profile import EnergyFigures, LatencyFigures, MemoryFigures, Profile
from harness.profiling.session import SCALE, ProfileError, Session, open_session
from harness.runner.case import Status
from harness.stats.stopping import StoppingRule

METRICS = ("flops", "memory", "latency", "energy")
MIN_PROCESSES = 6
"""From six on an interval of 95% is the range of what was seen; three that agree by luck would end it sooner, and be further off."""


def profile(
    fn: Callable[..., Any],
    *inputs: Any,
    metrics: Sequence[str] = METRICS,
    device: str = "cpu",
    budget: float = 30.0,
    items: float | None = None,
    threads: int | None = None,
    gradients: bool = False,
    mode: str = "eager",
    memory_limit: float | None = None,
) -> Profile:
    """Measure what a call of `fn(*inputs)` costs, in fresh processes.

    Args:
        fn: A module or any callable; called in inference mode, a module in eval mode.
        inputs: Its positional arguments.
        metrics: Any of `flops`, `memory`, `latency`, `energy`.
        device: `cpu`, `cuda`, `cuda:1`; modules and tensors are moved there.
        budget: Seconds to spend on latency; sampling ends sooner when the interval is within 2%.
        items: Items that one call processes; the first input's leading dimension by default.
        threads: Threads that torch may use; every core by default.
        gradients: True where the call differentiates.
        mode: `eager`, `compile` or `cudagraph`.
        memory_limit: GiB that each process may allocate; 80% of the machine by default.

    Raises:
        ProfileError: when the callable fails, returns nothing, changes its inputs or needs more memory than it may have.
        HarnessError: for a metric or device that does not exist, or something that cannot be sent to another process.
    """
    for metric in metrics:
        if metric not in METRICS:
            raise unknown("metric", metric, METRICS)
    name = name_of(fn)
    latency = LatencyMeter({SCALE: StoppingRule(min_processes=MIN_PROCESSES, budget_s=budget)})
    meters = {metric: latency if metric == "latency" else METERS[metric] for metric in metrics}
    with open_session({name: fn}, inputs, device, items, threads, gradients, mode, memory_limit) as session:
        found, missing = _observe_all(meters, session)
    readings = {metric: meters[metric].summarize(seen) for metric, seen in found.items()}
    figures = [figure for reading in readings.values() for figure in reading.figures]
    details = [detail for reading in readings.values() for detail in reading.details]
    values = {figure.metric: figure for figure in figures}
    return Profile(
        name=name,
        device=session.job.device,
        params=_whole(values, "parameters"),
        macs=_whole(values, "macs"),
        flops=_whole(values, "flops"),
        op_classes={m.removeprefix("ops_"): int(f.value) for m, f in values.items() if m.startswith("ops_")},
        uncounted={u["operator"]: u["bytes_moved"] for seen in found.get("flops", ()) for u in seen["uncounted"]},
        bytes_moved=_whole(values, "bytes_moved"),
        latency=_latency(values, found.get("latency", ())),
        memory=_memory(values),
        energy=_energy(values),
        missing=missing,
        figures=figures,
        details=details,
    )


def _observe_all(meters: Mapping[str, Meter], session: Session) -> tuple[dict[str, Sequence[Observation]], dict[str, str]]:
    """Observe with every meter; what a machine cannot tell is missing with its reason, what a callable does wrong ends it all."""
    found: dict[str, Sequence[Observation]] = {}
    missing: dict[str, str] = {}
    for metric, meter in meters.items():
        seen = session.observe(meter)
        if seen.status == Status.SKIPPED:
            missing[metric] = seen.message
        elif seen.status == Status.OK:
            found[metric] = seen.observations
        else:
            raise ProfileError(f"{session.job.names[0]!r} could not be profiled ({metric}, {seen.status}): {seen.message}")
    return found, missing


def _whole(values: Mapping[str, Figure], metric: str) -> int | None:
    return int(values[metric].value) if metric in values else None


def _latency(values: Mapping[str, Figure], observations: Sequence[Observation]) -> LatencyFigures | None:
    if not observations:
        return None
    p50 = values["latency"]
    tails = (values["latency_p90"].value, values["latency_p99"].value)
    stopped, first_call = observations[-1]["stopped"], values["first_call"].value
    return LatencyFigures(p50.value, *tails, p50.low, p50.high, p50.n, stopped, first_call, guard_marks(observations))


def _memory(values: Mapping[str, Figure]) -> MemoryFigures | None:
    if "peak_rss" not in values:
        return None
    weights, inputs, activations, rss = (int(values[m].value) for m in ("weights", "inputs", "peak_activation", "peak_rss"))
    return MemoryFigures(weights, inputs, activations, _whole(values, "peak_reserved"), rss)


def _energy(values: Mapping[str, Figure]) -> EnergyFigures | None:
    if "energy" not in values:
        return None
    best = values["energy"]
    gross, net = (values[m].value if m in values else None for m in ("energy_gross", "energy_net"))
    return EnergyFigures(best.value, gross, net, str(best.provenance), best.meter)
