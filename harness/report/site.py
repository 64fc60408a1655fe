"""Render the site: view models into pages, pages into a folder that appears whole or not at all."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2

from harness.errors import HarnessError
from harness.report.assets import write_assets
from harness.report.charts.chart import Chart, ChartGroup
from harness.report.drawn import write_drawings
from harness.report.facts import Facts
from harness.report.judged.claims import ClaimRow, claim_rows
from harness.report.judged.given import Judgement, Size
from harness.report.notation import marks
from harness.report.notation.links import FAILURES, INDEX, LEDGER, MACHINES, READING
from harness.report.pages.failures import build_failures
from harness.report.pages.family import build_family
from harness.report.pages.index import build_index
from harness.report.pages.ledger import build_ledger
from harness.report.pages.machines import build_machines
from harness.report.pages.paper import PaperPage, build_paper
from harness.report.pages.sections import SectionWriter
from harness.report.prose import prose
from harness.report.tables.cells import CellWriter
from harness.report.tables.markup import cell_markup, plain_digits
from harness.version import __version__

_MARKER = ".harness-report"
"""Stands in every folder that we wrote: only such a folder is ever replaced."""


@dataclass(frozen=True)
class SiteHead:
    """What every page says: `nav` is name, path and label of each link."""

    nav: tuple[tuple[str, str, str], ...]
    summary: str
    version: str


@dataclass(frozen=True)
class Page:
    """A page: its template and what the template lays out."""

    path: str
    template: str
    title: str
    here: str
    context: dict[str, Any]
    charts: tuple[Chart, ...] = ()


def write_site(facts: Facts, out: Path, judgements: Sequence[Judgement] = (), sizes: Sequence[Size] = ()) -> Path:
    """Write the site and return its first page.

    The site is written beside `out` and moved into place: a failure leaves the old site as it was.

    Args:
        facts: What the store says.
        out: The site's folder: absent, empty, or a site that we wrote.
        judgements: Judged claims.
        sizes: Checked published sizes.

    Raises:
        HarnessError: when `out` holds other files or cannot be written.
    """
    _check_ours(out)
    fresh = out.absolute().with_name(f".{out.absolute().name}.{uuid.uuid4().hex[:8]}")
    try:
        fresh.mkdir(parents=True)
        _write(fresh, facts, claim_rows(facts, judgements), sizes)
        (fresh / _MARKER).write_text(f"written by paper-harness {__version__}\n")
        _swap(fresh, out.absolute())
    except OSError as error:
        raise HarnessError(f"the report cannot be written to {str(out)!r}: {error}; give another --out or mend its permissions") from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return out / INDEX


def _check_ours(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise HarnessError(f"--out {str(out)!r} is a file; give a folder")
    if out.is_dir() and any(out.iterdir()) and not (out / _MARKER).exists():
        raise HarnessError(f"--out {str(out)!r} holds files that are not a report; give an empty folder or a new name")


def _swap(fresh: Path, out: Path) -> None:
    old = out.with_name(f".{out.name}.{uuid.uuid4().hex[:8]}")
    had_one = out.exists()
    if had_one:
        os.rename(out, old)  # noqa: PTH104  renaming onto nothing, on one file system
    try:
        os.rename(fresh, out)  # noqa: PTH104
    except OSError:
        if had_one:
            os.rename(old, out)  # noqa: PTH104
        raise
    shutil.rmtree(old, ignore_errors=True)


def _write(folder: Path, facts: Facts, claims: Sequence[ClaimRow], sizes: Sequence[Size]) -> None:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("harness.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["json.dumps_kwargs"] = {"sort_keys": False}  # columns of saved data keep their order
    environment.filters |= {"digits": plain_digits, "cell": cell_markup, "prose": prose}
    with ThreadPoolExecutor(1) as beside:  # bundling takes a second or more, outside Python
        assets = beside.submit(write_assets, folder / "assets")
        _write_pages(folder, environment, facts, claims, sizes)
        assets.result()


def _write_pages(folder: Path, environment: jinja2.Environment, facts: Facts, claims: Sequence[ClaimRow], sizes: Sequence[Size]) -> None:
    head = _head(facts, claims)
    pages = list(_pages(facts, claims, sizes))
    static = write_drawings([chart for page in pages for chart in page.charts], folder / "charts")
    for page in pages:
        path = folder / page.path
        path.parent.mkdir(exist_ok=True)
        root = "../" * page.path.count("/")
        template = environment.get_template(page.template)
        text = template.render(page.context, site=head, title=f"{page.title} · harness", here=page.here, root=root, static=static)
        path.write_text(text, encoding="utf-8")
        if isinstance(page.context.get("page"), PaperPage):
            _write_pictures(folder, page.context["page"])


def _head(facts: Facts, claims: Sequence[ClaimRow]) -> SiteHead:
    bad = sum(case.status in marks.BAD_STATUSES for case in facts.cases) + len(facts.broken)
    nav = (
        ("index", INDEX, "Overview"),
        ("claims", LEDGER, f"Claims ({sum(not row.is_scaled for row in claims)})"),
        ("machines", MACHINES, "Machines"),
        ("failures", FAILURES, f"Failures ({bad})"),
        ("reading", READING, "How to read"),
    )
    newest = facts.runs[-1]
    runs = f"{len(facts.runs)} run{'s' if len(facts.runs) != 1 else ''}, the newest {newest.run_id} of {newest.day} UTC."
    return SiteHead(nav, runs, __version__)


def _pages(facts: Facts, claims: Sequence[ClaimRow], sizes: Sequence[Size]) -> Iterator[Page]:
    writer, sections = CellWriter(facts), SectionWriter(facts)
    overview = {"index": build_index(facts, claims, sizes), "sections": sections.of_page()}
    yield Page(INDEX, "index.html", "Overview", "index", overview)
    yield Page(LEDGER, "claims.html", "Claims", "claims", {"ledger": build_ledger(claims, sizes)})
    machines = build_machines(facts)
    yield Page(MACHINES, "machines.html", "Machines", "machines", {"machines": machines}, _flat(machines.charts))
    context = {"failures": build_failures(facts), "broken_mark": marks.STATUSES["broken"]}
    yield Page(FAILURES, "failures.html", "Failures", "failures", context)
    yield Page(READING, "reading.html", "How to read", "reading", _legends())
    for name in sorted({card.family for card in facts.cards.values()}):
        family = build_family(facts, name, writer)
        yield Page(family.path, "family.html", name, "family", {"family": family}, _flat(family.charts))
    for card in facts.cards.values():
        own = [row for row in claims if row.card.slug == card.slug]
        page = build_paper(facts, card, own, sizes, writer)
        shown = tuple(artifact.chart for artifact in page.artifacts if artifact.chart)
        yield Page(
            page.path, "paper.html", card.slug, "paper", {"page": page, "sections": sections.of_page(card.slug)}, _flat(page.charts) + shown
        )


def _flat(groups: Iterable[ChartGroup]) -> tuple[Chart, ...]:
    return tuple(chart for group in groups for chart in group.charts)


def _legends() -> dict[str, Any]:
    return {
        "provenance_marks": tuple(marks.PROVENANCE.values()),
        "verdict_marks": tuple(marks.VERDICTS.values()),
        "size_marks": tuple(marks.SIZE_VERDICTS.values()),
        "status_marks": tuple(marks.STATUSES.values()),
    }


def _write_pictures(folder: Path, page: PaperPage) -> None:
    for artifact in page.artifacts:
        if artifact.picture:
            path = folder / artifact.picture
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(artifact.content)
