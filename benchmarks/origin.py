"""Where and when a section was measured, in one line."""

from __future__ import annotations

import os
from datetime import UTC, datetime

_GIB = 2**30


def origin(seconds: float, load_before: float, quick: bool) -> str:
    """Return the machine, its software, the day, how long it took and what else was running.

    Args:
        seconds: That the section took.
        load_before: The load average over a minute when it began.
        quick: Whether there were too few repetitions to decide anything.
    """
    from harness.sources.machine import describe

    machine = describe()
    facts = [
        f"{machine.cpu_model}{' (virtual)' if machine.virtual else ''}",
        f"{machine.usable_cores} of {machine.logical_cores} cores",
        f"{machine.memory_bytes / _GIB:.0f} GiB",
        *machine.gpus,
        f"Linux {machine.kernel}",
        machine.python,
        *(f"{name} {machine.libraries[name]}" for name in ("torch",) if name in machine.libraries),
    ]
    caution = " **A quick run: too few repetitions to decide anything.**" if quick else ""
    when = f"{datetime.now(UTC):%Y-%m-%d}, {seconds:.0f} s, load average {load_before:.1f} before"
    return f"Measured on {', '.join(facts)}; {when}.{caution}"


def load_average() -> float:
    """Return the kernel's load average over a minute."""
    return os.getloadavg()[0]
