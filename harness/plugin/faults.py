"""Turn what a plugin does wrong into one line that says where and what to change."""

from __future__ import annotations

import signal
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class PluginHangError(Exception):
    """A plugin's import did not come to an end."""


def explain(error: BaseException, origin: str) -> tuple[str, str]:
    """Return `(one line, full traceback)` for an exception from a plugin's code.

    The line begins with the file and line of the plugin's own innermost frame, since that is where its author must look.

    Args:
        error: What was raised.
        origin: The plugin's file, folder or dotted module name.
    """
    trace = "".join(traceback.format_exception(error))
    place = _place(error, origin)
    text = str(error) or "no message"
    named = text if type(error).__module__.startswith("harness.") else f"{type(error).__name__}: {text}"
    return (named if named.startswith(place or "\0") else f"{place}: {named}" if place else named), trace


def _place(error: BaseException, origin: str) -> str:
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    wanted = origin.replace(".", "/") if "/" not in origin else origin
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not f.filename.startswith("<")]
    own = [f for f in frames if wanted in f.filename]
    if own:
        return f"{own[-1].filename}:{own[-1].lineno}"
    return ""


@contextmanager
def time_limit(seconds: float, complaint: str) -> Iterator[None]:
    """Raise `PluginHangError` when the body takes longer than `seconds`; off the main thread there is no limit."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def give_up(_signum: int, _frame: FrameType | None) -> None:
        raise PluginHangError(complaint)

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
