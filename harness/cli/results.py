"""`harness results`: rows of the store."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Annotated, Any

import typer

from harness.cli.options import DEFAULT_STORE, StoreOption


class Format(StrEnum):
    """How rows are written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


def results(
    run_id: Annotated[str | None, typer.Argument(metavar="[RUN]", help="A run; the newest by default.")] = None,
    form: Annotated[Format, typer.Option("--format", help="How to write the rows.")] = Format.TABLE,
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Write the figures of a run, one row each, to standard output.

    Examples:
        harness results

        harness results 20261121-090500-3fa1 --format csv > figures.csv

        harness results --format parquet > figures.parquet
    """
    from harness.store import Store

    opened = Store(store)
    figures = opened.read("figures", [run_id or opened.latest()])
    match form:
        case Format.PARQUET:
            import pyarrow.parquet as pq

            pq.write_table(figures, sys.stdout.buffer)
        case Format.CSV:
            typer.echo(figures.to_pandas().to_csv(index=False), nl=False)
        case Format.JSON:
            typer.echo(figures.to_pandas().to_json(orient="records", date_format="iso", indent=1))
        case Format.TABLE:
            _print_table(figures.to_pylist())


def _print_table(rows: list[dict[str, Any]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    columns = ["paper", "variant", "workload", "params", "metric", "value", "95% interval", "unit", "n", "provenance", "meter", "message"]
    table = Table(*columns, box=box.SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        metric = f"{row['metric']} / {row['baseline']}" if row["baseline"] else row["metric"]
        spread = row["low"] is not None and row["low"] != row["high"]
        interval = f"{row['low']:.4g} to {row['high']:.4g}" if spread else ""
        named = [row[c] for c in ("paper", "variant", "workload", "params")]
        cells = [
            *named,
            metric,
            f"{row['value']:.6g}",
            interval,
            row["unit"],
            str(row["n"]),
            row["provenance"],
            row["meter"],
            row["message"],
        ]
        table.add_row(*map(Text, cells))
    Console(width=None if sys.stdout.isatty() else 240).print(table)
