"""Energy: joules an item, from the best source that the device has.

A window is filled with repeated calls; what it drew, less what the pauses in it drew, is divided by the items processed. Gross is what the
device drew while it worked, net is what it drew above its idle power. An estimate from processor time has no idle power in it, so it gives
`energy` alone: neither gross nor net is claimed. `carbon` is the same energy times the carbon intensity of electricity: always an estimate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.meters.base import Bench, Effort, NotMeasurableError, Observation, Readings, Sample
from harness.meters.energy_window import REPETITIONS, WINDOWS, Load, Plan, Window, fill, idle_windows_w, make_plan
from harness.meters.figure import Figure, Provenance
from harness.plugin.card import Scale
from harness.sources import clock
from harness.sources.energy import energy_sources
from harness.sources.energy.carbon import CarbonIntensity, carbon_intensity
from harness.sources.energy.source import Basis, EnergySource
from harness.sources.guards import ATTEMPTS, Guard, GuardReading, guarded
from harness.stats.estimate import Estimate
from harness.stats.location import median_estimate

if TYPE_CHECKING:
    from harness.meters.workbench import Subject

PROCESSES = {Scale.SMOKE: 1, Scale.SMALL: 3, Scale.PAPER: 3}
"""An estimate of three processes has an interval; five measured windows have one in the first."""
ENOUGH_PROCESSES = 6
"""From here on the process is the unit: the medians of six bound a median at 95%."""
MAX_DISAGREEMENT = 0.05
"""Counters have been 40% off the power beside them on some boards (zeus issue 181), and within 1% on sound ones (issue 12)."""
WARM_UP_S, QUICK_WARM_UP_S = 1.0, 0.02
"""Clocks and the power sensor's average have risen after a second."""
MIN_WARM_UP_CALLS = 3


class EnergyMeter:
    """Joules an item, gross and net, and the energy-delay product: joules an item times seconds an item.

    Args:
        sources: Gives the sources of a device, best first.
    """

    name = "energy"
    paired = False
    exclusive = True
    bare = False
    swept = False

    def __init__(self, sources: Callable[[str], Sequence[EnergySource]] = energy_sources) -> None:
        self._sources = sources

    def repetitions(self, scale: str) -> int:
        """Return the most processes."""
        return PROCESSES[Scale(scale)]

    def enough(self, scale: str, observations: Sequence[Observation], elapsed_s: float) -> str:
        """Say that no further process is needed: every variant has its windows."""
        fewest = min(sum(len(o["variants"][v]["windows"]) for o in observations) for v in observations[0]["asked"])
        return f"{fewest} windows" if fewest >= WINDOWS else ""

    def observe(self, bench: Bench, variants: Sequence[str], workload: str, effort: Effort) -> Observation:
        """Measure idle power, then fill windows with each variant's work.

        Raises:
            NotMeasurableError: when no source of the device answers, or the best one gives no figure.
            HarnessError: when the country whose electricity is used is not known.
        """
        source = best_source(self._sources(bench.device), bench.device)
        intensity = carbon_intensity()
        plan = make_plan(source, effort.quick)
        idle_w = idle_windows_w(source, plan) if plan.idle_s else []
        seen = {v: _observe(source, plan, bench.subject(workload, v), bench.device, effort) for v in variants}
        return {
            "asked": list(variants),
            "source": {"name": source.name, "domain": source.domain, "basis": str(source.basis), "note": source.note},
            "carbon": asdict(intensity) if intensity else None,
            "period_s": plan.period_s,
            "idle_w": idle_w,
            "variants": seen,
        }

    def summarize(self, observations: Sequence[Observation]) -> Readings:
        """Return the figures of every variant with their intervals, and one sample a window."""
        variants = observations[0]["asked"]
        figures = [figure for v in variants for figure in _figures(v, observations)]
        samples = [
            Sample(v, "energy", process, position, _gross_j(Window(**window), _idle(observations)), "J")
            for v in variants
            for process, one in enumerate(observations)
            for position, window in enumerate(one["variants"][v]["windows"])
        ]
        return Readings(figures, samples)


def best_source(sources: Sequence[EnergySource], device: str) -> EnergySource:
    """Return the first source that answers.

    Raises:
        NotMeasurableError: when none does; the message says why, and what to do, for each.
    """
    for source in sources:
        if source.available():
            return source
    reasons = " | ".join(f"{source.name}: {source.available()}" for source in sources)
    raise NotMeasurableError(f"no source tells the energy of {device!r} here: {reasons}")


def idle_power(source: EnergySource) -> Estimate:
    """Return the device's power in watts while this process does nothing, with its interval over windows.

    Raises:
        NotMeasurableError: when the source does not measure, or gives no figure.
    """
    if source.basis is not Basis.MEASURED:
        raise NotMeasurableError(f"energy/{source.name} is {source.basis}: it knows no idle power")
    return median_estimate(idle_windows_w(source, make_plan(source, quick=True)))


def _observe(source: EnergySource, plan: Plan, subject: Subject, device: str, effort: Effort) -> dict[str, Any]:
    """Warm a variant up, then fill its windows.

    A measured window that was disturbed is filled once more; an estimate, which is blind to what disturbs, is only marked.
    """
    repeat = _repetition(subject, device, plan, WARM_UP_S if source.basis is Basis.MEASURED and not effort.quick else QUICK_WARM_UP_S)
    guard = Guard(device)
    load = Load(repeat, guard.look)
    windows: list[Window] = []
    readings: list[GuardReading] = []
    for number in range(plan.windows):
        filled = partial(fill, source, plan.window_s, plan.period_s, load, seed=effort.repetition * plan.windows + number)
        attempts = ATTEMPTS if source.basis is Basis.MEASURED else 1
        window, reading = guarded(filled, guard, attempts)
        windows.append(window)
        readings.append(reading)
    marks = sorted({mark for reading in readings for mark in reading.marks})
    return {"windows": [asdict(window) for window in windows], "marks": marks}


def _repetition(subject: Subject, device: str, plan: Plan, warm_up_s: float) -> Callable[[], float]:
    """Return a call that does the work for about a sixteenth of a window and gives the items processed."""
    import torch

    from harness.meters.blocks import check_result

    run, reset = subject.work.run, subject.work.reset

    def work(calls: int) -> Any:
        if reset:
            reset()
        with subject.guarded():
            for _ in range(calls):
                result = run()
            if device.startswith("cuda"):
                torch.cuda.synchronize(device)
        return result

    check_result(subject.variant, work(1))
    call_s = _warm_up(lambda: work(1), warm_up_s)
    calls = max(1, round(plan.window_s / REPETITIONS / call_s))

    def repeat() -> float:
        work(calls)
        return calls * subject.work.items

    return repeat


def _warm_up(call: Callable[[], Any], seconds: float) -> float:
    """Call for `seconds`, and at least a few times; return what one of the later calls took."""
    times: list[float] = []
    start_s = clock.now()
    while len(times) < MIN_WARM_UP_CALLS or clock.now() - start_s < seconds:
        begin_s = clock.now()
        call()
        times.append(clock.now() - begin_s)
    later = times[len(times) // 2 :]
    return max(float(np.median(later)), 1e-9)


def _figures(variant: str, observations: Sequence[Observation]) -> Iterator[Figure]:
    source = observations[0]["source"]
    processes = [[Window(**window) for window in o["variants"][variant]["windows"]] for o in observations]
    idle = _idle(observations)
    message = "; ".join(filter(None, [*_remarks(variant, processes, observations, idle), source["note"]]))

    def figure(metric: str, estimate: Estimate, unit: str = "J") -> Figure:
        provenance, meter = Provenance(source["basis"]), f"energy/{source['name']}"
        return Figure(variant, metric, estimate.value, unit, provenance, meter, estimate.low, estimate.high, estimate.n, message=message)

    gross = _over(processes, lambda w: _gross_j(w, idle))
    delay = _over(processes, lambda w: _gross_j(w, idle) * w.busy_s / w.items)
    yield figure("energy", gross)
    yield figure("energy_delay", delay, "J*s")
    if intensity := observations[0].get("carbon"):
        yield _carbon(variant, gross, CarbonIntensity(**intensity))
    if idle is not None:
        net = _over(processes, lambda w: (w.joules - idle.value * w.seconds) / w.items)
        exposure_s = float(np.median([w.seconds / w.items for windows in processes for w in windows]))
        yield figure("energy_gross", gross)
        yield figure("energy_net", _widened(net, idle, exposure_s))


def _carbon(variant: str, energy: Estimate, intensity: CarbonIntensity) -> Figure:
    low, high = (None if end is None else intensity.grams(end) for end in (energy.low, energy.high))
    message = f"{intensity.g_per_kwh:g} g/kWh, {intensity.place}"
    return Figure(
        variant,
        "carbon",
        intensity.grams(energy.value),
        "g",
        Provenance.ESTIMATED,
        "carbon/codecarbon",
        low,
        high,
        energy.n,
        message=message,
    )


def _gross_j(window: Window, idle: Estimate | None) -> float:
    """Return joules an item while the work ran: without what the pauses drew."""
    pauses_j = 0.0 if idle is None else idle.value * (window.seconds - window.busy_s)
    return (window.joules - pauses_j) / window.items


def _idle(observations: Sequence[Observation]) -> Estimate | None:
    watts = [w for o in observations for w in o["idle_w"]]
    return median_estimate(watts) if watts else None


def _over(processes: Sequence[Sequence[Window]], value: Callable[[Window], float]) -> Estimate:
    """Return the median over windows; over processes where there are enough to bound it."""
    if len(processes) >= ENOUGH_PROCESSES:
        return median_estimate([float(np.median([value(w) for w in windows])) for windows in processes], independent=True)
    return median_estimate([value(w) for windows in processes for w in windows])


def _widened(net: Estimate, idle: Estimate, exposure_s: float) -> Estimate:
    """Add the idle power's own uncertainty: the ends of both intervals together, which covers at least what each does."""
    if net.low is None or net.high is None or idle.low is None or idle.high is None:
        return Estimate(net.value, None, None, net.n)
    low, high = net.low - (idle.high - idle.value) * exposure_s, net.high + (idle.value - idle.low) * exposure_s
    return Estimate(net.value, low, high, net.n)


def _remarks(
    variant: str, processes: Sequence[Sequence[Window]], observations: Sequence[Observation], idle: Estimate | None
) -> Iterator[str]:
    """Yield what a reader of the figures must know."""
    yield from sorted({mark for o in observations for mark in o["variants"][variant]["marks"]})
    windows = [w for process in processes for w in process]
    apart = [w.beside_j / w.joules - 1 for w in windows if w.beside_j is not None]
    if apart and abs(float(np.median(apart))) > MAX_DISAGREEMENT:
        yield f"suspect: integrated power is {float(np.median(apart)):+.0%} off the counter"
    if heat := [degree for w in windows for degree in w.temperatures_c]:
        yield f"{heat[0]:.0f} C before, {heat[-1]:.0f} C after"
    if idle is not None:
        yield f"idle {idle.value:.3g} W"
    if stopped := _stopped(observations):
        yield f"stopped: {stopped}"


def _stopped(observations: Sequence[Mapping[str, Any]]) -> str:
    return str(observations[-1].get("stopped", ""))
