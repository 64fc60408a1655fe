"""Interleaved blocks of calls in one process: warm-up until steady, A B C, C B A, ... Imports torch: for workers only.

build every variant -> first call, apart -> warm up each until steady -> choose k, calls a block
-> A(k) B(k) C(k) C(k) B(k) A(k) ... until no more is gained or the time is spent, guards read around it all, once more if they were disturbed
"""

from __future__ import annotations

import gc
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Any

import torch

from harness.meters.base import Effort, Observation
from harness.meters.timers import Span, Timer, timer_for
from harness.meters.workbench import Subject
from harness.sources import clock
from harness.sources.guards import Guard, guarded
from harness.stats.steady import settled, steady_from
from harness.stats.stopping import no_narrower

MIN_BLOCK_S = 0.002
"""A block this long is 20,000 times the clock's resolution and buries the loop around it."""
MAX_BLOCK_CALLS = 10_000
WARM_UP_SHARE = 0.5
"""Warm-up ends at the latest after this share of the measuring time..."""
MIN_WARM_UP_CALLS = 3
"""...but never before this many calls; the first call of all is timed apart."""
COLD_CALLS = 5
MIN_ROUNDS = 5
"""Fewer blocks a variant leave no median worth the name, however slow a call is."""
FIRST_LOOK = 50
"""Rounds before a process may have seen enough: tails need more blocks than a median does."""
LOOK_GROWTH = 1.5
"""The rule is asked, and the guard looks, after 50, 75, 113, ... rounds: asking disturbs the next block, and asking often favours lucky answers."""


@dataclass
class _Timed:
    """A subject with what was seen of it so far."""

    subject: Subject
    first_call_s: float
    warm_up_s: list[float] = field(default_factory=list)
    calls: int = 1
    blocks_s: list[float] = field(default_factory=list)
    walls_s: list[float] = field(default_factory=list)
    issue_share: list[float] = field(default_factory=list)
    cold_s: list[float] = field(default_factory=list)

    def forget(self) -> None:
        """Drop the blocks of an earlier attempt."""
        self.blocks_s, self.walls_s, self.issue_share = [], [], []

    def take(self, block: Span) -> None:
        """Keep a block of calls."""
        self.blocks_s.append(block.seconds / self.calls)
        self.walls_s.append(block.wall_s / self.calls)
        self.issue_share.append(block.issue_s / block.wall_s if block.wall_s else 0.0)


def interleave(subjects: Sequence[Subject], device: str, effort: Effort) -> Observation:
    """Time blocks of all subjects in turn.

    Args:
        subjects: In the order in which the first round takes them; every round reverses it, so that drift falls on all alike.
        device: `cpu` or `cuda:n`.
        effort: Measuring seconds a subject, at most.

    Returns:
        Per variant the seconds a call of each block, of the wall clock beside it, of the first call and of calls with cold caches, the share of the
        wall time in which calls were issued, and the calls a block; the marks of the guards.

    Raises:
        ValueError: when a first call returns nothing, or something that is not finite: the speed of a wrong answer is no figure.
    """
    timer = timer_for(device)
    timed = [_Timed(s, _first_call(s, timer)) for s in subjects]
    for one in timed:
        _warm_up(one, timer, effort.seconds * WARM_UP_SHARE)
    guard = Guard(device)
    with _no_collection():
        rounds, reading = guarded(lambda: _rounds(timed, timer, effort.seconds, guard), guard)
    marks = list(reading.marks)
    if not effort.quick:
        for one in timed:
            one.cold_s = _cold(one.subject, timer)
    late = max(_late_warm_up(one) for one in timed)
    if late > rounds - MIN_ROUNDS:
        late, marks = 0, [*marks, "noisy: never steady"]
    return {
        "clock": timer.clock,
        "rounds": rounds - late,
        "marks": marks,
        "variants": {
            one.subject.variant: {
                "blocks_s": one.blocks_s[late:],
                "wall_s": median(one.walls_s[late:]),
                "issue_share": median(one.issue_share[late:]),
                "cold_s": one.cold_s,
                "first_call_s": one.first_call_s,
                "calls": one.calls,
                "items": one.subject.work.items,
            }
            for one in timed
        },
    }


def _first_call(subject: Subject, timer: Timer) -> float:
    kept: list[Any] = []
    once = replace(subject, work=replace(subject.work, run=lambda: kept.append(subject.work.run())))
    seconds = timer.block(once, 1).seconds
    check_result(subject.variant, kept[0])
    return seconds


def check_result(variant: str, result: Any) -> None:
    """Refuse a call that returns nothing or a tensor with values that are not finite."""
    if result is None:
        raise ValueError(f"a call of variant {variant!r} returned nothing; return what it computes, so that it can be checked")
    for tensor in result if isinstance(result, (tuple, list)) else (result,):
        if isinstance(tensor, torch.Tensor) and tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise ValueError(f"a call of variant {variant!r} returned values that are not finite; its speed would mean nothing")


def _warm_up(one: _Timed, timer: Timer, limit_s: float) -> None:
    """Call until the times are steady or the limit is reached; then choose how many calls make a block."""
    times, start = one.warm_up_s, clock.now()
    while len(times) < MIN_WARM_UP_CALLS or (not settled(times) and clock.now() - start < limit_s):
        times.append(timer.block(one.subject, 1).seconds)
    typical = min(times[len(times) // 2 :])
    one.calls = max(1, min(MAX_BLOCK_CALLS, math.ceil(MIN_BLOCK_S / max(typical, 1e-9))))


def _cold(subject: Subject, timer: Timer) -> list[float]:
    """Return the seconds of single calls, each after the caches have been emptied: a figure of its own beside that of warm caches."""
    seconds = []
    for _ in range(COLD_CALLS):
        timer.chill()
        seconds.append(timer.block(subject, 1).seconds)
    return seconds


def _late_warm_up(one: _Timed) -> int:
    """Return how many of the first blocks were warm-up after all: no rule can foresee that the fortieth call compiles."""
    return max(0, steady_from([*one.warm_up_s, *one.blocks_s]) - len(one.warm_up_s))


def _rounds(timed: Sequence[_Timed], timer: Timer, seconds: float, guard: Guard) -> int:
    """Take blocks in turn until more would not narrow the interval between processes, or the time of all is spent; return the number of rounds."""
    for one in timed:
        one.forget()
    order, rounds, start, look = list(timed), 0, clock.now(), FIRST_LOOK
    while rounds < MIN_ROUNDS or clock.now() - start < seconds * len(timed):
        for one in order:
            one.take(timer.block(one.subject, one.calls))
        order.reverse()
        rounds += 1
        if rounds == look:
            guard.look()
            if all(no_narrower(one.blocks_s) for one in timed):
                break
            look = math.ceil(look * LOOK_GROWTH)
    return rounds


@contextmanager
def _no_collection() -> Iterator[None]:
    """Keep Python's garbage collector out of the timed part."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
