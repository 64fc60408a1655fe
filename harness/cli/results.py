"""`harness results`: rows of the store."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from enum import StrEnum
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness.cli.options import DEFAULT_STORE, StoreOption, print_json

if TYPE_CHECKING:
    from rich.table import Table

_PIPED_WIDTH = 160
"""Columns of the table where no terminal says how wide it is."""


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
            print_json(figures.to_pylist())
        case Format.TABLE:
            _print_table(figures.to_pylist())


def _print_table(rows: list[dict[str, Any]]) -> None:
    """Print what a person reads: a unit that suits, as many digits as the interval warrants, remarks once, below. All of it is in the other formats."""
    from rich.console import Console
    from rich.text import Text

    from harness.report.notation.points import point_label

    console = Console(width=None if sys.stdout.isatty() else _PIPED_WIDTH, highlight=False)
    remarks: dict[str, int] = {}
    for (paper, workload, params), group in groupby(sorted(rows, key=_place), key=_place):
        console.print(Text(" · ".join(filter(None, (paper, workload, point_label(params)))), style="bold"))
        console.print(_table(list(group), remarks))
    for remark, number in remarks.items():
        console.print(Text(f"[{number}] {remark}"))


def _place(row: Mapping[str, Any]) -> tuple[str, str, str]:
    return row["paper"], row["workload"], row["params"]


def _table(rows: list[dict[str, Any]], remarks: dict[str, int]) -> Table:
    """Return the figures of one workload at one point; what is remarked is numbered in `remarks`."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table("variant", "metric", "figure", "95% interval", "n", "how", box=box.SIMPLE_HEAD, pad_edge=False)
    for row in sorted(rows, key=lambda row: str(row["variant"])):
        metric = f"{row['metric']} / {row['baseline']}" if row["baseline"] else row["metric"]
        mark = f" [{remarks.setdefault(row['message'], len(remarks) + 1)}]" if row["message"] else ""
        table.add_row(*map(Text, (row["variant"], metric, *_written(row), str(row["n"]), row["provenance"] + mark)))
    return table


def _written(row: Mapping[str, Any]) -> tuple[str, str]:
    """Return a figure with its unit, and its interval in the same one."""
    from harness.report.notation import numbers
    from harness.report.notation.units import display_unit

    ends = [row["value"], row["low"], row["high"]]
    shown = display_unit(row["unit"], ends[:1])
    value, low, high = (None if end is None else end / shown.factor for end in ends)
    interval = "" if value is None else numbers.interval(value, low, high)
    return numbers.quantity(row["value"], row["unit"], row["low"], row["high"]), interval
