"""How a window of energy is filled: wait for the counter's step, repeat the work with shifted phase, wait for the next step.

    counter   _|____|____|____|____|____|____|____|____|_        steps every 100 ms (measured first)
    window     [t0                                    t1]        from step to step, so no part of a step is lost
    work        ####  ######  ####### ######  ####               repetitions of many calls, synchronised at their ends
    pauses          ..      .        .      ..    ....           each moves the next repetition to another phase of the period

A sensor that looks at a quarter of every period would see work of the same rhythm always at the same place: the pauses spread the
repetitions evenly over the period. What was drawn in the pauses is taken off at the idle power that was measured before.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import pairwise

from harness.meters.base import NotMeasurableError
from harness.meters.power_trace import PowerTrace
from harness.sources import clock
from harness.sources.availability import SourceError
from harness.sources.energy.counter import CounterResetError
from harness.sources.energy.source import Basis, EnergySource, PowerBeside, Quantity, Thermometer

MIN_WINDOW_S = 10.0
"""As MLPerf tiny asks: NVML's counter moves every 100 ms, so that a step is 1% of it."""
QUICK_WINDOW_S = 1.0
PERIODS = 100
"""Updates of the counter in a window: a step more or less is then 1%."""
MIN_PERIODS = 50
"""Fewer than this and one step is over 2%: such a window is refused."""
WINDOWS = 5
"""Five windows give a median and an interval; one is all that a quick look or an estimate is worth."""
ESTIMATE_S, QUICK_ESTIMATE_S = 0.5, 0.05
"""An estimate from processor time has no steps to wait for: the processor time of one process is told in microseconds."""
IDLE_PERIODS = 20
"""Updates in an idle window: they begin and end with a step, so that nothing of the first and last is lost."""
IDLE_WINDOWS = 5
MIN_IDLE_S = 0.5
REPETITIONS = 16
"""Parts of a window between which the phase is shifted: 16 evenly spread phases sample any rhythm to a few percent."""
CHANGES = 10
"""Steps seen before the update period is believed."""
POLLS_A_PERIOD = 50
"""Readings while waiting for a step: it is placed to a fiftieth of the period."""
STILL_S = 5.0
"""A counter that has not moved for this long does not count (some AMD boards' never do)."""
GOLDEN = (math.sqrt(5) - 1) / 2
"""Steps of the golden ratio spread any number of points evenly over a period (Weyl)."""


@dataclass(frozen=True)
class Plan:
    """How long windows are, and how many.

    Attributes:
        window_s: Each at least this long.
        windows: How many.
        period_s: Of the counter; 0 for an estimate, which has no steps.
        idle_s: Of each idle window; 0 where idle power is not measured.
    """

    window_s: float
    windows: int
    period_s: float
    idle_s: float

    def __post_init__(self) -> None:
        if self.window_s < MIN_PERIODS * self.period_s:
            held = self.window_s / self.period_s
            raise NotMeasurableError(
                f"a window of {self.window_s:g} s holds {held:.2g} updates of a counter that moves every {self.period_s:g} s; "
                f"make it {MIN_PERIODS * self.period_s:g} s or longer"
            )


@dataclass(frozen=True)
class Window:
    """One filled window.

    Attributes:
        joules: Drawn in all of it.
        seconds: How long it was.
        busy_s: How much of that the work took; the rest were pauses.
        items: Items processed.
        beside_j: The same energy from integrated power; None where the source has none.
        temperatures_c: Before and after; empty where the source has none.
    """

    joules: float
    seconds: float
    busy_s: float
    items: float
    beside_j: float | None = None
    temperatures_c: tuple[float, ...] = ()


@dataclass(frozen=True)
class Load:
    """The work that fills a window.

    Attributes:
        repeat: Does the work for about a sixteenth of a window, returns after the device has finished, and gives the items processed.
        between: Called between repetitions, outside the busy time.
    """

    repeat: Callable[[], float]
    between: Callable[[], None]


def make_plan(source: EnergySource, quick: bool) -> Plan:
    """Measure the source's update period and return how its windows are filled.

    Raises:
        NotMeasurableError: when its counter does not move.
    """
    if source.basis is not Basis.MEASURED:
        return Plan(QUICK_ESTIMATE_S if quick else ESTIMATE_S, 1, 0.0, 0.0)
    period_s = measure_period(source) if source.quantity is Quantity.JOULES else source.resolution_s
    shortest = QUICK_WINDOW_S if quick else MIN_WINDOW_S
    return Plan(max(shortest, PERIODS * period_s), 1 if quick else WINDOWS, period_s, max(MIN_IDLE_S, IDLE_PERIODS * period_s))


def measure_period(source: EnergySource) -> float:
    """Return how often the counter moves: the median time between steps.

    Raises:
        NotMeasurableError: when it stands still or fails.
    """
    try:
        at_s = [_next_step(source, source.resolution_s)[0] for _ in range(CHANGES + 1)]
    except SourceError as error:
        raise NotMeasurableError(f"energy/{source.name}: {error}") from error
    gaps = sorted(after - before for before, after in pairwise(at_s))
    return gaps[len(gaps) // 2]


def idle_windows_w(source: EnergySource, plan: Plan) -> list[float]:
    """Return the device's power in each of several windows in which this process does nothing.

    Raises:
        NotMeasurableError: when the counter stands still or the source fails.
    """
    load = Load(lambda: _nothing(plan.idle_s), lambda: None)
    windows = [fill(source, plan.idle_s, plan.period_s, load, seed=0) for _ in range(IDLE_WINDOWS)]
    return [window.joules / window.seconds for window in windows]


def fill(source: EnergySource, window_s: float, period_s: float, load: Load, seed: int) -> Window:
    """Fill a window with work; once more if the counter was reset in it.

    Args:
        source: Counter or power.
        window_s: How long it is at least.
        period_s: How often the counter moves; 0 for one that has no steps.
        load: The work.
        seed: Of the first phase.

    Raises:
        NotMeasurableError: when the source fails, stands still, or gives no energy at all: 0 J is no figure.
    """
    try:
        try:
            window = _fill(source, window_s, period_s, load, seed)
        except CounterResetError:
            window = _fill(source, window_s, period_s, load, seed)
    except SourceError as error:
        raise NotMeasurableError(f"energy/{source.name}: {error}") from error
    if window.joules <= 0:
        raise NotMeasurableError(f"energy/{source.name} gave {window.joules:g} J for {window.seconds:.3g} s of work, which is no figure")
    return window


def _fill(source: EnergySource, window_s: float, period_s: float, load: Load, seed: int) -> Window:
    before_c = _temperature(source)
    counted = source.quantity is Quantity.JOULES
    trace = _trace(source)
    with nullcontext() if trace is None else trace.running():
        start_s, start_j = _edge(source, period_s)
        busy_s, items = _work(load, window_s, period_s, start_s, seed)
        end_s, end_j = _edge(source, period_s)
    if counted:
        return Window(end_j - start_j, end_s - start_s, busy_s, items, _beside(trace, start_s, end_s), (*before_c, *_temperature(source)))
    assert trace is not None
    return Window(trace.joules(start_s, end_s), end_s - start_s, busy_s, items, None, (*before_c, *_temperature(source)))


def _work(load: Load, window_s: float, period_s: float, start_s: float, seed: int) -> tuple[float, float]:
    """Repeat the load until the window is full; return the seconds that it took and the items it processed."""
    phases = _phases(seed)
    busy_s = items = 0.0
    while True:
        load.between()
        _wait_for_phase(next(phases), start_s, period_s)
        begin_s = clock.now()
        items += load.repeat()
        end_s = clock.now()
        busy_s += end_s - begin_s
        if end_s - start_s >= window_s:
            return busy_s, items


def _trace(source: EnergySource) -> PowerTrace | None:
    """Return what reads power meanwhile: the source itself, or what it has beside its counter."""
    if source.quantity is Quantity.WATTS:
        return PowerTrace(source.read, source.resolution_s)
    return PowerTrace(source.power_w, source.resolution_s) if isinstance(source, PowerBeside) else None


def _beside(trace: PowerTrace | None, start_s: float, end_s: float) -> float | None:
    """Return the integral that is held against the counter; without one the counter stands alone."""
    try:
        return None if trace is None else trace.joules(start_s, end_s)
    except SourceError:
        return None


def _edge(source: EnergySource, period_s: float) -> tuple[float, float]:
    """Return time and reading at the counter's next step, so that a window holds whole steps; of a source without steps, now."""
    if source.quantity is Quantity.WATTS:
        return clock.now(), 0.0
    if not period_s:
        return clock.now(), source.read()
    return _next_step(source, period_s)


def _next_step(source: EnergySource, period_s: float) -> tuple[float, float]:
    """Wait until the counter moves; return when, and what it then read.

    Raises:
        NotMeasurableError: when it does not.
    """
    began_s = clock.now()
    before = source.read()
    while True:
        clock.sleep(period_s / POLLS_A_PERIOD)
        after = source.read()
        at_s = clock.now()
        if after != before:
            return at_s, after
        if at_s - began_s > max(STILL_S, 2 * period_s):
            raise NotMeasurableError(f"the counter of energy/{source.name} has not moved for {at_s - began_s:.3g} s")


def _wait_for_phase(phase: float, start_s: float, period_s: float) -> None:
    """Sleep until the time since the window's start is `phase` of a period past a whole one."""
    if period_s:
        now_phase = ((clock.now() - start_s) / period_s) % 1
        clock.sleep(((phase - now_phase) % 1) * period_s)


def _phases(seed: int) -> Iterator[float]:
    """Yield points spread evenly over [0, 1), from a random first one on."""
    phase = random.Random(seed).random()
    while True:
        yield phase
        phase = (phase + GOLDEN) % 1


def _temperature(source: EnergySource) -> tuple[float, ...]:
    try:
        return (source.temperature_c(),) if isinstance(source, Thermometer) else ()
    except SourceError:  # energy without a thermometer is still energy
        return ()


def _nothing(seconds: float) -> float:
    clock.sleep(seconds)
    return 0.0
