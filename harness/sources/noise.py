"""A few seconds of known work, to see how steady a machine is: three kernels, each against a copy of itself, in several fresh processes.

`compute` multiplies small matrices, `cache` reads an array that fits the second-level cache, `memory` copies one that fits no cache. Each
kernel has two sets of arrays, A and B, timed in turn like a method and its baseline: whatever their ratio differs from 1 by is noise.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.sources import clock, cpu
from harness.sources.guards import Guard, GuardReading

PROCESSES = 5
"""Enough to see processes differ from one another, few enough to end in seconds."""
SECONDS = 4.0
"""All processes together, their start-up apart."""
BLOCK_S = 0.002
"""As long as a block of the latency meter."""
MIN_BLOCKS = 4
"""Of each side: fewer have no spread."""
LIMIT_S = 60.0
"""A process that takes longer than this for its share of a few seconds never gets the processor."""
SIDE = 96
CACHE_BYTES = 1 << 17
MEMORY_BYTES = 1 << 25
"""32 MiB a side: more than the last-level cache that one core of a shared server may fill."""

Kernel = Callable[[], object]


@dataclass(frozen=True)
class KernelTimes:
    """Seconds a call of each block, of one kernel in one process, in the order taken: sides `a` and `b` alternate."""

    a: tuple[float, ...]
    b: tuple[float, ...]


@dataclass(frozen=True)
class Noise:
    """What the known work showed.

    Attributes:
        kernels: By name, one entry a process.
        frequencies_mhz: The clock at the end of each process; empty where the machine does not tell.
        guard: Steal, other load, throttling and, for a GPU, who else was on it meanwhile.
    """

    kernels: Mapping[str, Sequence[KernelTimes]]
    frequencies_mhz: tuple[float, ...]
    guard: GuardReading


def measure(seconds: float = SECONDS, processes: int = PROCESSES, device: str = "cpu") -> Noise:
    """Run the known work in fresh processes one after another and return what it showed.

    Args:
        seconds: All processes together.
        processes: How many.
        device: What is watched meanwhile: the work itself is the processor's, which issues a GPU's work as well.

    Raises:
        subprocess.SubprocessError: when a process fails or never ends.
    """
    guard = Guard(device, uses_gpu=False)
    guard.before()
    seen = [_process(seconds / processes) for _ in range(processes)]
    reading = guard.after()
    kernels = {name: [KernelTimes(*map(tuple, one["kernels"][name])) for one in seen] for name in KERNELS}
    clocks = tuple(one["frequency_mhz"] for one in seen if one["frequency_mhz"])
    return Noise(kernels, clocks, reading)


def _process(seconds: float) -> dict[str, Any]:
    # One thread: the libraries' own threads would measure the scheduler.
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    command = [sys.executable, "-m", __name__, str(seconds)]
    done = subprocess.run(command, env={**os.environ, **single}, capture_output=True, text=True, timeout=LIMIT_S, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def compute() -> Kernel:
    """Return a multiplication of two small matrices: arithmetic, and nothing beyond the first caches."""
    left, right = np.full((SIDE, SIDE), 0.5, np.float32), np.full((SIDE, SIDE), 0.25, np.float32)
    out = np.empty((SIDE, SIDE), np.float32)
    return lambda: np.matmul(left, right, out=out)


def cache() -> Kernel:
    """Return a reading of an array that fits the second-level cache."""
    values = np.ones(CACHE_BYTES // 4, np.float32)
    return values.sum


def memory() -> Kernel:
    """Return a copy of an array that fits no cache."""
    source, target = np.ones(MEMORY_BYTES // 4, np.float32), np.zeros(MEMORY_BYTES // 4, np.float32)
    return lambda: np.copyto(target, source)


KERNELS: Mapping[str, Callable[[], Kernel]] = {"compute": compute, "cache": cache, "memory": memory}


def time_kernel(make: Callable[[], Kernel], seconds: float) -> KernelTimes:
    """Time a kernel against a second copy of itself in turn, A B B A, until `seconds` have passed."""
    sides = (make(), make())
    calls = _calls(sides)
    times: tuple[list[float], list[float]] = ([], [])
    end_s = clock.now() + seconds
    order = (0, 1)
    while clock.now() < end_s or len(times[1]) < MIN_BLOCKS:
        for side in order:
            times[side].append(_block(sides[side], calls))
        order = order[::-1]
    return KernelTimes(tuple(times[0]), tuple(times[1]))


def _calls(sides: Sequence[Kernel]) -> int:
    """Warm both sides up and return how many calls make a block."""
    once_s = min(_block(kernel, 1) for kernel in sides for _ in range(3))
    return max(1, round(BLOCK_S / max(once_s, 1e-9)))


def _block(kernel: Kernel, calls: int) -> float:
    start_s = clock.now()
    for _ in range(calls):
        kernel()
    return (clock.now() - start_s) / calls


def _main(seconds: float) -> str:
    times = {name: time_kernel(make, seconds / len(KERNELS)) for name, make in KERNELS.items()}
    kernels = {name: [sides.a, sides.b] for name, sides in times.items()}
    return json.dumps({"kernels": kernels, "frequency_mhz": cpu.frequency_mhz()})


if __name__ == "__main__":
    sys.stdout.write(_main(float(sys.argv[1])))
