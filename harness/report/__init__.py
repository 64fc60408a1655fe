"""Render results from a store alone, on any machine: a static site, a Markdown summary, JSON.

No plugin is imported, and no torch. Facts are read once (`facts/`), written for people (`notation/`), laid out as tables (`tables/`), charts
(`charts/`) and judged claims (`judged/`), gathered into pages (`pages/`), and only then put into templates, which lay out and nothing else.

    from harness.report import render_site
    from harness.store import Store

    render_site(Store("results"), [], Path("reports"))
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.report.judged.given import Judgement, Size
    from harness.store import Store

__all__ = ["render_json", "render_markdown", "render_site", "shown_runs"]


def shown_runs(store: Store, runs: Sequence[str] = ()) -> list[str]:
    """Return the runs whose figures a report shows: those that claims are to be judged on.

    Args:
        store: The store.
        runs: Runs to compare; the newest figures of every machine where it is empty.
    """
    from harness.report.facts.facts import choose

    return list(choose(store, runs).cases)


def render_site(store: Store, runs: Sequence[str], out: Path, judgements: Sequence[Judgement] = (), sizes: Sequence[Size] = ()) -> Path:
    """Render the site and return its first page.

    Args:
        store: The store.
        runs: Runs to compare, each a place of its own; the newest figures of every machine where it is empty.
        out: The site's folder.
        judgements: Judged claims.
        sizes: Checked published sizes.

    Raises:
        HarnessError: when a run does not exist, there is nothing to show, or `out` cannot be written.
    """
    from harness.report.facts import load
    from harness.report.site import write_site

    return write_site(load(store, runs), out, judgements, sizes)


def render_markdown(store: Store, runs: Sequence[str] = (), judgements: Sequence[Judgement] = ()) -> str:
    """Return a summary in Markdown, for a pull request's comment or a job's summary.

    Args:
        store: The store.
        runs: Runs to compare; the newest figures of every machine where it is empty.
        judgements: Judged claims.
    """
    from harness.report.facts import load
    from harness.report.markdown import write_markdown

    return write_markdown(load(store, runs), judgements)


def render_json(store: Store, runs: Sequence[str] = (), judgements: Sequence[Judgement] = (), sizes: Sequence[Size] = ()) -> dict[str, Any]:
    """Return the figures, verdicts and failures of a report as JSON data.

    Args:
        store: The store.
        runs: Runs to compare; the newest figures of every machine where it is empty.
        judgements: Judged claims.
        sizes: Checked published sizes.
    """
    from harness.report.facts import load
    from harness.report.plain import to_plain

    return to_plain(load(store, runs), judgements, sizes)
