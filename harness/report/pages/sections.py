"""Sections that extensions add to the overview and to papers' pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.plugin.extensions import Answer, load_extensions
from harness.plugin.section import Section
from harness.report.facts.facts import Facts
from harness.report.plain import plain_figures

HOOK = "report_sections"


class SectionWriter:
    """Asks the extensions, page by page.

    Args:
        facts: What the store says.
    """

    def __init__(self, facts: Facts) -> None:
        self._runs = tuple(run.run_id for run in facts.runs)
        asked = bool(load_extensions().manager.hook.report_sections.get_hookimpls())
        self._figures: Sequence[Mapping[str, Any]] = plain_figures(facts) if asked else ()

    def of_page(self, paper: str = "") -> tuple[Section, ...]:
        """Return the sections of a paper's page, or of the overview; where an extension fails, a section says so."""
        figures = [figure for figure in self._figures if paper in ("", figure["paper"])]
        answers = load_extensions().ask(HOOK, paper=paper, runs=self._runs, figures=figures)
        return tuple(section for answer in answers for section in _checked(answer))


def _checked(answer: Answer) -> Sequence[Section]:
    strange = next((member for member in answer.members if not isinstance(member, Section)), None)
    reason = answer.error or (f"it gave a {type(strange).__name__}; give harness.plugin.Section objects" if strange is not None else "")
    if reason:
        return [Section(f"Extension {answer.extension}", f"This section could not be made: {reason}")]
    return answer.members
