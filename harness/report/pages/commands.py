"""The exact commands that measure a figure again."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from harness.report.facts.cards import Card
from harness.report.facts.facts import CaseInfo, Facts
from harness.report.notation.quantities import RATIO_METRIC, quantity

_DEFAULTS = {"dtype": "native", "mode": "eager"}
"""What `harness run` does unless told otherwise."""


@dataclass(frozen=True)
class Command:
    """A command.

    Attributes:
        gives: The figures it gives, in words.
        place: Where the figures of this page were measured.
        runs: The runs that they are from.
        text: To be typed as it is.
    """

    gives: tuple[str, ...]
    place: str
    runs: tuple[str, ...]
    text: str


def commands_for(facts: Facts, card: Card) -> tuple[Command, ...]:
    """Return one command a place, scale, dtype, mode and meter."""
    groups: dict[tuple[str, ...], list[CaseInfo]] = {}
    for case in facts.cases_by_paper.get(card.slug, ()):
        meter = case.meter.split("/", maxsplit=1)[0]
        groups.setdefault((case.place.key, case.target, case.scale, case.dtype, case.mode, meter), []).append(case)
    gives = _gives(facts, card)
    commands = []
    for key, cases in groups.items():
        names = gives.get((key[0], key[2], key[5]), ())
        runs = tuple(sorted({case.run_id for case in cases}))
        commands.append(Command(names or (key[5],), cases[0].place.label, runs, _text(card, cases[0], key[5])))
    return tuple(commands)


def _gives(facts: Facts, card: Card) -> dict[tuple[str, str, str], tuple[str, ...]]:
    """Return the labels of the figures that each (place, scale, meter) gave."""
    found: dict[tuple[str, str, str], dict[str, None]] = {}
    for row in facts.rows_by_paper.get(card.slug, ()):
        for key, figure in facts.figures[row].items():
            label = "Latency ratio" if key.metric == RATIO_METRIC else quantity(key.metric, figure.unit, card.qualities, ()).label
            found.setdefault((key.place, row.scale, figure.meter_name), {})[label] = None
    return {key: tuple(labels) for key, labels in found.items()}


def _text(card: Card, case: CaseInfo, meter: str) -> str:
    words = ["harness", "run", "--plugins", card.slug, "--device", case.target, "--scale", case.scale, "--metrics", meter]
    for option, default in _DEFAULTS.items():
        value = getattr(case, option)
        if value and value != default:
            words += [f"--{option}", value]
    threads = case.place.environment().get("threads", "")
    if threads:
        words += ["--threads", threads]
    return shlex.join([*words, "--fresh"])
