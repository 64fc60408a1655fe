"""`harness doctor`: how noisy this machine is, what to mend, and the smallest effect it can show."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from harness.cli.options import DeviceOption, JsonOption, print_json
from harness.errors import ExitCode

if TYPE_CHECKING:
    from harness.meters.fitness import Fitness

_COLOURS = {"ok": "green", "advice": "yellow", "bad": "red"}


def doctor(device: DeviceOption = "cpu", as_json: JsonOption = False) -> None:
    """Time a few seconds of known work on the processor, look who else is on the GPU if it is named, and say how far figures can be trusted.

    Exits with 1 if something was seen to disturb.

    Examples:
        harness doctor

        harness doctor --device cuda

        harness doctor --json | jq .smallest_effect
    """
    from harness.meters.fitness import doctor as examine
    from harness.targets import find_target

    fitness = examine(find_target(device).torch_device)
    if as_json:
        print_json(asdict(fitness))
    else:
        _print(fitness)
    raise SystemExit(ExitCode.FAILED if any(f.level == "bad" for f in fitness.findings) else ExitCode.OK)


def _print(fitness: Fitness) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("area", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("score", justify="right", no_wrap=True)
    table.add_column("seen", ratio=1)
    table.add_column("what to do", ratio=1, overflow="fold")
    for finding in fitness.findings:
        score = "" if finding.score is None else f"{finding.score:.0f}"
        table.add_row(finding.area, Text(finding.level, style=_COLOURS[finding.level]), score, Text(finding.seen), Text(finding.remedy))
    console = Console(highlight=False)
    console.print(table)
    console.print(Text(fitness.verdict_line, style="bold"))
