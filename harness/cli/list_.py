"""`harness list`: plugins found, their state and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from harness.cli.options import JsonOption, PluginPathOption, print_json
from harness.plugin.discovery import Plugin, discover

if TYPE_CHECKING:
    from rich.text import Text


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

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    rows = [_cells(plugin) for plugin in plugins]
    for i, name in enumerate(("plugin", "family", "year", "variants", "status")):
        width = max([len(name), *(len(row[i]) for row in rows)])
        table.add_column(name, no_wrap=True, min_width=width, justify="right" if name in ("year", "variants") else "left")
    table.add_column("title", no_wrap=True, overflow="ellipsis")
    for row in rows:
        table.add_row(*row)
    Console().print(table)


def _cells(plugin: Plugin) -> list[Text]:
    from rich.text import Text

    card, status = plugin.paper, Text(plugin.status, style="red" if plugin.error else "green")
    known = (card.family, str(card.year), str(len(card.variants))) if card else ("", "", "")
    return [Text(plugin.slug), *map(Text, known), status, Text(card.title if card else plugin.source.origin)]
