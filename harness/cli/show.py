"""`harness show SLUG`: the card, with sizes, claims and deviations."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.options import JsonOption, PluginPathOption, print_json
from harness.errors import unknown
from harness.plugin.card import Paper
from harness.plugin.claim import Claim, Range
from harness.plugin.discovery import Plugin, discover
from harness.plugin.serial import card_to_dict

if TYPE_CHECKING:
    from rich.console import Console


def show(
    slug: Annotated[str, typer.Argument(help="The plugin to show.", metavar="SLUG")],
    plugin_path: PluginPathOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a paper's card: method, variants, published sizes, claims, deviations.

    Examples:
        harness show hilo

        harness show hilo --json
    """
    card = find(slug, discover(plugin_path or [])).card
    if as_json:
        print_json(card_to_dict(card))
        return
    from rich.console import Console

    _print(card, Console(highlight=False))


def find(slug: str, plugins: Iterable[Plugin]) -> Plugin:
    """Return the plugin called `slug`.

    Raises:
        HarnessError: when there is none, with the nearest names.
    """
    by_slug: dict[str, Plugin] = {}
    for plugin in plugins:
        by_slug.setdefault(plugin.slug, plugin)
    if slug not in by_slug:
        raise unknown("plugin", slug, by_slug)
    return by_slug[slug]


def _print(card: Paper, console: Console) -> None:
    from rich.markup import escape

    where = f"arXiv {card.arxiv}, {card.year}" if card.arxiv else str(card.year)
    console.print(f"[bold]{escape(card.title)}[/bold] ({where}; family {escape(card.family)})")
    console.print(f"{escape(card.method)}\n\n[bold]Task[/bold]  {escape(card.task)}")
    if card.data:
        console.print(f"[bold]Data[/bold]  {escape(card.data)}")
    if card.protocol:
        console.print(f"[bold]Protocol[/bold]  {escape(card.protocol)}")
    console.print()
    _print_rows(
        console, "Variants", ["variant", "", "what it is"], ((v.name, "subject" if v.subject else "", v.about) for v in card.variants)
    )
    _print_rows(console, "Workloads", ["workload", "items", "one call"], ((w.name, w.items, w.about) for w in card.workloads))
    sizes = ((s.variant, s.input, s.quantity, s.printed, s.source, s.convention) for s in card.sizes)
    _print_rows(console, "Published sizes", ["variant", "input", "quantity", "printed", "source", "convention"], sizes)
    claims = ((c.id, c.says or c.quantity, statement(c), c.measured_on, c.source) for c in card.claims)
    _print_rows(console, "Claims", ["claim", "what is said", "as data", "measured on", "source"], claims)
    for title, lines in (("Deviations", card.deviations), ("Our readings", card.readings), ("Findings", card.findings)):
        if lines:
            console.print(f"[bold]{title}[/bold]")
            for line in lines:
                console.print(f"  - {escape(line)}")
    if not card.deviations:
        console.print("[bold]Deviations[/bold]  none: the method is the paper's")


def statement(claim: Claim) -> str:
    """Return a claim as one line: `latency of hilo / sra: 0.714 when device=cpu`."""
    conditions = " when " + ", ".join(f"{k}={v}" for k, v in claim.when.items()) if claim.when else ""
    if claim.order:
        return f"{claim.quantity} of {claim.subject} better than {claim.baseline}{conditions}"
    who = {"ratio": f"{claim.subject} / {claim.baseline}", "difference": f"{claim.subject} - {claim.baseline}"}.get(
        claim.form, claim.subject
    )
    grows = f" grows with {claim.axis} as exponent" if claim.form == "exponent" else ""
    return f"{claim.quantity} of {who}{grows}: {_number(claim.claimed)}{conditions}"


def _number(claimed: Range | None) -> str:
    return " to ".join(f"{c:.4g}" for c in claimed) if isinstance(claimed, tuple) else f"{claimed:.4g}"


def _print_rows(console: Console, title: str, columns: list[str], rows: Iterable[Iterable[str]]) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(*columns, title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    if table.row_count:
        console.print(table)
