"""Find, among a run's rows, the figures that may judge a claim: those under its own conditions and no others."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.plugin.card import Paper, Scale
from harness.stats.estimate import Estimate
from harness.store import Store

NATIVE_DTYPES = ("native", "float32")
"""What a plugin builds unasked is float32; a claim about float32 is judged by either."""

JUDGING_SCALES = (Scale.SMALL, Scale.PAPER)
"""Where a claim names no scale, these may judge it, in this order. A smoke run only shows that things work."""

META = "meta"
"""The target of static figures at published dimensions; counts hold on every device."""

Row = Mapping[str, Any]


class NoEvidenceError(Exception):
    """No row of the run may judge the claim; `code` says why in a word."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True)
class Conditions:
    """Under which conditions a row must have been taken.

    Attributes:
        device: Device kind; empty for any.
        dtype: Empty for what the plugin builds.
        mode: `eager` unless the claim says otherwise.
        scale: Empty for any that may judge.
        point: The sweep values that the claim names; the other axes stand at their default.
        workload: Named unit of work; empty for qualities.
    """

    device: str
    dtype: str
    mode: str
    scale: str
    point: Mapping[str, Any]
    workload: str

    @classmethod
    def of(cls, card: Paper, when: Mapping[str, Any], workload: str, quantity: str) -> Conditions:
        """Read a claim's `when`."""
        point = {k: v for k, v in when.items() if k in card.sweep}
        named = {k: str(when.get(k, "")) for k in ("device", "dtype", "scale")}
        work = "" if quantity in card.qualities else workload
        return cls(named["device"], named["dtype"], str(when.get("mode", "eager")), named["scale"], point, work)

    @property
    def scales(self) -> tuple[str, ...]:
        """The scales whose rows may judge, the preferred first."""
        return (self.scale,) if self.scale else tuple(JUDGING_SCALES)

    def admits(self, row: Row, point: Mapping[str, Any]) -> bool:
        """Say whether a row was taken under these conditions, at the sweep point `point`."""
        counted = row.get("provenance") == "counted"
        return (
            row["workload"] == self.workload
            and (counted or not self.device or row["target"].split(":")[0] == self.device)
            and (counted or row["mode"] == self.mode or not self.workload)
            and self._admits_dtype(row["dtype"])
            and json.loads(row["params"]) == json.loads(json.dumps(dict(point)))
        )

    def _admits_dtype(self, dtype: str) -> bool:
        wanted = self.dtype or NATIVE_DTYPES[0]
        return dtype == wanted or (wanted in NATIVE_DTYPES and dtype in NATIVE_DTYPES)


@dataclass(frozen=True)
class Evidence:
    """The rows of one run about one paper."""

    card: Paper
    figures: Sequence[Row]
    samples: Sequence[Row]
    cases: Sequence[Row]

    def figure(self, variant: str, metric: str, conditions: Conditions, scale: str, point: Mapping[str, Any]) -> Row:
        """Return the one figure of a variant under the conditions.

        Raises:
            NoEvidenceError: when there is none; says what became of the case.
        """
        rows = [r for r in self.figures if r["variant"] == variant and r["metric"] == metric and r["scale"] == scale and not r["baseline"]]
        found = [r for r in rows if conditions.admits(r, point)]
        if not found:
            raise self._missing(variant, metric, conditions)
        return found[0]

    def pair(
        self, subject: str, baseline: str, metric: str, conditions: Conditions, scale: str, point: Mapping[str, Any]
    ) -> tuple[Row, Row]:
        """Return the figures of subject and baseline; for interleaved metrics both come from one case."""
        a = self.figure(subject, metric, conditions, scale, point)
        for row in self.figures:
            same = row["variant"] == baseline and row["metric"] == metric and row["scale"] == scale and not row["baseline"]
            if same and row["case_id"] == a["case_id"]:
                return a, row
        return a, self.figure(baseline, metric, conditions, scale, point)

    def repetitions(self, row: Row, metric: str) -> list[list[float]]:
        """Return a figure's raw samples, one list a process or seed, in the order taken."""
        mine = [s for s in self.samples if s["case_id"] == row["case_id"] and s["variant"] == row["variant"] and s["metric"] == metric]
        lists: dict[int, list[tuple[int, float]]] = {}
        for sample in mine:
            lists.setdefault(sample["repetition"], []).append((sample["position"], sample["value"]))
        return [[value for _, value in sorted(lists[repetition])] for repetition in sorted(lists)]

    def _missing(self, variant: str, metric: str, conditions: Conditions) -> NoEvidenceError:
        targets = {r["target"].split(":")[0] for r in self.cases}
        if conditions.device and conditions.device not in targets:
            return NoEvidenceError(
                "device", f"needs a run on {conditions.device}; this one ran on {', '.join(sorted(targets)) or 'nothing'}"
            )
        bad = [c for c in self.cases if variant in c["variant"].split(",") and c["status"] != "ok" and c["workload"] == conditions.workload]
        if bad:
            return NoEvidenceError("case", f"the case of {variant} ended as {bad[0]['status']}: {bad[0]['message'][:160]}")
        asked = [f"scale {' or '.join(conditions.scales)}"]
        asked += [f"{k} {v}" for k, v in {"dtype": conditions.dtype, **conditions.point}.items() if v != ""]
        return NoEvidenceError("not measured", f"this run has no {metric} of {variant} at {', '.join(asked)}")


def gather(store: Store, run_id: str, cards: Sequence[Paper]) -> list[Evidence]:
    """Read a run's rows, paper by paper."""
    figures, cases = (_by(store.read(table, [run_id]).to_pylist(), "paper") for table in ("figures", "cases"))
    samples = _by(store.read("samples", [run_id]).to_pylist(), "case_id")
    return [
        Evidence(
            card,
            figures.get(card.slug, []),
            [sample for case in cases.get(card.slug, []) for sample in samples.get(case["case_id"], [])],
            cases.get(card.slug, []),
        )
        for card in cards
    ]


def _by(rows: Iterable[Row], column: str) -> dict[str, list[Row]]:
    grouped: dict[str, list[Row]] = {}
    for row in rows:
        grouped.setdefault(row[column], []).append(row)
    return grouped


def estimate(row: Row) -> Estimate:
    """Return a figure's value and interval."""
    return Estimate(row["value"], row["low"], row["high"], row["n"])
