"""The check that models export: what keeps one off boards and runtimes other than torch's own.

A note, and no failure: there are methods that no exporter can follow, and the card says so under `deviations` if it must.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.conformance.finding import Verdict, holds, not_applicable, noted
from harness.conformance.workers import Examined

if TYPE_CHECKING:
    from harness.conformance.stage import Stage

WORKLOAD = "infer"


def exports(examined: Examined) -> Verdict:
    """Export the model of every variant that is called as `model(*inputs)`."""
    if WORKLOAD not in [w.name for w in examined.card.workloads]:
        return not_applicable(f"the card has no workload {WORKLOAD!r}")
    tried: dict[str, str] = dict(examined.ask("exporting:attempts"))
    if not tried:
        return not_applicable("no variant is a module that is called as model(*inputs)")
    failed = [f"{name!r} does not export: {reason}" for name, reason in tried.items() if reason]
    return noted("; ".join(failed)) if failed else holds(f"{len(tried)} models exported")


def attempts(stage: Stage) -> dict[str, Any]:
    """Return the variants that can be called, each with what stands in its way, empty where it exports."""
    import torch

    bench, tried = stage.bench(), {}
    for name in stage.untrained:
        model, inputs = bench.model(name), bench.data("profile").inputs
        if isinstance(model, torch.nn.Module) and _runs(model, inputs):
            tried[name] = _obstacle(model, inputs)
    return tried


def _runs(model: Any, inputs: tuple[Any, ...]) -> bool:
    import torch

    try:
        with torch.inference_mode():
            model(*inputs)
    except Exception:
        return False
    return True


def _obstacle(model: Any, inputs: tuple[Any, ...]) -> str:
    import torch

    try:
        with torch.no_grad():
            torch.export.export(model, inputs, strict=False)
    except Exception as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        return f"{type(error).__name__}: {lines[0] if lines else 'no message'}"
    return ""
