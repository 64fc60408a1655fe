"""`harness list`: plugins found, their state and why."""

from __future__ import annotations

from typing import Any

import typer

from harness.cli.options import JsonOption, PluginPathOption, print_json
from harness.plugin.discovery import Plugin, discover


def list_plugins(plugin_path: PluginPathOption = None, as_json: JsonOption = False) -> None:
    """List the plugins that are installed or given, broken ones with the reason.

    Examples:
        harness list

        harness list --plugin-path my_method.py

        harness list --json | jq '.[] | select(.status == "broken")'
    """
    plugins = discover(plugin_path or [])
    if as_json:
        print_json([_row(p) for p in plugins])
        return
    _print_table(plugins)
    for plugin in plugins:
        if plugin.error:
            typer.echo(f"broken: {plugin.slug}: {plugin.error}", err=True)


def _row(plugin: Plugin) -> dict[str, Any]:
    card = plugin.paper
    return {
        "slug": plugin.slug,
        "title": card.title if card else "",
        "year": card.year if card else None,
        "family": card.family if card else "",
        "variants": card.variant_names if card else [],
        "subject": card.subject.name if card else "",
        "workloads": [w.name for w in card.workloads] if card else [],
        "status": plugin.status,
        "error": plugin.error,
        "origin": plugin.source.origin,
    }


def _print_table(plugins: list[Plugin]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("plugin", no_wrap=True)
    table.add_column("family", no_wrap=True)
    table.add_column("year", justify="right")
    table.add_column("title", ratio=1)
    table.add_column("subject against baselines", ratio=1)
    table.add_column("status", no_wrap=True)
    for plugin in plugins:
        card = plugin.paper
        status = Text(plugin.status, style="red" if plugin.error else "green")
        if card is None:
            table.add_row(plugin.slug, "", "", "", "", status)
            continue
        baselines = ", ".join(v.name for v in card.variants if not v.subject)
        table.add_row(plugin.slug, card.family, str(card.year), Text(card.title), Text(f"{card.subject.name} | {baselines}"), status)
    Console().print(table)
