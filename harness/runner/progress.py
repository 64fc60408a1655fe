"""Progress of a run on standard error: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from harness.runner.case import BAD, Status


class RunProgress:
    """Shows which case runs, how many have ended, and an estimate of the time left.

    Args:
        total: Number of cases.
        console: Where to write; standard error by default.
    """

    def __init__(self, total: int, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True, soft_wrap=True)
        self._total, self._done = total, 0
        self._bar = Progress(
            TextColumn("[bold]{task.description}", table_column=None),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task("starting", total=total)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._bar.stop()

    def running(self, title: str) -> None:
        """Say which case is being measured."""
        width = max(20, self._console.width - 70)
        self._bar.update(self._task, description=title if len(title) <= width else title[: width - 1] + "…")

    def ended(self, title: str, status: Status, seconds: float, message: str = "") -> None:
        """Count a case; a terminal shows only those that did not end well, a log shows them all."""
        self._done += 1
        self._bar.update(self._task, completed=self._done)
        if status in BAD or not self._console.is_terminal:
            colour = "red" if status in BAD else "yellow" if status == Status.SKIPPED else "green"
            line = f"[{self._done}/{self._total}] {title}"
            self._console.print(line, end="  ", markup=False, highlight=False)
            self._console.print(f"{status}", style=colour, end="", highlight=False)
            self._console.print(f" {seconds:.1f} s{': ' + message if message else ''}", markup=False, highlight=False)

    def note(self, text: str) -> None:
        """Write one line."""
        self._console.print(text, markup=False, highlight=False)
