"""Checks of published sizes: every one can be built on `meta` at published dimensions, and none differs from what is printed.

The same models as those of `harness verify`, counted by the same meter and judged by the same rule.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from harness.claims.judgement import SizeCheck, SizeVerdict
from harness.claims.sizes import META, check_size, size_point, size_workload
from harness.conformance.finding import Verdict, not_applicable, noted, unless
from harness.conformance.workers import Examined
from harness.plugin.card import Scale

if TYPE_CHECKING:
    from harness.conformance.stage import Stage

_FITS = (SizeVerdict.MATCH, SizeVerdict.CONVENTION)
_NO_SIZES = "the card has no published sizes"


def published(examined: Examined) -> Verdict:
    """Say which sizes differ from the printed ones."""
    if not examined.card.sizes:
        return not_applicable(_NO_SIZES)
    checks = examined.once(_checks)
    pairs = list(zip(examined.card.sizes, checks, strict=True))
    differ = [(size, f"{_named(c)}: {c.note}") for size, c in pairs if c.verdict == SizeVerdict.DIFFERS]
    complaints = [said for size, said in differ if not size.disputed]
    complaints += [f"{_named(c)} is disputed, and fits" for size, c in pairs if size.disputed and c.verdict in _FITS]
    if differ and not complaints:
        return noted("; ".join(said for _, said in differ))
    return unless(complaints, f"{sum(c.built is not None for c in checks)} published sizes held against built models")


def on_meta(examined: Examined) -> Verdict:
    """Say which models could not be built or counted without memory."""
    if not examined.card.sizes:
        return not_applicable(_NO_SIZES)
    checks = examined.once(_checks)
    complaints = [f"{_named(c)}: {c.note}" for c in checks if c.verdict == SizeVerdict.NOT_BUILT]
    return unless(complaints, f"{len({(c.variant, c.input) for c in checks})} models built on meta")


def _named(check: SizeCheck) -> str:
    return " ".join(filter(None, (check.quantity, "of", repr(check.variant), check.input)))


def _checks(examined: Examined) -> list[SizeCheck]:
    built = examined.ask("sizes:build")
    return [check_size(examined.card, size, built["figures"], built["cases"]) for size in examined.card.sizes]


def build(stage: Stage) -> dict[str, Any]:
    """Build each model that has a published size, once, and return its figures and how that ended, as rows of the store."""
    figures: list[dict[str, Any]] = []
    cases: dict[str, dict[str, Any]] = {}
    for size in stage.card.sizes:
        workload, point = size_workload(stage.card, size), size_point(stage.card, size)
        row = {"paper": stage.card.slug, "variant": size.variant, "workload": workload, "params": json.dumps(point, sort_keys=True)}
        if (key := json.dumps(row)) not in cases:
            found, cases[key] = _count(stage, row, point)
            figures += [{**row, "metric": metric, "value": value} for metric, value in found.items()]
    return {"figures": figures, "cases": list(cases.values())}


def _count(stage: Stage, row: dict[str, Any], point: dict[str, Any]) -> tuple[dict[str, float], dict[str, Any]]:
    from harness.meters.base import Effort
    from harness.meters.flops import FlopsMeter
    from harness.meters.workbench import Workbench

    meter = FlopsMeter()
    try:
        bench = Workbench(stage.plugin, Scale.PAPER, point, device=META)
        readings = meter.summarize([meter.observe(bench, [row["variant"]], row["workload"], Effort())])
    except Exception as error:
        return {}, {**row, "status": "failed", "message": f"{type(error).__name__}: {error}"}
    return {figure.metric: figure.value for figure in readings.figures}, {**row, "status": "ok", "message": ""}
