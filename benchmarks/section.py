"""What a benchmark found: tables, goals that are met or not, and remarks; as Markdown and on a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Extent:
    """How much to measure.

    Attributes:
        quick: Few repetitions: shows that everything works, decides nothing.
        alarm_minutes: Time for the comparisons of `alarms`; what is left then is resampled.
    """

    quick: bool = False
    alarm_minutes: float = 15.0


@dataclass(frozen=True)
class Table:
    """Rows of text under headers; the first column is the name of the row."""

    headers: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Goal:
    """What was wanted, and what came out.

    Attributes:
        wanted: In words, with the bound.
        met: None where it could not be judged.
        figure: What was measured, or why nothing was.
    """

    wanted: str
    met: bool | None
    figure: str

    def __str__(self) -> str:
        verdict = {True: "met", False: "not met", None: "not judged"}[self.met]
        return f"{verdict}: {self.wanted}: {self.figure}"


@dataclass(frozen=True)
class Section:
    """One benchmark's result.

    Attributes:
        title: Its heading.
        method: How it was measured, in a few sentences.
        tables: In order.
        goals: Under the tables.
        remarks: What went wrong or has to be known: a peer that failed, samples that were drawn again.
        verbatim: Output of another program, as it came.
    """

    title: str
    method: str
    tables: Sequence[Table] = ()
    goals: Sequence[Goal] = ()
    remarks: Sequence[str] = field(default_factory=tuple)
    verbatim: str = ""

    def markdown(self, origin: str) -> str:
        """Return the section as Markdown; `origin` says where and when it was measured."""
        parts = [f"## {self.title}", self.method, origin, *(_markdown_table(table) for table in self.tables)]
        if self.verbatim:
            parts.append(f"```text\n{self.verbatim}\n```")
        if self.goals:
            parts.append("\n".join(f"- {_emphasised(goal)}" for goal in self.goals))
        if self.remarks:
            parts.append("\n".join(f"- {remark}" for remark in self.remarks))
        return "\n\n".join(parts)


def show(section: Section) -> None:
    """Print a section to the terminal."""
    from rich import box
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

    console = Console(highlight=False)
    console.rule(Text(section.title, style="bold"), align="left")
    console.print(Text(section.method))
    for table in section.tables:
        drawn = RichTable(box=box.SIMPLE_HEAD, pad_edge=False)
        for i, header in enumerate(table.headers):
            drawn.add_column(header, justify="right" if i else "left")
        for row in table.rows:
            drawn.add_row(*(Text(cell) for cell in row))
        console.print(drawn)
    if section.verbatim:
        console.print(Text(section.verbatim))
    for goal in section.goals:
        console.print(Text(str(goal), style={True: "green", False: "red", None: "yellow"}[goal.met]))
    for remark in section.remarks:
        console.print(Text(remark))


def _emphasised(goal: Goal) -> str:
    verdict, rest = str(goal).split(":", 1)
    return f"**{verdict}**:{rest}"


def _markdown_table(table: Table) -> str:
    aligned = ["---", *("---:" for _ in table.headers[1:])]
    rows = [table.headers, aligned, *table.rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows)
