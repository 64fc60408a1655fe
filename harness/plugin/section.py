"""A section that an extension adds to the site: plain text and a plain table, which the site escapes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.plugin.validate import check, check_text, check_type, frozen_tuple


@dataclass(frozen=True)
class Section:
    """A titled piece of a page.

    Attributes:
        title: Its heading.
        text: Paragraphs, with an empty line between them. Plain: no HTML, no Markdown; what stands in backticks is shown as code.
        head: Headings of a table's columns; empty for no table.
        rows: The table's rows, each with a string for every column.
    """

    title: str
    text: str = ""
    head: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()

    def __post_init__(self) -> None:
        check_text("section", "title", self.title)
        owner = f"section {self.title!r}"
        check_type(owner, "text", self.text, str)
        object.__setattr__(self, "head", frozen_tuple(owner, "head", self.head, str))
        object.__setattr__(self, "rows", tuple(frozen_tuple(owner, "a row", row, str) for row in self.rows))
        for row in self.rows:
            check(len(row) == len(self.head), f"{owner}: row {list(row)} has {len(row)} cells, head has {len(self.head)}; make them agree")

    @property
    def paragraphs(self) -> tuple[str, ...]:
        """The text's paragraphs."""
        return tuple(part.strip() for part in self.text.split("\n\n") if part.strip())
