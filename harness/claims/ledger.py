"""The ledger: every claim of every paper of a run, judged from the store alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from harness.claims.evidence import gather
from harness.claims.judge import judge_claim
from harness.claims.judgement import Judgement
from harness.plugin.card import Paper
from harness.plugin.serial import card_from_dict
from harness.store import Store


def ledger(store: Store, runs: Sequence[str]) -> list[Judgement]:
    """Judge every claim by each of `runs`: in the order of runs, papers, claims."""
    return [judgement for run_id in runs for judgement in _judge_run(store, run_id)]


def cards(store: Store, run_id: str) -> list[Paper]:
    """Return the cards of the plugins that a run selected, as they were then; broken ones have none."""
    rows: list[dict[str, Any]] = store.read("papers", [run_id]).to_pylist()
    return [card_from_dict(json.loads(row["card"])) for row in rows if row["card"]]


def _judge_run(store: Store, run_id: str) -> list[Judgement]:
    return [
        judgement
        for evidence in gather(store, run_id, cards(store, run_id))
        for claim in evidence.card.claims
        for judgement in judge_claim(claim, evidence, run_id)
    ]
