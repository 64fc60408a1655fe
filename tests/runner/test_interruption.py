"""Ctrl-C that comes at a bad moment."""

import os
import signal
import threading
import weakref

import pytest

from harness.runner.interruption import interruption


class Referent:
    """Something that a weak reference can point at."""


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_one_that_python_drops_is_asked_for_again():
    def press(_reference):
        os.kill(os.getpid(), signal.SIGINT)
        sum(range(1000))  # the handler runs here, and what it raises goes nowhere

    with interruption() as told:
        referent = Referent()
        reference = weakref.ref(referent, press)
        del referent
        assert reference() is None
        with pytest.raises(KeyboardInterrupt):
            told.check()


def test_at_any_other_moment_it_is_raised_at_once():
    with interruption(), pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
        sum(range(1000))


def test_nobody_asked_so_nothing_is_raised_and_the_handler_is_put_back():
    before = signal.getsignal(signal.SIGINT)
    with interruption() as told:
        assert signal.getsignal(signal.SIGINT) is not before
        told.check()
    assert signal.getsignal(signal.SIGINT) is before


def test_a_run_in_another_thread_leaves_signals_alone():
    seen = []

    def run():
        with interruption() as told:
            told.check()
            seen.append(signal.getsignal(signal.SIGINT))

    before = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [before]
