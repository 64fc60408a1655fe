"""Everything a report shows, read from the store once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from harness.errors import NothingToMeasureError
from harness.report.facts.breakdowns import Blocks, Scene, Shares, read_blocks, read_shares
from harness.report.facts.cards import Card, read_card
from harness.report.facts.figures import QUALITY_WORKLOAD, Fig, FigureKey, Figures, RowKey, counting, read_figures
from harness.report.facts.history import History, read_history
from harness.report.facts.places import Place, RunInfo
from harness.report.facts.select import Selection, read_runs, select
from harness.store import Store


@dataclass(frozen=True, slots=True)
class CaseInfo:
    """A case that counts. Fields are the columns of the store."""

    place: Place
    run_id: str
    case_id: str
    paper: str
    variant: str
    workload: str
    scale: str
    params: str
    target: str
    dtype: str
    mode: str
    meter: str
    status: str
    message: str
    traceback: str
    seconds: float | None
    started_at: datetime | None
    reused_from: str


@dataclass(frozen=True)
class BrokenPlugin:
    """A plugin that could not be read."""

    paper: str
    origin: str
    message: str
    traceback: str
    run_id: str


@dataclass(frozen=True, slots=True)
class StoredArtifact:
    """An artifact: `kind` is `image` (PNG), `chart` (Vega-Lite JSON) or `text` (UTF-8)."""

    place: str
    paper: str
    variant: str
    name: str
    kind: str
    caption: str
    content: bytes


@dataclass(frozen=True)
class Facts:
    """What a report is made from.

    Attributes:
        location: The store.
        runs: Every run that was looked at, oldest first.
        places: Where figures come from, in the order of columns.
        cards: Slug to card, of plugins that could be read; the newest run's card stands.
        broken: Plugins that could not.
        figures: The figures that count.
        cases: The cases that count, however they ended.
        blocks: Blocks of latency at default points.
        shares: Break-downs by operator at default points.
        artifacts: Of the cases that count.
        history: Latency over the runs.
    """

    location: str
    runs: tuple[RunInfo, ...]
    places: tuple[Place, ...]
    cards: Mapping[str, Card]
    broken: tuple[BrokenPlugin, ...]
    figures: Figures
    cases: tuple[CaseInfo, ...]
    blocks: Blocks
    shares: Shares
    artifacts: tuple[StoredArtifact, ...]
    history: History

    @cached_property
    def main_place(self) -> Place:
        """The place where most cases ended well: the one that summaries speak of."""
        good = {place.key: 0 for place in self.places}
        for case in self.cases:
            good[case.place.key] += case.status == "ok"
        return max(self.places, key=lambda place: good[place.key])

    @cached_property
    def rows_by_paper(self) -> Mapping[str, tuple[RowKey, ...]]:
        """The rows of each paper."""
        rows: dict[str, list[RowKey]] = {}
        for row in self.figures:
            rows.setdefault(row.paper, []).append(row)
        return {paper: tuple(found) for paper, found in rows.items()}

    @cached_property
    def cases_by_paper(self) -> Mapping[str, tuple[CaseInfo, ...]]:
        """The cases of each paper."""
        cases: dict[str, list[CaseInfo]] = {}
        for case in self.cases:
            cases.setdefault(case.paper, []).append(case)
        return {paper: tuple(found) for paper, found in cases.items()}

    @cached_property
    def _whole_rows(self) -> dict[RowKey, Mapping[FigureKey, Fig]]:
        return {}

    def figures_of(self, row: RowKey) -> Mapping[FigureKey, Fig]:
        """Return the figures of a row; a quality stands in the rows of every workload."""
        if row not in self._whole_rows:
            self._whole_rows[row] = {**self.figures.get(quality_row(row), {}), **self.figures.get(row, {})}
        return self._whole_rows[row]

    def figure(self, row: RowKey, place: str, metric: str, baseline: str = "") -> Fig | None:
        """Return a figure of a row."""
        return self.figures_of(row).get(FigureKey(place, metric, baseline))


def quality_row(row: RowKey) -> RowKey:
    """Return the row that holds the qualities of a variant at a point."""
    return row._replace(workload=QUALITY_WORKLOAD, dtype="native", mode="eager")


def choose(store: Store, run_ids: Sequence[str] = ()) -> Selection:
    """Say which cases count.

    Args:
        store: The store.
        run_ids: Runs to compare, each kept apart; the newest figures of every machine where it is empty.

    Raises:
        HarnessError: when a run does not exist.
        NothingToMeasureError: when there is no figure to show.
    """
    chosen = list(dict.fromkeys(run_ids)) or store.run_ids()
    if not chosen:
        raise NothingToMeasureError(f"store {store.location!r} holds no run; run: harness run")
    selection = select(store, read_runs(store, chosen), by_run=len(run_ids) > 1)
    if not selection.places:
        raise NothingToMeasureError(
            f"no measured case of {', '.join(chosen)} has ended; run: harness run, or go on with: harness run --resume"
        )
    return selection


def load(store: Store, run_ids: Sequence[str] = ()) -> Facts:
    """Read what a report needs.

    Args:
        store: The store.
        run_ids: Runs to compare, each kept apart; the newest figures of every machine where it is empty.

    Raises:
        HarnessError: when a run does not exist.
        NothingToMeasureError: when there is no figure to show.
    """
    selection = choose(store, run_ids)
    cards, broken = _read_cards(store, selection)
    cases = tuple(_read_cases(store, selection))
    papers = {(case.run_id, case.case_id): case.paper for case in cases}
    scenes = {(c.run_id, c.case_id): Scene(c.paper, c.place.key, c.workload) for c in cases if _is_plain_default(cards, c)}
    return Facts(
        store.location,
        selection.runs,
        selection.places,
        cards,
        broken,
        read_figures(store, selection),
        cases,
        read_blocks(store, selection.cases, scenes),
        read_shares(store, selection.cases, scenes),
        tuple(_read_artifacts(store, selection, papers)),
        read_history(store, selection, cards),
    )


def _read_cards(store: Store, selection: Selection) -> tuple[dict[str, Card], tuple[BrokenPlugin, ...]]:
    """Read the cards of runs whose cases count; the newest word about a plugin stands, be it a card or that it is broken."""
    newest: dict[str, Card | BrokenPlugin] = {}
    for run in selection.runs:
        if run.run_id not in selection.cases and run is not selection.runs[-1]:
            continue
        for row in store.read("papers", [run.run_id]).to_pylist():
            if row["card"] and row["status"] != "broken":
                newest[row["paper"]] = read_card(row["card"], row["origin"] or "")
            else:
                origin, message, traceback = (row[key] or "" for key in ("origin", "message", "traceback"))
                newest[row["paper"]] = BrokenPlugin(row["paper"], origin, message, traceback, run.run_id)
    cards = {slug: word for slug, word in newest.items() if isinstance(word, Card)}
    return cards, tuple(word for word in newest.values() if isinstance(word, BrokenPlugin))


_MAY_LACK = ("seconds", "started_at")
"""Columns of a case that are not text."""


def _read_cases(store: Store, selection: Selection) -> list[CaseInfo]:
    columns = [name for name in CaseInfo.__dataclass_fields__ if name != "place"]
    found = []
    for run_id, cases in selection.cases.items():
        for row in counting(store.read("cases", [run_id], columns), cases).to_pylist():
            fields: dict[str, Any] = {key: value if value is not None or key in _MAY_LACK else "" for key, value in row.items()}
            found.append(CaseInfo(place=cases[row["case_id"]], **fields))
    return found


def _is_plain_default(cards: Mapping[str, Card], case: CaseInfo) -> bool:
    """Say whether a case stands at its paper's default point, eager."""
    card = cards.get(case.paper)
    return card is not None and case.mode == "eager" and case.params == card.default_params(case.scale)


def _read_artifacts(store: Store, selection: Selection, papers: Mapping[tuple[str, str], str]) -> list[StoredArtifact]:
    found = []
    for run_id, cases in selection.cases.items():
        for row in counting(store.read("artifacts", [run_id]), cases).to_pylist():
            variant, name, kind, caption = (row[key] or "" for key in ("variant", "name", "kind", "caption"))
            case = row["case_id"]
            found.append(StoredArtifact(cases[case].key, papers[run_id, case], variant, name, kind, caption, row["content"] or b""))
    return found
