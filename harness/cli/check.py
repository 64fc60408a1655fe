"""`harness check`: the contract between the host and a plugin, as checks that run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.options import JsonOption, PluginPathOption, print_json
from harness.errors import ExitCode

if TYPE_CHECKING:
    from harness.conformance.finding import Finding
    from harness.plugin.discovery import Plugin

_COLOURS = {"pass": "green", "fail": "red", "note": "yellow", "not applicable": "dim"}


def check(
    plugin: Annotated[str, typer.Argument(help="A slug, or the path of a plugin's file or folder.", metavar="SLUG|PATH")],
    scale: Annotated[str, typer.Option(help="At which hooks are called: `smoke` or `small`.")] = "smoke",
    as_json: JsonOption = False,
    plugin_path: PluginPathOption = None,
) -> None:
    """Check that a plugin keeps the contract: in fresh processes, offline, each check with what failed, why it matters and how to mend it.

    Exits with 1 if any check fails. The same checks run in a test suite: `pytest --harness-plugin my_method`.

    Examples:
        harness check my_method.py

        harness check hilo --json | jq '.[] | select(.status == "fail")'
    """
    from harness.conformance.lookup import find_plugin

    found = find_plugin(plugin, plugin_path or [])
    findings = _examine(found, scale)
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        _print(findings)
    raise SystemExit(ExitCode.FAILED if any(f.status == "fail" for f in findings) else ExitCode.OK)


def _examine(plugin: Plugin, scale: str) -> list[Finding]:
    """Return all findings; on a terminal, say on standard error how far it has come."""
    from rich.console import Console

    from harness.conformance.examination import Examination
    from harness.conformance.table import CHECKS

    findings: list[Finding] = []
    with Examination(plugin, scale) as examination, Console(stderr=True).status("starting") as status:
        for finding in examination.findings():
            findings.append(finding)
            status.update(f"checked {finding.check}, {len(findings)} of {len(CHECKS)}")
    return findings


def _print(findings: Sequence[Finding]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("check", no_wrap=True)
    table.add_column("status", no_wrap=True)
    table.add_column("what", overflow="fold")
    for finding in findings:
        table.add_row(Text(finding.check), Text(finding.status, style=_COLOURS[finding.status]), Text(finding.what))
    console = Console(highlight=False)
    console.print(table)
    for finding in findings:
        if finding.how:
            console.print(Text(f"{finding.check}: why: {finding.why}\n{' ' * len(finding.check)}  how: {finding.how}"))
    counts = {status: sum(f.status == status for f in findings) for status in _COLOURS}
    typer.echo(", ".join(f"{n} {status}" for status, n in counts.items() if n))
