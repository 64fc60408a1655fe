"""`harness claims [RUN]`: the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby
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
    from rich.console import Console
    from rich.padding import Padding
    from rich.text import Text

    console = Console(highlight=False)
    for paper, judged in groupby(found, key=lambda j: j.paper):
        console.print(Text(paper, style="bold"))
        for j in judged:
            name = f"{j.claim} (scaled down)" if j.scaled else j.claim
            console.print(Padding(Text.assemble(f"{name}: ", (j.verdict, _COLOURS[j.verdict])), (0, 0, 0, 2)))
            console.print(Padding(Text(j.sentence), (0, 0, 0, 6)))
    counts = {v: sum(j.verdict == v for j in found) for v in _COLOURS}
    typer.echo(", ".join(f"{n} {v}" for v, n in counts.items() if n) or "no claims")
