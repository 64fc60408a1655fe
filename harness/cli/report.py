"""`harness report`: the site, a Markdown summary, or JSON, from the store alone."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from harness.cli.options import DEFAULT_STORE, StoreOption, print_json


class Format(StrEnum):
    """What a report is written as."""

    HTML = "html"
    MARKDOWN = "markdown"
    JSON = "json"


def report(
    runs: Annotated[
        list[str] | None,
        typer.Argument(metavar="[RUN]...", help="Runs to set side by side; the newest figures of every machine by default."),
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="Folder of the site: absent, empty, or an earlier report.", metavar="DIR")] = Path(
        "reports"
    ),
    form: Annotated[Format, typer.Option("--format", help="A site, a summary for a comment, or data.")] = Format.HTML,
    open_: Annotated[bool, typer.Option("--open", help="Open the site in the browser.")] = False,
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Render what was measured: comparison tables, charts, verdicts, failures. Works on any machine; nothing is measured.

    Examples:
        harness report --open

        harness report 20261121-090500-3fa1 20261122-090500-77c0 --out compare

        harness report --format markdown >> $GITHUB_STEP_SUMMARY
    """
    from harness.claims.ledger import ledger
    from harness.claims.sizes import size_checks
    from harness.report import render_json, render_markdown, render_site, shown_runs
    from harness.store import Store

    opened, asked = Store(store), runs or []
    judgements = ledger(opened, shown_runs(opened, asked))
    match form:
        case Format.MARKDOWN:
            typer.echo(render_markdown(opened, asked, judgements), nl=False)
        case Format.JSON:
            print_json(render_json(opened, asked, judgements, size_checks(opened, asked or opened.run_ids())))
        case Format.HTML:
            page = render_site(opened, asked, out, judgements, size_checks(opened, asked or opened.run_ids()))
            typer.echo(page)
            if open_:
                typer.launch(str(page.absolute()))
