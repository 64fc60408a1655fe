"""What the report takes from whoever judged: anything with these attributes will do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class Judgement(Protocol):
    """A claim's verdict in one run. Ratios are subject / baseline; an interval's ends are None where nothing was measured."""

    @property
    def paper(self) -> str:
        """Slug of the paper."""
        ...

    @property
    def claim(self) -> str:
        """The claim's id on the card."""
        ...

    @property
    def says(self) -> str:
        """The claim in words."""
        ...

    @property
    def source(self) -> str:
        """Where the authors say it."""
        ...

    @property
    def quantity(self) -> str:
        """What it is about."""
        ...

    @property
    def subject(self) -> str:
        """The variant it is about."""
        ...

    @property
    def baseline(self) -> str:
        """The variant it is compared with; empty for a value or an exponent."""
        ...

    @property
    def form(self) -> str:
        """`ratio`, `difference`, `value`, `exponent` or `order`."""
        ...

    @property
    def claimed(self) -> float | tuple[float, float] | None:
        """The claimed figure or range; None for an ordering."""
        ...

    @property
    def measured(self) -> float | None:
        """The measured figure."""
        ...

    @property
    def low(self) -> float | None:
        """Lower end of its interval."""
        ...

    @property
    def high(self) -> float | None:
        """Upper end."""
        ...

    @property
    def verdict(self) -> str:
        """One of `harness.report.notation.marks.VERDICTS`."""
        ...

    @property
    def reason(self) -> str:
        """Why, as a code."""
        ...

    @property
    def sentence(self) -> str:
        """The verdict in plain words."""
        ...

    @property
    def scaled(self) -> bool:
        """True for the scaled-down check of a claim."""
        ...

    @property
    def run_id(self) -> str:
        """The run that it was judged on."""
        ...

    @property
    def conditions(self) -> Mapping[str, Any]:
        """What the claim needs."""
        ...

    @property
    def ours(self) -> bool:
        """True where the number is derived from the method, not printed by the authors."""
        ...


class Size(Protocol):
    """A published size beside the built model's."""

    @property
    def paper(self) -> str:
        """Slug of the paper."""
        ...

    @property
    def variant(self) -> str:
        """The variant that was built."""
        ...

    @property
    def quantity(self) -> str:
        """`parameters`, `macs` or `flops`."""
        ...

    @property
    def published(self) -> Any:
        """The figure as printed."""
        ...

    @property
    def built(self) -> float | None:
        """The figure of the built model; None where it was not built."""
        ...

    @property
    def verdict(self) -> str:
        """One of `harness.report.notation.marks.SIZE_VERDICTS`."""
        ...

    @property
    def note(self) -> str:
        """What explains a difference."""
        ...
