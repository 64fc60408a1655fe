"""Options that several commands share, spelled once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

StoreOption = Annotated[str, typer.Option("--store", envvar="HARNESS_STORE", help="Results folder or URL.", metavar="PATH|URL")]
PluginPathOption = Annotated[
    list[Path] | None,
    typer.Option("--plugin-path", help="A folder or .py file with plugins; repeatable.", metavar="PATH"),
]
DeviceOption = Annotated[str, typer.Option(help="`cpu`, `cuda`, `cuda:1`.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]

DEFAULT_STORE = "results"


def print_json(value: Any) -> None:
    """Write JSON to standard output."""
    typer.echo(json.dumps(value, indent=2, default=str))
