"""From a case's result to rows of the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from harness.runner.case import Status
from harness.runner.execute import CaseResult

Rows = list[dict[str, Any]]


def case_rows(result: CaseResult, content_key: str) -> dict[str, Rows]:
    """Return the rows of every table for one case."""
    case_id = result.case.case_id
    identity: Mapping[str, str] = result.case.identity
    shared = {k: v for k, v in identity.items() if k != "meter"} | {"case_id": case_id, "started_at": result.started_at}
    readings = result.readings
    ended = {
        **shared,
        "meter": result.case.meter,
        "content_key": content_key,
        "status": result.status,
        "message": result.message,
        "traceback": result.traceback,
        "seconds": result.seconds,
        "repetitions": result.repetitions,
        "threads": result.threads,
        "inputs": result.inputs,
        "reused_from": result.reused_from,
    }
    return {
        "figures": [{**shared, **asdict(figure), "status": Status.OK} for figure in readings.figures],
        "samples": [{"case_id": case_id, **asdict(sample)} for sample in readings.samples],
        "details": [{"case_id": case_id, **asdict(detail)} for detail in readings.details],
        "artifacts": [{"case_id": case_id, **asdict(artifact)} for artifact in readings.artifacts],
        "cases": [ended],
    }


def reused_rows(tables: Mapping[str, Rows], run_id: str, origin: str) -> dict[str, Rows]:
    """Return an earlier case's rows for this run: its figures keep the time at which they were measured, its row says where it comes from."""
    moved = {table: [{**row, "run_id": run_id} for row in rows] for table, rows in tables.items()}
    for row in moved["cases"]:
        row["reused_from"] = row["reused_from"] or origin
    return moved
