"""`harness verify`: published sizes against built models."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.options import JsonOption, PluginPathOption, print_json
from harness.errors import ExitCode, NothingToMeasureError

if TYPE_CHECKING:
    from harness.claims.judgement import SizeCheck

_TIMEOUT_S = 300.0
_MEMORY_BYTES = 8 * 2**30
"""Models on `meta` take no memory for weights: what they take is Python's own."""

_COLOURS = {"match": "green", "within convention": "cyan", "differs": "red", "not built": "yellow"}


def verify(
    plugins: Annotated[str, typer.Option(help="`all`, slugs, globs, `family:NAME`; comma-separated.")] = "all",
    as_json: JsonOption = False,
    plugin_path: PluginPathOption = None,
) -> None:
    """Build every variant that has a published size, without memory or compute, and hold it against what the authors print.

    Exits with 1 if any size differs.

    Examples:
        harness verify

        harness verify --plugins hilo --json
    """
    checks = _check(plugins, [str(p) for p in plugin_path or ()])
    if as_json:
        print_json([asdict(c) for c in checks])
    else:
        _print_table(checks)
    raise SystemExit(ExitCode.FAILED if any(c.verdict == "differs" for c in checks) else ExitCode.OK)


def _check(wanted: str, paths: Sequence[str]) -> list[SizeCheck]:
    from harness.claims.sizes import size_checks
    from harness.plugin.card import Scale
    from harness.plugin.discovery import discover
    from harness.runner.environment import environment
    from harness.runner.execute import Limits
    from harness.runner.plan import SIZES, Request, plan
    from harness.runner.progress import RunProgress
    from harness.runner.run import Run, new_run_id
    from harness.runner.select import select
    from harness.store import Store
    from harness.targets import find_target

    chosen = select(discover(paths), wanted)
    target = find_target("cpu")
    planned = plan(chosen, target, Request(Scale.PAPER, (SIZES,)))
    if not planned:
        raise NothingToMeasureError("none of the selected papers has a published size")
    with tempfile.TemporaryDirectory(prefix="harness-verify-") as folder, RunProgress(len(planned)) as progress:
        store = Store(folder)
        store.prepare()
        run = Run(new_run_id(), store, target, Limits(_TIMEOUT_S, _MEMORY_BYTES, len(os.sched_getaffinity(0))), environment(target, 1))
        run.begin(chosen, planned, {})
        run.execute(chosen, planned, progress)
        return size_checks(store, [run.run_id])


def _print_table(checks: Sequence[SizeCheck]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("paper", "variant", "input", "quantity"):
        table.add_column(name, overflow="fold")
    for name in ("published", "built"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for check in checks:
        built = "" if check.built is None else f"{check.built:,.0f}"
        cells = (check.paper, check.variant, check.input, check.quantity, check.published, built)
        table.add_row(*map(Text, cells), Text(check.verdict, style=_COLOURS[check.verdict]))
    console = Console()
    console.print(table)
    for check in checks:
        if check.note and check.verdict != "match":
            console.print(Text(f"{check.paper} {check.variant} {check.input} {check.quantity}: {check.verdict}: {check.note}"))
    counts = {verdict: sum(c.verdict == verdict for c in checks) for verdict in _COLOURS}
    typer.echo(", ".join(f"{n} {verdict}" for verdict, n in counts.items() if n))
