"""How fit a machine is for measuring: scores from a few seconds of known work, the smallest effect it can show, and what to mend.

>>> from harness.meters.fitness import doctor
>>> print(doctor().verdict_line)                                                     # doctest: +SKIP
fitness 71 of 100 (worst: memory): claims of 1.8% and more can be shown here
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from harness.sources.guards import MAX_OTHER_LOAD, MAX_STEAL
from harness.sources.machine import Machine, describe
from harness.sources.noise import SECONDS, KernelTimes, Noise, measure
from harness.stats.compare import CONFIDENCE, MARGIN, PROCESSES
from harness.stats.location import centre_estimate
from harness.stats.ratio import log_ratios

POWER = 0.8
"""The smallest effect is one that is found in four of five comparisons."""
FINE_SPREAD = 0.005
"""Half a percent between processes: what a quiet, tuned machine shows. Scores 100."""
USELESS_SPREAD = 0.2
"""A fifth between processes: nothing but factors of two can be seen. Scores 0."""
FULL_STEAL = 0.1
"""A tenth of the time stolen scores 0."""
ACCEPTABLE = 50.0
"""The middle of the scale: a spread of 3%, a twentieth of the time stolen."""
COMPARISONS = 400
"""Drawn for the power: its standard error is then 2 points."""
MIN_FREQUENCIES = 2
PERFORMANCE = "performance"


class Level(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    ADVICE = "advice"
    """A setting that would make figures steadier, whatever was seen just now."""
    BAD = "bad"
    """Seen to disturb."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        area: What it concerns: `compute`, `steal`, `governor`, ...
        level: How bad it is.
        seen: What was found, in words.
        remedy: What to do; empty where there is nothing to do.
        score: From 0 (useless) to 100 (quiet); None for a setting, which is advice only.
    """

    area: str
    level: Level
    seen: str
    remedy: str = ""
    score: float | None = None


@dataclass(frozen=True)
class Fitness:
    """What may be expected of this machine.

    Attributes:
        score: The worst of the areas' scores, 0 to 100: a chain is as strong as its weakest link.
        verdict_line: All of it in one line.
        findings: Every area and setting, the worst first.
        smallest_effect: Relative difference that a default comparison finds in four of five cases; infinite where it cannot be told.
    """

    score: float
    verdict_line: str
    findings: tuple[Finding, ...]
    smallest_effect: float


def doctor(device: str = "cpu", seconds: float = SECONDS) -> Fitness:
    """Work for some seconds and judge this machine, with a GPU if it is `device`."""
    return judge(measure(seconds, device=device), describe())


def judge(noise: Noise, machine: Machine) -> Fitness:
    """Judge what the known work showed: a pure function."""
    scored = [*_kernel_findings(noise), *_guard_findings(noise)]
    effect = smallest_effect(noise)
    worst = min(scored, key=lambda finding: finding.score or 0.0)
    score = worst.score or 0.0
    findings = sorted([*scored, *_setting_findings(machine)], key=_severity)
    reach = f"claims of {effect:.1%} and more can be shown here" if effect < 1 else "no claim can be shown here"
    return Fitness(score, f"fitness {score:.0f} of 100 (worst: {worst.area}): {reach}", tuple(findings), effect)


def smallest_effect(noise: Noise, processes: int = PROCESSES) -> float:
    """Return the relative difference that a comparison of `processes` interleaved processes finds with probability `POWER`.

    Comparisons are drawn from the log-ratios of each kernel to its own copy and judged by the very interval that judges claims: an effect
    is found where it lifts the interval's low end above the margin. The worst kernel counts.
    """
    return max(_reach(seen, processes) for seen in noise.kernels.values())


def _reach(seen: Sequence[KernelTimes], processes: int) -> float:
    ratios = log_ratios([one.a for one in seen], [one.b for one in seen])
    # Which of two equal sides is called A is chance, so that each ratio stands for its mirror image as well.
    mirrored = np.concatenate([ratios, -ratios])
    drawn = np.random.default_rng(0).choice(mirrored, (COMPARISONS, processes))
    missing = [math.log1p(MARGIN) - centre_estimate(sample, CONFIDENCE).bounds[0] for sample in drawn]
    return math.expm1(float(np.quantile(missing, POWER)))


def _kernel_findings(noise: Noise) -> Iterator[Finding]:
    for name, seen in noise.kernels.items():
        medians = np.array([np.median([*one.a, *one.b]) for one in seen])
        between = float(medians.std(ddof=1) / medians.mean()) if len(seen) > 1 else math.inf
        within = float(np.median([_robust_variation([*one.a, *one.b]) for one in seen]))
        apart = float(np.max(np.abs(log_ratios([one.a for one in seen], [one.b for one in seen]))))
        score = min(_spread_score(between), _spread_score(apart))
        text = f"varies {within:.1%} within a process and {between:.1%} between; up to {apart:.1%} from its own copy"
        yield Finding(name, _level(score), text, "end what else runs, or measure longer" if score < ACCEPTABLE else "", score)


def _guard_findings(noise: Noise) -> Iterator[Finding]:
    guard = noise.guard
    if guard.steal is not None:
        score = 100 * (1 - min(guard.steal / FULL_STEAL, 1))
        level = Level.BAD if guard.steal > MAX_STEAL else Level.OK
        remedy = "move to a machine of your own, or to a dedicated host" if level is Level.BAD else ""
        yield Finding("steal", level, f"the hypervisor took {guard.steal:.1%} of the time", remedy, score)
    if guard.other_load is not None:
        share = guard.other_load / guard.cores
        level = Level.BAD if share > MAX_OTHER_LOAD else Level.OK
        remedy = "end what else runs, or keep cores free of it (isolcpus=)" if level is Level.BAD else ""
        yield Finding(
            "other load", level, f"others kept {guard.other_load:.1f} of {guard.cores} cores busy", remedy, 100 * (1 - min(share, 1))
        )
    if len(noise.frequencies_mhz) >= MIN_FREQUENCIES:
        low, high = min(noise.frequencies_mhz), max(noise.frequencies_mhz)
        score = _spread_score((high - low) / high)
        yield Finding("frequency", _level(score), f"{low:.0f} to {high:.0f} MHz", "fix the clock" if score < ACCEPTABLE else "", score)
    if guard.throttle_events:
        yield Finding(
            "heat", Level.BAD, f"{guard.throttle_events} thermal throttle events", "cool the machine, or lower its power limit", 0.0
        )
    if guard.foreign_processes:
        # Processes on a GPU take turns of equal length: what is left is one share of it.
        score = 100 / (1 + guard.foreign_processes)
        yield Finding("gpu", Level.BAD, f"other processes on it: {guard.foreign_processes}", "end them; nvidia-smi lists them", score)


def _setting_findings(machine: Machine) -> Iterator[Finding]:
    if machine.governor not in (None, PERFORMANCE):
        yield Finding("governor", Level.ADVICE, f"is {machine.governor!r}", "run: sudo cpupower frequency-set -g performance")
    if machine.turbo:
        mend = "run: echo 1 | sudo tee /sys/devices/system/cpu/intel_pstate/no_turbo (AMD: echo 0 | sudo tee .../cpufreq/boost)"
        yield Finding("turbo", Level.ADVICE, "is on: the clock depends on heat and on the other cores", mend)
    if machine.address_randomisation:
        mend = "left on, fresh processes average over it; run: sudo sysctl kernel.randomize_va_space=0"
        yield Finding("address space", Level.ADVICE, "is laid out at random, another in each process", mend)
    if not machine.isolated_cores and machine.logical_cores > 1:
        yield Finding("isolated cores", Level.ADVICE, "there are none", "start the kernel with isolcpus=, and pin the run with taskset")
    if machine.virtual:
        yield Finding(
            "virtual machine", Level.ADVICE, "the hypervisor may take time away unseen", "measure on the metal where small effects count"
        )


def _spread_score(spread: float) -> float:
    """Return 100 at `FINE_SPREAD` and below, 0 at `USELESS_SPREAD` and above, even steps of ratio between: 1% is to 2% as 5% to 10%."""
    if spread <= FINE_SPREAD:
        return 100.0
    if spread >= USELESS_SPREAD:
        return 0.0
    return 100 * math.log(USELESS_SPREAD / spread) / math.log(USELESS_SPREAD / FINE_SPREAD)


def _level(score: float) -> Level:
    return Level.OK if score >= ACCEPTABLE else Level.BAD


def _robust_variation(values: Sequence[float]) -> float:
    """Return the median absolute deviation over the median, scaled to equal the CV of normal data."""
    array = np.asarray(values)
    middle = np.median(array)
    return float(1.4826 * np.median(np.abs(array - middle)) / middle)


def _severity(finding: Finding) -> tuple[int, float]:
    return ({Level.BAD: 0, Level.ADVICE: 1, Level.OK: 2}[finding.level], finding.score if finding.score is not None else 0.0)
