"""`harness list`: plugins found, their state and why."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from harness.cli.options import JsonOption, PluginPathOption, print_json
from harness.plugin.listing import Listing, listings

if TYPE_CHECKING:
    from rich.text import Text

_GAP = 3
"""Characters between two columns."""
_SHORTEST_TITLE = 8


def list_plugins(plugin_path: PluginPathOption = None, as_json: JsonOption = False) -> None:
    """List the plugins that are installed or given, broken ones with the reason.

    Examples:
        harness list

        harness list --plugin-path my_method.py

        harness list --json | jq '.[] | select(.status == "broken")'
    """
    plugins = listings(plugin_path or [])
    if as_json:
        print_json([asdict(p) for p in plugins])
        return
    _print_table(plugins)
    for plugin in plugins:
        if plugin.error:
            typer.echo(f"broken: {plugin.slug}: {plugin.error}", err=True)


def _print_table(plugins: list[Listing]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console, table = Console(), Table(box=box.SIMPLE_HEAD, pad_edge=False)
    rows = [_cells(plugin) for plugin in plugins]
    left = console.width
    for i, name in enumerate(("plugin", "family", "year", "variants", "status")):
        width = max([len(name), *(len(row[i]) for row in rows)])
        table.add_column(name, no_wrap=True, min_width=width, justify="right" if name in ("year", "variants") else "left")
        left -= width + _GAP
    # Without a limit of its own a long title would push the columns before it out of a narrow terminal.
    table.add_column("title", no_wrap=True, overflow="ellipsis", max_width=max(left, _SHORTEST_TITLE))
    for row in rows:
        table.add_row(*row)
    console.print(table)


def _cells(plugin: Listing) -> list[Text]:
    from rich.text import Text

    status = Text(plugin.status, style="red" if plugin.error else "green")
    known = ("", "", "") if plugin.error else (plugin.family, str(plugin.year), str(len(plugin.variants)))
    return [Text(plugin.slug), *map(Text, known), status, Text(plugin.title or plugin.origin)]
