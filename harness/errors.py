"""Errors that the user can mend, exit codes, and how a missing optional package is reported."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterable
from enum import IntEnum
from types import ModuleType


class ExitCode(IntEnum):
    """What the exit status of every command means."""

    OK = 0
    FAILED = 1
    """Some case failed, or some check does not hold."""
    USAGE = 2
    """The command was used wrongly: nothing was done."""
    REGRESSION = 3
    """A regression was confirmed."""
    NOTHING = 4
    """Nothing was selected, or nothing could be measured."""
    INTERRUPTED = 130
    """Stopped by Ctrl-C; what was done is kept."""


class HarnessError(Exception):
    """A mistake that the user can mend: printed as one sentence, without a traceback."""

    exit_code = ExitCode.USAGE


class NothingToMeasureError(HarnessError):
    """The request was well formed, but this machine has nothing to answer it with."""

    exit_code = ExitCode.NOTHING


def unknown(kind: str, name: str, known: Iterable[str]) -> HarnessError:
    """Return the error for a name that does not exist, with the nearest ones that do.

    >>> str(unknown("scale", "smal", ["smoke", "small", "paper"]))
    "unknown scale 'smal'; did you mean 'small'? known: paper, small, smoke"
    """
    return HarnessError(f"unknown {kind} {name!r}; {nearest(name, known)}")


def nearest(name: str, known: Iterable[str]) -> str:
    """Say which known names are nearest to `name`, and which there are."""
    names = sorted(map(str, known))
    if not names:
        return "there are none"
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(map(repr, close))}? " if close else ""
    return f"{hint}known: {', '.join(names)}"


def require(module: str, purpose: str, install: str) -> ModuleType:
    """Import an optional package, or say what it is for and how to get it.

    Raises:
        HarnessError: when `module` itself is not installed. A package that is there but fails to import keeps its own error.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] != module.split(".", maxsplit=1)[0]:
            raise
        msg = f"{purpose} needs the package {module!r}, which is not installed; run: pip install {install}"
        raise HarnessError(msg) from error
