"""What a meter is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from harness.meters.figure import Figure

if TYPE_CHECKING:
    from harness.meters.workbench import Workbench

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


class Meter(Protocol):
    """A protocol for one kind of figure: `observe` in a fresh process beside the paper's code, `summarize` in the driver."""

    name: str
    """What `--metrics` calls it."""
    paired: bool
    """True where subject and baselines are observed in one process, interleaved."""

    def observe(self, bench: Workbench, variants: Sequence[str], workload: str, effort: Effort) -> Observation:
        """Observe `variants` once, in this process.

        Raises:
            NotMeasurableError: when this machine or this model has no such figure.
        """
        ...

    def summarize(self, observations: Sequence[Observation]) -> list[Figure]:
        """Turn the observations of all repetitions into figures: a pure function, free of torch."""
        ...
