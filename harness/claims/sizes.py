"""Published sizes against built models: exact, within the authors' convention, or different by how much."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from harness.claims.judgement import SizeCheck, SizeVerdict
from harness.claims.ledger import cards
from harness.plugin.card import Paper, Scale
from harness.plugin.size import PublishedSize
from harness.store import Store

META = "meta"
"""The target of models that are built at published dimensions without memory."""

Row = Mapping[str, Any]


def size_workload(card: Paper, size: PublishedSize) -> str:
    """Return the workload that a size is counted over; empty on a card without workloads."""
    return size.workload or (card.workloads[0].name if card.workloads else "")


def size_point(card: Paper, size: PublishedSize) -> dict[str, Any]:
    """Return the params that a size is built with."""
    return {**card.default_point(Scale.PAPER), **size.params}


def size_checks(store: Store, runs: Sequence[str]) -> list[SizeCheck]:
    """Check the published sizes of every paper of `runs`, from the store alone; of a size in several runs the last counts."""
    found: dict[tuple[str, int], SizeCheck] = {}
    for run_id in runs:
        figures = [row for row in store.read("figures", [run_id]).to_pylist() if row["target"] == META]
        cases = [row for row in store.read("cases", [run_id]).to_pylist() if row["target"] == META]
        for card in cards(store, run_id):
            for index, size in enumerate(card.sizes):
                found[card.slug, index] = check_size(card, size, figures, cases)
    return list(found.values())


def check_size(card: Paper, size: PublishedSize, figures: Sequence[Row], cases: Sequence[Row]) -> SizeCheck:
    """Compare one printed size with the model that was built for it."""
    ended = [row for row in cases if _is_for(row, card, size)]
    built = [row["value"] for row in figures if _is_for(row, card, size) and row["metric"] == size.quantity]
    if built:
        verdict, note = _compare(size, built[0])
        return _result(card, size, built[0], verdict, note)
    note = f"{ended[0]['status']}: {ended[0]['message']}" if ended else "was not asked for in this run; see: harness verify"
    return _result(card, size, None, SizeVerdict.NOT_BUILT, note)


def _is_for(row: Row, card: Paper, size: PublishedSize) -> bool:
    named = (row["paper"], row["variant"], row["workload"]) == (card.slug, size.variant, size_workload(card, size))
    return named and bool(json.loads(row["params"]) == json.loads(json.dumps(size_point(card, size))))


def _compare(size: PublishedSize, built: float) -> tuple[SizeVerdict, str]:
    """Hold a built size against the printed one: equal, or within half a unit of the last printed digit."""
    if _equal(size, built):
        return SizeVerdict.MATCH, size.convention if not size.adjust else f"without the convention: {size.convention}"
    if size.adjust and _equal(size, built + size.adjust):
        return SizeVerdict.CONVENTION, f"{size.convention} ({size.adjust:+,})"
    away = built + size.adjust - size.value
    dispute = f"; {size.disputed}" if size.disputed else ""
    return SizeVerdict.DIFFERS, f"built {built:,.0f} is {away:+,.0f} ({away / size.value:+.2%}) away from {size.printed}{dispute}"


def _equal(size: PublishedSize, built: float) -> bool:
    # Half a unit is written in binary: a hair more lets 3.65 G round to the printed 3.7 G.
    return abs(built - size.value) <= size.half_unit * (1 + 1e-9)


def _result(card: Paper, size: PublishedSize, built: float | None, verdict: SizeVerdict, note: str) -> SizeCheck:
    return SizeCheck(card.slug, size.variant, size.input, size.quantity, size.printed, built, verdict, note, size.source)
