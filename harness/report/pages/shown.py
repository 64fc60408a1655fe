"""Artifacts as a page shows them: pictures as files, charts drawn, text as it is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from harness.report.charts.chart import Chart
from harness.report.facts.facts import Facts, StoredArtifact
from harness.report.notation.points import file_slug

_PNG = b"\x89PNG\r\n\x1a\n"
_MOST_TEXT = 20_000
"""Characters of a text artifact: a page is not a log file."""


@dataclass(frozen=True)
class Shown:
    """An artifact.

    Attributes:
        name: Its name.
        variant: Whose it is.
        caption: What it shows.
        picture: Path of its file from the root of the site; empty unless it is a picture.
        content: The file's bytes.
        chart: Its chart; None unless it is one.
        text: Its text; empty unless it is text, or could not be shown and this says why.
    """

    name: str
    variant: str
    caption: str
    picture: str = ""
    content: bytes = b""
    chart: Chart | None = None
    text: str = ""


def artifacts_of(facts: Facts, slug: str) -> tuple[Shown, ...]:
    """Return a paper's artifacts, each from the first place that has it."""
    first: dict[tuple[str, str], StoredArtifact] = {}
    for artifact in by_place(facts, slug):
        first.setdefault((artifact.variant, artifact.name), artifact)
    return tuple(show(artifact) for artifact in first.values())


def by_place(facts: Facts, slug: str) -> Sequence[StoredArtifact]:
    """Return a paper's artifacts in the order of places, the main one first."""
    order = {place.key: rank for rank, place in enumerate(sorted(facts.places, key=lambda p: p is not facts.main_place))}
    return sorted((a for a in facts.artifacts if a.paper == slug), key=lambda a: order[a.place])


def show(artifact: StoredArtifact) -> Shown:
    """Return an artifact ready for a page; one that is not what it says it is becomes a text that says so."""
    head = (artifact.name, artifact.variant, artifact.caption)
    if artifact.kind == "image" and artifact.content.startswith(_PNG):
        return Shown(*head, picture=f"artifacts/{hashlib.sha256(artifact.content).hexdigest()[:20]}.png", content=artifact.content)
    if artifact.kind == "chart":
        return _shown_chart(artifact)
    if artifact.kind == "text":
        text = artifact.content.decode(errors="replace")
        cut = f"\n… {len(text) - _MOST_TEXT:,} characters more" if len(text) > _MOST_TEXT else ""
        return Shown(*head, text=text[:_MOST_TEXT] + cut)
    return Shown(*head, text=f"cannot be shown: {artifact.kind or 'an artifact'} is not a PNG, a chart or a text")


def _shown_chart(artifact: StoredArtifact) -> Shown:
    head = (artifact.name, artifact.variant, artifact.caption)
    try:
        spec = json.loads(artifact.content)
    except ValueError as error:
        return Shown(*head, text=f"cannot be shown: the chart is not JSON ({error})")
    if not isinstance(spec, dict):
        return Shown(*head, text="cannot be shown: the chart is not a Vega-Lite specification")
    key = file_slug(f"artifact-{artifact.paper}-{artifact.variant}-{artifact.name}")
    title, words = f"{artifact.name}, {artifact.variant}", artifact.caption or artifact.name
    return Shown(*head, chart=Chart(key, title, artifact.caption, words, spec, {}, says_it_itself=True, is_plugins=True))
