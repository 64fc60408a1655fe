"""How often does a comparison cry wolf, and how often does it find 3%: our rule, and others' on the same samples."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from benchmarks.rules import asv_alarms, pyperf_alarms, torchbench_alarms
from benchmarks.section import Extent, Goal, Section, Table
from harness.stats.compare import PROCESSES, Outcome, compare

TITLE = "False alarms and hits"
PLANTED = 0.03
COMPARISONS, QUICK_COMPARISONS = 100, 3
MOST_FALSE, LEAST_FOUND = 0.01, 0.95
PLANT_TOLERANCE = 0.005
"""A plant that is further off makes the hits those of another effect."""
SESSION = 5
"""Comparisons for which the fork servers live; then others are started, with address spaces laid out anew."""

BASELINE, SAME, SLOWER = "network", "the same network", "slowed network"

Blocks = Sequence[Sequence[float]]
Trial = Mapping[str, Blocks]
"""The blocks of the three networks in one comparison's processes, shape (processes, blocks) each."""
Rule = Callable[[Blocks, Blocks], bool]

_METHOD = (
    "A small ResNet (batch of four 32×32 images, one thread), its twin, and one that spins away 3% more processor time than each"
    " of its own calls took; all three take that time, which costs something too. They are measured as `harness.compare` measures"
    " three callables: {processes} fresh processes a comparison, blocks of the three in turn, roles drawn anew and reversed from"
    " process to process. An alarm is a verdict of faster or slower; a hit is one of slower. Ours: 99% interval of the ratio beyond"
    " 1%. The other tools' rules get the same blocks twice: the baseline of one process against the subject of the next, which is"
    " how each of them is used on two runs, and all processes pooled, which gives them our interleaving."
)


def run(extent: Extent) -> Section:
    """Collect comparisons until there are enough or the time is over, and let every rule judge them."""
    wanted = QUICK_COMPARISONS if extent.quick else COMPARISONS
    real = collect(wanted, extent.alarm_minutes * 60)
    trials = [*real, *resampled(real, wanted - len(real))]
    rows = [[name, *(_rate(count, len(trials)) for count in counted(rule, trials))] for name, rule in RULES.items()]
    table = Table(["rule", "false alarms, same code", f"hits, measured {measured_plant(trials):.1%} slower"], rows)
    return Section(TITLE, _METHOD.format(processes=PROCESSES), [table, outcomes(trials)], judge(trials), _remarks(len(real), len(trials)))


def collect(wanted: int, limit_s: float) -> list[Trial]:
    """Measure comparisons in processes of their own, at least one.

    Raises:
        RuntimeError: when a comparison does not end well.
    """
    trials, start = list[Trial](), time.monotonic()
    while not trials or (len(trials) < wanted and time.monotonic() - start < limit_s):
        trials += _session(min(SESSION, wanted - len(trials)), start + limit_s)
    return trials


def _session(comparisons: int, until: float) -> list[Trial]:
    """Measure comparisons with one set of fork servers, the first whatever the time."""
    from benchmarks.resnet import build, images
    from harness.meters.latency import LatencyMeter
    from harness.profiling.session import SCALE, open_session
    from harness.runner.case import Status
    from harness.stats.stopping import StoppingRule

    meter = LatencyMeter({SCALE: StoppingRule(min_processes=PROCESSES, max_processes=PROCESSES)})
    networks = {BASELINE: build(), SAME: build(), SLOWER: build(PLANTED)}
    trials: list[Trial] = []
    with open_session(networks, (images(),), "cpu", None, 1, False, "eager", None) as session:
        while len(trials) < comparisons and (not trials or time.monotonic() < until):
            seen = session.observe(meter)
            if seen.status != Status.OK:
                raise RuntimeError(f"a comparison ended as {seen.status}: {seen.message}")
            trials.append({name: [o["variants"][name]["blocks_s"] for o in seen.observations] for name in networks})
    return trials


def resampled(real: Sequence[Trial], count: int, seed: int = 0) -> list[Trial]:
    """Return further comparisons put together from real processes: the i-th process of each is the i-th of one drawn at random.

    A process keeps its place, and with it its order of roles and its server.
    """
    draw = random.Random(seed)
    made = list[Trial]()
    for _ in range(count):
        sources = [draw.choice(real) for _ in real[0][BASELINE]]
        made.append({name: [source[name][i] for i, source in enumerate(sources)] for name in real[0]})
    return made


def ours(subject: Blocks, baseline: Blocks) -> bool:
    """Say whether our verdict is faster or slower."""
    return compare(subject, baseline).outcome in (Outcome.FASTER, Outcome.SLOWER)


def one_process(rule: Callable[[Sequence[float], Sequence[float]], bool]) -> Rule:
    """Give a rule the baseline of one process and the subject of another."""
    return lambda subject, baseline: rule(*_equally_many(baseline[0], subject[1]))


def pooled(rule: Callable[[Sequence[float], Sequence[float]], bool]) -> Rule:
    """Give a rule all blocks of all processes, as if they were of one."""
    return lambda subject, baseline: rule(*_equally_many(_together(baseline), _together(subject)))


def _together(blocks: Blocks) -> list[float]:
    return [seconds for process in blocks for seconds in process]


def _equally_many(a: Sequence[float], b: Sequence[float]) -> tuple[Sequence[float], Sequence[float]]:
    """Cut the longer: pyperf's test takes as many of both."""
    count = min(len(a), len(b))
    return a[:count], b[:count]


PEERS = {"pyperf, t-test": pyperf_alarms, "asv, Mann-Whitney": asv_alarms, "TorchBench, 7% of medians": torchbench_alarms}
RULES: Mapping[str, Rule] = {
    "harness": ours,
    **{f"{name}, one process a side": one_process(rule) for name, rule in PEERS.items()},
    **{f"{name}, all processes pooled": pooled(rule) for name, rule in PEERS.items()},
}


def counted(rule: Rule, trials: Sequence[Trial]) -> tuple[int, int]:
    """Return how many comparisons of the same code raise an alarm, and how many of the slowed code raise one in the right direction."""
    false = sum(rule(t[SAME], t[BASELINE]) for t in trials)
    hits = sum(rule(t[SLOWER], t[BASELINE]) and _slower(t[SLOWER], t[BASELINE]) for t in trials)
    return false, hits


def measured_plant(trials: Sequence[Trial]) -> float:
    """Return by which share the slowed network was slower, the median over comparisons: the effect that the hits are hits of."""
    return float(np.median([compare(t[SLOWER], t[BASELINE]).ratio.value for t in trials])) - 1


def outcomes(trials: Sequence[Trial]) -> Table:
    """Return what our rule said, outcome by outcome, and the ratios it saw."""
    rows = []
    for words, name in (("same code", SAME), (f"{PLANTED:.0%} slower", SLOWER)):
        found = [compare(t[name], t[BASELINE]) for t in trials]
        ratios = np.quantile([one.ratio.value for one in found], [0.05, 0.5, 0.95])
        says = [str(sum(one.outcome is outcome for one in found)) for outcome in Outcome]
        rows.append([words, *says, f"{ratios[1]:.4f}", f"{ratios[0]:.4f} to {ratios[2]:.4f}"])
    return Table(["harness says of", *(str(outcome) for outcome in Outcome), "median ratio", "nine in ten"], rows)


def judge(trials: Sequence[Trial]) -> list[Goal]:
    """Hold the plant and our rule against the goals."""
    false, hits = counted(ours, trials)
    count, plant = len(trials), measured_plant(trials)
    return [
        Goal(
            f"a plant of {PLANTED:.0%}, give or take {PLANT_TOLERANCE:.1%}",
            abs(plant - PLANTED) <= PLANT_TOLERANCE,
            f"{plant:.2%} as measured",
        ),
        Goal(f"at most {MOST_FALSE:.0%} false alarms", false / count <= MOST_FALSE, f"{false} of {count}"),
        Goal(f"at least {LEAST_FOUND:.0%} of planted {PLANTED:.0%} found", hits / count >= LEAST_FOUND, f"{hits} of {count}"),
    ]


def _slower(subject: Blocks, baseline: Blocks) -> bool:
    return bool(np.median(_together(subject)) > np.median(_together(baseline)))


def _rate(count: int, of: int) -> str:
    from scipy.stats import binomtest

    low, high = binomtest(count, of).proportion_ci(method="exact")
    return f"{count / of:.0%} ({low:.0%} to {high:.0%})"


def _remarks(real: int, count: int) -> list[str]:
    said = [f"Rates have exact 95% intervals. Fork servers were started anew after every {SESSION} comparisons."]
    if real < count:
        said.append(
            f"{real} comparisons were measured in the time given, with {PROCESSES} processes each; the other {count - real} were put"
            f" together from those {real * PROCESSES} processes, each drawn at random among those of its place, so that they are not"
            " independent."
        )
    return said
