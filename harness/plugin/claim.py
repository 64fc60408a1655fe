"""Claims: what the authors say their method gains, as data that can be judged."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.plugin.validate import CardError, check, check_text, check_type, frozen_mapping

Range = float | tuple[float, float]
"""One number: a claim reached at it or beyond it, in the better direction. Two: the claim is that the value lies between them."""

FORMS = ("ratio", "difference", "value", "exponent", "order")


class _Statement:
    """What a claim and its scaled-down check have in common: exactly one form, and its conditions."""

    ratio: Range | None
    difference: Range | None
    value: Range | None
    exponent: Range | None
    order: bool
    axis: str

    @property
    def form(self) -> str:
        """Which of `FORMS` this statement has."""
        return self._given()[0]

    @property
    def claimed(self) -> Range | None:
        """The claimed figure; None for an ordering."""
        return None if self.order else getattr(self, self.form)

    def _given(self) -> list[str]:
        # A claimed 0.0 is given; only None, and False of `order`, are not.
        return [name for name in FORMS if getattr(self, name) is not None and getattr(self, name) is not False]

    def _check_form(self, owner: str) -> None:
        given = self._given()
        check(len(given) == 1, f"{owner}: {' and '.join(given) or 'no form'} given; give exactly one of {', '.join(FORMS)}")
        if given[0] != "order":
            self._check_numbers(owner, given[0], getattr(self, given[0]))
        check((given[0] == "exponent") == bool(self.axis), f"{owner}: exponent and axis go together; give both or neither")

    @staticmethod
    def _check_numbers(owner: str, form: str, claimed: object) -> None:
        numbers = claimed if isinstance(claimed, tuple) else (claimed,)
        for number in numbers:
            check_type(owner, form, number, (int, float))
            check(math.isfinite(number), f"{owner}: {form} is {number}; write a finite number")
            check(form != "ratio" or number > 0, f"{owner}: ratio is {number}; a ratio is positive")
        if isinstance(claimed, tuple) and (len(claimed) != 2 or claimed[0] >= claimed[1]):
            raise CardError(f"{owner}: {form} is {claimed!r}; a range is (low, high) with low < high")


@dataclass(frozen=True)
class Scaled(_Statement):
    """A reduced check for machines that cannot meet a claim's own conditions; judged beside it and labelled so.

    Takes the forms of `Claim`. `quantity`, `subject`, `baseline` and `workload` are the claim's own where they are left empty.
    """

    ratio: Range | None = None
    difference: Range | None = None
    value: Range | None = None
    exponent: Range | None = None
    order: bool = False
    axis: str = ""
    when: Mapping[str, Any] = field(default_factory=dict)
    quantity: str = ""
    subject: str = ""
    baseline: str = ""
    workload: str = ""
    why: str = ""
    """Why the reduced form is a fair test of the claim."""

    def __post_init__(self) -> None:
        self._check_form("scaled-down check")
        object.__setattr__(self, "when", frozen_mapping("scaled-down check", "when", self.when))


@dataclass(frozen=True)
class Claim(_Statement):
    """A quantitative statement of the authors, with the conditions under which they make it.

    Exactly one form is given. A single number is reached "at it or beyond it" in the quantity's better direction: a latency `ratio` of
    `1 / 1.4` is "1.4x faster", an accuracy `difference` of `-0.0075` is "loses at most 0.75 points". A pair is a range.

    Attributes:
        id: Short name, unique on the card.
        quantity: A built-in quantity (`latency`, `macs`, `parameters`, `peak_activation`, `energy`, ...) or a quality of the card.
        subject: The variant the claim is about.
        baseline: The variant it is compared with; empty for `value` and `exponent`.
        ratio: subject / baseline.
        difference: subject - baseline, in the quantity's unit.
        value: The subject's own figure: a bound, or with a tiny number an identity ("lossless", "equivariant").
        exponent: Growth of the subject's quantity with `axis`: the slope of log(quantity) over log(axis).
        order: The subject is better than the baseline, by an amount nobody states.
        axis: The sweep axis of `exponent`.
        when: Conditions: `device` (`cpu`, `cuda`), `dtype`, `mode`, `scale`, and any sweep axis. A row at other conditions never judges it.
        workload: Which workload is meant.
        source: Where the authors say it: abstract, table, section.
        says: The claim in a short sentence of our own words.
        measured_on: The hardware and setting the authors used.
        ours: True where the number is ours, derived from the method, and not printed by the authors.
        scaled: A reduced check for machines that cannot meet `when`.
    """

    id: str
    quantity: str
    subject: str
    baseline: str = ""
    ratio: Range | None = None
    difference: Range | None = None
    value: Range | None = None
    exponent: Range | None = None
    order: bool = False
    axis: str = ""
    when: Mapping[str, Any] = field(default_factory=dict)
    workload: str = "infer"
    source: str = ""
    says: str = ""
    measured_on: str = ""
    ours: bool = False
    scaled: Scaled | None = None

    def __post_init__(self) -> None:
        check_text("claim", "id", self.id)
        owner = f"claim {self.id!r}"
        check_text(owner, "quantity", self.quantity)
        check_text(owner, "subject", self.subject)
        check_text(owner, "source", self.source)
        self._check_form(owner)
        compares = self.form in ("ratio", "difference", "order")
        check(compares == bool(self.baseline), f"{owner}: a claim of form {self.form} {'needs a' if compares else 'takes no'} baseline")
        object.__setattr__(self, "when", frozen_mapping(owner, "when", self.when))
