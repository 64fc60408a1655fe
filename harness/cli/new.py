"""`harness new`: a plugin to start from."""

from __future__ import annotations

from typing import Annotated

import typer


def new(
    name: Annotated[str, typer.Argument(help="The plugin's slug: lower-case letters, digits and _.", metavar="NAME")],
    package: Annotated[
        bool, typer.Option("--package", help="An installable package, with tests and a workflow, instead of one file.")
    ] = False,
) -> None:
    """Write a complete, working plugin that passes every check as it stands, with comments where its author must think.

    Examples:
        harness new my_method

        harness new my_method --package
    """
    from pathlib import Path

    from harness.scaffold import write_file, write_package

    written = write_package(name, Path()) if package else write_file(name, Path())
    for path in written:
        typer.echo(path)
    home = written[0]
    steps = [f"cd {name} && pip install -e '.[test]'", "pytest"] if package else [f"harness check {home}"]
    shown = name if package else f"{name} --plugin-path {home}"
    steps += [f"harness show {shown}", f"harness run --plugins {shown}", "harness report --open"]
    typer.echo("\nnext:\n" + "\n".join(f"    {step}" for step in steps), err=True)
