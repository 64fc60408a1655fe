"""The profile of one callable: figures with units and intervals, for people and for frames."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.meters.base import Detail
from harness.meters.figure import Figure

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class LatencyFigures:
    """Seconds a call. `low` and `high` bound `p50` at 95% over `n` fresh processes; `first_call` is apart.

    `marks` says what disturbed it, as `noisy: steal 4% in 2 of 6 processes`; empty for a quiet measurement.
    """

    p50: float
    p90: float
    p99: float
    low: float | None
    high: float | None
    n: int
    stop_reason: str
    first_call: float
    marks: str


@dataclass(frozen=True)
class MemoryFigures:
    """Bytes: exact allocator peaks, and the process's resident set. `reserved` is None on the CPU, which reserves nothing."""

    weights: int
    inputs: int
    activations: int
    reserved: int | None
    rss: int


@dataclass(frozen=True)
class EnergyFigures:
    """Joules an item. `gross` and `net` (above idle) are None where the source cannot tell them apart."""

    per_item: float
    gross: float | None
    net: float | None
    provenance: str
    source: str


@dataclass(frozen=True)
class Profile:
    """What a callable costs.

    Attributes:
        name: What was profiled.
        device: Where.
        params: Distinct parameters; None for what is no module.
        macs: Multiply-accumulates of matrix-like operations, a call.
        flops: 2 MACs, element-wise operations and reductions, a call.
        op_classes: Operations by class.
        uncounted: Operations without a formula, by name, with the bytes they touch.
        bytes_moved: Bytes read and written, a call.
        latency: Seconds a call.
        memory: Bytes.
        energy: Joules an item.
        missing: What was asked for and could not be had, with the reason.
        figures: Every figure, with its provenance.
        details: FLOPs by operator and by module.
    """

    name: str
    device: str
    params: int | None
    macs: int | None
    flops: int | None
    op_classes: Mapping[str, int]
    uncounted: Mapping[str, int]
    bytes_moved: int | None
    latency: LatencyFigures | None
    memory: MemoryFigures | None
    energy: EnergyFigures | None
    missing: Mapping[str, str]
    figures: Sequence[Figure]
    details: Sequence[Detail]

    def by_operator(self) -> pd.DataFrame:
        """Return counts by operator."""
        return self._breakdown("operator")

    def by_module(self) -> pd.DataFrame:
        """Return counts by module path."""
        return self._breakdown("module")

    def _breakdown(self, level: str) -> pd.DataFrame:
        import pandas as pd

        rows = pd.DataFrame([vars(d) for d in self.details if d.level == level], columns=["name", "metric", "value"])
        return rows.pivot_table(index="name", columns="metric", values="value", aggfunc="sum", sort=False)

    def to_frame(self) -> pd.DataFrame:
        """Return every figure as a row: metric, value, low, high, n, unit, provenance, meter, message."""
        import pandas as pd

        return pd.DataFrame([vars(figure) for figure in self.figures]).drop(columns=["variant", "baseline"], errors="ignore")

    def __repr__(self) -> str:
        width = max((len(label) for label, _ in self._lines()), default=0)
        return "\n".join([f"{self.name} on {self.device}", *(f"  {label:<{width}}  {text}" for label, text in self._lines())])

    def _repr_html_(self) -> str:
        rows = "".join(f"<tr><th>{html.escape(label)}</th><td>{html.escape(text)}</td></tr>" for label, text in self._lines())
        return f"<table><caption>{html.escape(self.name)} on {html.escape(self.device)}</caption>{rows}</table>"

    def _lines(self) -> list[tuple[str, str]]:
        lines = []
        counts = (("parameters", self.params), ("MACs", self.macs), ("FLOPs", self.flops), ("bytes moved", self.bytes_moved))
        lines += [(label, f"{value:,}") for label, value in counts if value is not None]
        if self.uncounted:
            lines.append(("uncounted", ", ".join(f"{name} ({size:,} B)" for name, size in self.uncounted.items())))
        if self.latency:
            lines.append(("latency", _latency(self.latency)))
        if self.memory:
            m = self.memory
            lines.append(
                ("memory", f"weights {m.weights:,} B, inputs {m.inputs:,} B, activations {m.activations:,} B, resident {m.rss:,} B")
            )
        if self.energy:
            lines.append(("energy", f"{self.energy.per_item:.3g} J an item ({self.energy.provenance}, {self.energy.source})"))
        return lines + [(name, f"missing: {reason}") for name, reason in self.missing.items()]


def _latency(found: LatencyFigures) -> str:
    interval = "" if found.low is None or found.high is None else f" ({seconds(found.low)} to {seconds(found.high)})"
    tails = f"p90 {seconds(found.p90)}, p99 {seconds(found.p99)}"
    marks = f"; {found.marks}" if found.marks else ""
    return f"{seconds(found.p50)}{interval} over {found.n} processes, {tails}; first call {seconds(found.first_call)}{marks}"


def seconds(value: float) -> str:
    """Return a time with the unit that suits it."""
    for factor, unit in ((1.0, "s"), (1e-3, "ms"), (1e-6, "us")):
        if value >= factor:
            return f"{value / factor:.3g} {unit}"
    return f"{value / 1e-9:.3g} ns"
