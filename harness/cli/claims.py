"""`harness claims [RUN]`: the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.options import DEFAULT_STORE, JsonOption, StoreOption, print_json
from harness.errors import unknown

if TYPE_CHECKING:
    from harness.claims.judgement import Judgement

_COLOURS = {
    "upheld": "green",
    "consistent": "cyan",
    "direction only": "yellow",
    "inconclusive": "yellow",
    "refuted": "red",
    "not testable here": "dim",
}


def claims(
    run_id: Annotated[str | None, typer.Argument(metavar="[RUN]", help="A run; the newest by default.")] = None,
    verdict: Annotated[str, typer.Option(help="Only this verdict, as `refuted`.")] = "",
    as_json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Print the ledger of claims: what the authors say, what was measured here, the verdict.

    Examples:
        harness claims

        harness claims --verdict refuted

        harness claims 20261121-090500-3fa1 --json
    """
    if verdict and verdict not in _COLOURS:
        raise unknown("verdict", verdict, _COLOURS)
    from harness.claims.ledger import ledger
    from harness.store import Store

    opened = Store(store)
    found = [j for j in ledger(opened, [run_id or opened.latest()]) if verdict in ("", j.verdict)]
    if as_json:
        print_json([asdict(j) for j in found])
    else:
        _print(found)


def _print(found: Sequence[Judgement]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("paper", no_wrap=True)
    table.add_column("claim", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    table.add_column("in words", ratio=1)
    for j in found:
        name = f"{j.claim} (scaled)" if j.scaled else j.claim
        table.add_row(Text(j.paper), Text(name), Text(j.verdict, style=_COLOURS[j.verdict]), Text(j.sentence))
    Console().print(table)
    counts = {v: sum(j.verdict == v for j in found) for v in _COLOURS}
    typer.echo(", ".join(f"{n} {v}" for v, n in counts.items() if n) or "no claims")
