"""What a meter is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from harness.meters.figure import Figure

if TYPE_CHECKING:
    from harness.meters.workbench import Subject

Observation = Mapping[str, Any]
"""What one process saw: plain JSON data (numbers, strings, lists, mappings)."""


class NotMeasurableError(Exception):
    """A meter has no figure to give, with the reason: the case ends as `skipped`, never as a zero."""


@dataclass(frozen=True)
class Effort:
    """How much work a repetition may spend.

    Attributes:
        repetition: Which repetition this is, from 0; meters that swap roles or seeds derive them from it.
        seconds: Measuring time a repetition may take per variant, set-up and warm-up apart.
        quick: True at `smoke` scale: the shortest protocol that still gives a real figure.
    """

    repetition: int = 0
    seconds: float = 1.0
    quick: bool = False


@dataclass(frozen=True)
class Sample:
    """One raw sample: `repetition` is the process or the seed, `position` the order within it."""

    variant: str
    metric: str
    repetition: int
    position: int
    value: float
    unit: str


@dataclass(frozen=True)
class Detail:
    """One row of a break-down: `level` is `operator` or `module`, `name` the operator or the module's path."""

    variant: str
    level: str
    name: str
    metric: str
    value: float
    unit: str


@dataclass(frozen=True)
class StoredArtifact:
    """An artifact as bytes: `kind` is `image` (PNG), `chart` (Vega-Lite JSON) or `text` (UTF-8)."""

    variant: str
    name: str
    kind: str
    caption: str
    content: bytes


@dataclass(frozen=True)
class Readings:
    """All that a case has given."""

    figures: Sequence[Figure]
    samples: Sequence[Sample] = ()
    details: Sequence[Detail] = ()
    artifacts: Sequence[StoredArtifact] = ()


class Bench(Protocol):
    """What most meters need of a bench: something to run. A paper's is a `Workbench`."""

    device: str

    def subject(self, workload: str, variant: str) -> Subject:
        """Build a variant and prepare one call of a workload."""
        ...

    def needs_fit(self, workload: str) -> bool:
        """Say whether a workload's cost depends on trained weights."""
        ...

    def formulas(self) -> Mapping[str, Callable[..., Any]] | None:
        """Return FLOP formulas for custom operators, by `namespace::op`."""
        ...


class Meter(Protocol):
    """A protocol for one kind of figure: `observe` in a fresh process beside the paper's code, `summarize` in the driver."""

    name: str
    """What `--metrics` calls it."""
    paired: bool
    """True where subject and baselines are observed in one process, interleaved."""
    exclusive: bool
    """True where nothing else may run on the machine meanwhile."""
    bare: bool
    """True where the process itself is measured, so that nothing may be loaded in it beforehand but torch."""
    swept: bool
    """True where every sweep point is observed, not only the default one."""

    def repetitions(self, scale: str) -> int:
        """Return how many fresh processes observe a case at most."""
        ...

    def enough(self, scale: str, observations: Sequence[Observation], elapsed_s: float) -> str:
        """Say why no further process is needed; empty to go on until `repetitions`."""
        ...

    def observe(self, bench: Any, variants: Sequence[str], workload: str, effort: Effort) -> Observation:
        """Observe `variants` once, in this process.

        Args:
            bench: A `Bench`; quality needs a paper's own `Workbench`.
            variants: Names of what is observed.
            workload: The named unit of work; empty for quality.
            effort: Which repetition, and how much of it.

        Raises:
            NotMeasurableError: when this machine or this model has no such figure.
        """
        ...

    def summarize(self, observations: Sequence[Observation]) -> Readings:
        """Turn the observations of all repetitions into figures: a pure function, free of torch.

        Each observation carries what the driver saw of the process as well: `peak_rss_bytes`, `threads`, and on the last one `stopped`, why.
        """
        ...
