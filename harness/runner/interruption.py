"""Ctrl-C that cannot get lost."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interruption:
    """Whether somebody has asked the run to stop.

    Python raises `KeyboardInterrupt` in whatever runs at that moment. In a finalizer or a weak reference's callback, as importing a module has, it is
    printed and forgotten, so it is asked for again between cases.
    """

    def __init__(self) -> None:
        self.asked = False

    def check(self) -> None:
        """Raise `KeyboardInterrupt` if one has been raised before and came to nothing."""
        if self.asked:
            raise KeyboardInterrupt

    def _ask(self, _signum: int, _frame: FrameType | None) -> None:
        self.asked = True
        raise KeyboardInterrupt


@contextmanager
def interruption() -> Iterator[Interruption]:
    """Listen for Ctrl-C while the body runs; off the main thread nobody can."""
    told = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield told
        return
    before = signal.signal(signal.SIGINT, told._ask)
    try:
        yield told
    finally:
        signal.signal(signal.SIGINT, before)
