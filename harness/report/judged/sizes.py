"""Published sizes as rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.report.facts.cards import Card, PublishedCard
from harness.report.judged.given import Size
from harness.report.notation import marks
from harness.report.notation.marks import Mark
from harness.report.notation.numbers import NOTHING, whole
from harness.report.notation.quantities import spoken


@dataclass(frozen=True)
class SizeRow:
    """A published size beside the built model's, written."""

    variant: str
    quantity: str
    published: str
    built: str
    verdict: Mark
    note: str
    source: str
    input: str


def size_rows(card: Card, sizes: Iterable[Size]) -> tuple[SizeRow, ...]:
    """Return a paper's sizes: those that were checked, and those of the card that nobody has checked."""
    own = [size for size in sizes if size.paper == card.slug]
    checked = tuple(_row(size, _stated(card, size)) for size in own)
    seen = {(size.variant, size.quantity, str(size.published)) for size in own}
    left = [s for s in card.sizes if (s.variant, s.quantity, s.printed) not in seen]
    return checked if own else tuple(_unchecked(size) for size in left)


def _row(size: Size, stated: PublishedCard | None) -> SizeRow:
    return SizeRow(
        size.variant,
        spoken(size.quantity),
        size.published if isinstance(size.published, str) else whole(float(size.published)),
        NOTHING if size.built is None else whole(size.built),
        marks.mark_of(marks.SIZE_VERDICTS, size.verdict),
        size.note,
        stated.source if stated else "",
        stated.input if stated else "",
    )


def _unchecked(size: PublishedCard) -> SizeRow:
    verdict = Mark("not checked", "·", "mute", "Run: harness verify")
    return SizeRow(size.variant, spoken(size.quantity), size.printed, NOTHING, verdict, size.convention, size.source, size.input)


def _stated(card: Card, size: Size) -> PublishedCard | None:
    own = [s for s in card.sizes if s.variant == size.variant and s.quantity == size.quantity]
    return next((s for s in own if s.printed == size.published), own[0] if own else None)


def size_counts(sizes: Sequence[Size]) -> list[tuple[Mark, int]]:
    """Count the verdicts on sizes, in the order of `SIZE_VERDICTS`."""
    counts = Counter(size.verdict for size in sizes)
    return [(mark, counts[name]) for name, mark in marks.SIZE_VERDICTS.items()]
