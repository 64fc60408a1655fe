"""Whether a source answers, and if not why: absence is an object."""

from __future__ import annotations

from dataclasses import dataclass


class SourceError(Exception):
    """A source that was there does not answer, or answers what cannot be: it vanished, was reset, or lies."""


@dataclass(frozen=True)
class Availability:
    """Whether a source answers here; if not, why, and what would make it answer.

    Attributes:
        ok: True where it can be read.
        reason: Why it cannot.
        remedy: What to install or permit.
    """

    ok: bool
    reason: str = ""
    remedy: str = ""

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        return "available" if self.ok else "; ".join(filter(None, (self.reason, self.remedy)))


AVAILABLE = Availability(True)
