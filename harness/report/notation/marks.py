"""Marks: verdicts, statuses and provenance as a sign and a word, never as a colour alone."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mark:
    """A badge.

    Attributes:
        name: Its word: `upheld`, `out of memory`, `estimated`.
        sign: One character that tells it from its kin without colour.
        tone: The style sheet's class: `good`, `fair`, `poor`, `bad`, `mute`.
        about: What it means, in one sentence.
    """

    name: str
    sign: str
    tone: str
    about: str = ""

    @property
    def key(self) -> str:
        """The name as it stands in addresses and attributes."""
        return self.name.replace(" ", "-")


VERDICTS: dict[str, Mark] = {
    m.name: m
    for m in (
        Mark("upheld", "✓", "good", "The whole interval reaches the claim or goes beyond it."),
        Mark("consistent", "=", "good", "The interval includes the claimed figure."),
        Mark("direction only", "↗", "fair", "Better than the baseline, but the whole interval falls short of the claim."),
        Mark("inconclusive", "?", "mute", "The interval includes no effect: this machine cannot tell."),
        Mark("refuted", "✗", "bad", "The whole interval is on the wrong side."),
        Mark("not testable here", "○", "mute", "The claim's conditions cannot be met on this machine."),
    )
}
NOT_JUDGED = Mark("not judged", "·", "mute", "No run in this report has what the claim needs.")
"""Absence of a verdict."""

SIZE_VERDICTS: dict[str, Mark] = {
    m.name: m
    for m in (
        Mark("match", "✓", "good", "Equal to the published figure, to its last printed digit."),
        Mark("within convention", "=", "good", "Equal once the authors' way of counting is taken into account."),
        Mark("differs", "✗", "bad", "Not what the authors print."),
        Mark("not built", "○", "mute", "The variant could not be built at its published size."),
    )
}

STATUSES: dict[str, Mark] = {
    key: Mark(key.replace("_", " "), sign, tone, about)
    for key, sign, tone, about in (
        ("ok", "✓", "good", "The case ended with its figures."),
        ("failed", "F", "bad", "The paper's code raised an error."),
        ("crashed", "C", "bad", "The process died: a segmentation fault, an abort, a signal."),
        ("timeout", "T", "bad", "The case ran past its time limit and was stopped."),
        ("out_of_memory", "M", "bad", "The case reached its memory limit."),
        ("skipped", "S", "mute", "The case has no figure on this target, with the reason."),
        ("broken", "B", "bad", "The plugin could not be imported, or its card is wrong."),
    )
}
BAD_STATUSES = frozenset({"failed", "crashed", "timeout", "out_of_memory"})

PROVENANCE: dict[str, Mark] = {
    m.name: m
    for m in (
        Mark("measured", "", "measured", "Read from a clock, a counter or an allocator while the work ran."),
        Mark("counted", "#", "counted", "Derived exactly from the operations that ran."),
        Mark("estimated", "≈", "estimated", "From a model of the machine, such as its nominal power."),
        Mark("modelled", "◇", "modelled", "From an analytic device or a table of operation costs."),
    )
}
NOISY = Mark("noisy", "≋", "poor", "The machine was disturbed while this was measured.")
NOTE = Mark("note", "†", "mute", "The meter left a remark.")


def mark_of(marks: dict[str, Mark], name: str) -> Mark:
    """Return the mark of a name; a name nobody knows keeps its word and gets a question mark."""
    return marks.get(name, Mark(name or "unknown", "?", "mute"))
