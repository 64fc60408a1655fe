"""One figure with its unit, its interval, and how it was had."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Provenance(StrEnum):
    """How a figure was had; no table ever mixes these silently."""

    MEASURED = "measured"
    """Read from a clock, a counter or an allocator while the work ran; or a quality computed from real outputs."""
    COUNTED = "counted"
    """Derived exactly from the operations that ran."""
    ESTIMATED = "estimated"
    """From a model of the machine, such as energy from its nominal power."""
    MODELLED = "modelled"
    """From an analytic device or a table of operation costs."""


@dataclass(frozen=True)
class Figure:
    """One figure of one variant.

    Attributes:
        variant: Whose figure it is.
        metric: What it is: `latency`, `macs`, `peak_activation`, ...
        value: In `unit`.
        unit: `s`, `B`, `J`, `1` for counts, ...
        provenance: How it was had.
        meter: What read it, with the source: `latency/perf_counter`, `energy/codecarbon`.
        low: Lower end of the 95% interval; equal to `value` for an exact count; None where there is none.
        high: Upper end.
        n: Repetitions behind the interval (processes, seeds, windows).
        baseline: For ratios: the variant in the denominator.
        message: Marks such as `noisy: steal 4%`, the reason why sampling stopped.
    """

    variant: str
    metric: str
    value: float
    unit: str
    provenance: Provenance
    meter: str
    low: float | None = None
    high: float | None = None
    n: int = 1
    baseline: str = ""
    message: str = ""
