"""What a judged claim and a checked size are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


@dataclass(frozen=True)
class Judgement:
    """One claim, or its scaled-down check, judged by one run.

    Attributes:
        paper: Slug.
        claim: The claim's id.
        says: The claim in words.
        source: Where the authors say it.
        quantity: What is compared.
        subject: Whose quantity.
        baseline: Compared with; empty for a value or an exponent.
        form: `ratio`, `difference`, `value`, `exponent` or `order`.
        claimed: One number, a pair (a range), or None for an ordering.
        measured: The same quantity here; None where there is no figure.
        low: Lower end of its 95% interval; None where there is none.
        high: Upper end.
        n: Processes, seeds or sweep points behind it.
        verdict: `upheld`, `consistent`, `direction only`, `inconclusive`, `refuted` or `not testable here`.
        reason: A short code: why this verdict.
        sentence: The verdict in plain words.
        scaled: True for the scaled-down check.
        ours: True where the number is the card's author's own.
        conditions: What was asked for.
        run_id: The run that judged it.
    """

    paper: str
    claim: str
    says: str
    source: str
    quantity: str
    subject: str
    baseline: str
    form: str
    claimed: float | tuple[float, float] | None
    measured: float | None
    low: float | None
    high: float | None
    n: int
    verdict: str
    reason: str
    sentence: str
    scaled: bool
    ours: bool
    conditions: Mapping[str, Any]
    run_id: str


class SizeVerdict(StrEnum):
    """How a built size compares with the printed one."""

    MATCH = "match"
    CONVENTION = "within convention"
    DIFFERS = "differs"
    NOT_BUILT = "not built"


@dataclass(frozen=True)
class SizeCheck:
    """One published size against the built model."""

    paper: str
    variant: str
    input: str
    quantity: str
    published: str
    built: float | None
    verdict: SizeVerdict
    note: str
    source: str
