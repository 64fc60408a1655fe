"""The ledger page: every judged claim."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.report.judged.claims import ClaimRow, verdict_counts
from harness.report.judged.given import Size
from harness.report.judged.sizes import size_counts
from harness.report.notation.marks import Mark


@dataclass(frozen=True)
class Ledger:
    """The ledger page. The lists of names are what the reader can filter by."""

    rows: tuple[ClaimRow, ...]
    verdicts: tuple[tuple[Mark, int], ...]
    sizes: tuple[tuple[Mark, int], ...]
    families: tuple[str, ...]
    quantities: tuple[str, ...]
    places: tuple[str, ...]


def build_ledger(rows: Sequence[ClaimRow], sizes: Sequence[Size]) -> Ledger:
    """Build the ledger page."""
    return Ledger(
        tuple(rows),
        tuple(verdict_counts(rows)),
        tuple(size_counts(sizes)),
        tuple(sorted({row.card.family for row in rows})),
        tuple(sorted({row.quantity for row in rows})),
        tuple(dict.fromkeys(row.place for row in rows)),
    )
