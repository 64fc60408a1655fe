"""What a check has found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """How a check ended."""

    PASS = "pass"
    FAIL = "fail"
    NOTE = "note"
    """Worth knowing, and no breach of the contract."""
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True)
class Verdict:
    """What a check says of a plugin.

    Attributes:
        status: How it ended.
        what: What failed, or what was seen; the reason where it is not applicable.
        how: How to mend it, where that is more exact than what the check says of itself.
    """

    status: Status
    what: str = ""
    how: str = ""


@dataclass(frozen=True)
class Finding:
    """One row of `harness check`.

    Attributes:
        check: Name of the check.
        status: How it ended.
        what: What failed, or what was seen; the reason where it is not applicable.
        why: Why it matters.
        how: How to mend it; empty where there is nothing to mend.
    """

    check: str
    status: Status
    what: str
    why: str
    how: str


def holds(what: str = "") -> Verdict:
    """The check holds."""
    return Verdict(Status.PASS, what)


def fails(what: str, how: str = "") -> Verdict:
    """The check does not hold."""
    return Verdict(Status.FAIL, what, how)


def noted(what: str) -> Verdict:
    """The author should know something that breaks no rule."""
    return Verdict(Status.NOTE, what)


def not_applicable(reason: str) -> Verdict:
    """The check means nothing for this plugin."""
    return Verdict(Status.NOT_APPLICABLE, reason)


def unless(complaints: Sequence[str], seen: str) -> Verdict:
    """Fail with `complaints`, or hold with what was `seen` where there is none."""
    return fails("; ".join(complaints)) if complaints else holds(seen)
