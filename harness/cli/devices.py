"""`harness devices`: targets, the energy sources that each has, and idle power."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from harness.cli.options import JsonOption, print_json

if TYPE_CHECKING:
    from harness.sources.energy.source import EnergySource
    from harness.targets import Target


def devices(as_json: JsonOption = False) -> None:
    """List where cases can run, what tells their energy, and what would have to be installed or permitted for a better source.

    Examples:
        harness devices

        harness devices --json
    """
    from harness.plugin.extensions import load_extensions
    from harness.targets import list_targets, why_no_cuda

    rows = [_row(target) for target in list_targets()]
    missing, broken = why_no_cuda(), load_extensions().errors
    if as_json:
        print_json({"targets": rows, "no_cuda": missing, "broken_extensions": broken})
        return
    _print(rows, missing)
    for name, reason in broken.items():
        typer.echo(f"broken: extension {name}: {reason}", err=True)


def _row(target: Target) -> dict[str, Any]:
    from harness.meters.registry import all_energy_sources

    sources = [_source(source) for source in all_energy_sources(target.torch_device)]
    return {"name": target.name, "kind": str(target.kind), "description": target.description, "energy_sources": sources}


def _source(source: EnergySource) -> dict[str, Any]:
    from harness.meters.base import NotMeasurableError
    from harness.meters.energy import idle_power

    state = source.available()
    idle, no_idle = None, ""
    if state:
        try:
            idle = asdict(idle_power(source))
        except NotMeasurableError as error:
            no_idle = str(error)
    return {
        "name": source.name,
        "basis": str(source.basis),
        "available": bool(state),
        "note": source.note,
        "idle_w": idle,
        "no_idle": no_idle,
        "reason": state.reason,
        "remedy": state.remedy,
    }


def _print(rows: list[dict[str, Any]], missing: str) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    for row in rows:
        title = Text.assemble((row["name"], "bold"), f"  {row['description']}")
        table = Table("energy source", "figure", "state", title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
        table.add_column("idle power", ratio=1, overflow="fold")
        table.add_column("what to do", ratio=2, overflow="fold")
        for source in row["energy_sources"]:
            state = (
                Text("used first" if source is row["energy_sources"][0] else "there", style="green")
                if source["available"]
                else Text("absent", style="dim")
            )
            idle = source["no_idle"] if source["idle_w"] is None else f"{source['idle_w']['value']:.1f} W"
            advice = source["note"] if source["available"] else "; ".join(filter(None, (source["reason"], source["remedy"])))
            table.add_row(source["name"], source["basis"], state, Text(idle), Text(advice))
        console.print(table)
    if missing:
        console.print(Text(f"cuda: {missing}", style="dim"))
