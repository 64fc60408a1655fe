"""`harness`: the application that the commands belong to."""

from __future__ import annotations

import sys

import typer

from harness.cli.check import check
from harness.cli.claims import claims
from harness.cli.devices import devices
from harness.cli.doctor import doctor
from harness.cli.list_ import list_plugins
from harness.cli.new import new
from harness.cli.report import report
from harness.cli.results import results
from harness.cli.run import run
from harness.cli.show import show
from harness.cli.verify import verify
from harness.errors import ExitCode, HarnessError

app = typer.Typer(
    name="harness",
    help="Does a paper's method deliver what its authors claim, on my hardware?",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("list")(list_plugins)
app.command("show")(show)
app.command("run")(run)
app.command("results")(results)
app.command("report")(report)
app.command("verify")(verify)
app.command("claims")(claims)
app.command("check")(check)
app.command("new")(new)
app.command("doctor")(doctor)
app.command("devices")(devices)


def main() -> None:
    """Run a command; a mistake the user can mend is one line on standard error, anything else keeps its traceback."""
    try:
        app()
    except HarnessError as error:
        print(f"harness: {error}", file=sys.stderr)  # noqa: T201
        raise SystemExit(int(error.exit_code)) from None
    except KeyboardInterrupt:
        raise SystemExit(int(ExitCode.INTERRUPTED)) from None
    except BrokenPipeError:
        sys.stderr.close()
        raise SystemExit(0) from None
