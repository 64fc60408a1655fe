import pytest

from harness.sources import clock
from harness.sources.clock import FakeClock


def test_a_fake_clock_takes_the_place_of_the_machines_and_gives_it_back():
    with FakeClock(start_s=5.0) as fake:
        assert clock.now() == 5.0
        clock.sleep(10)
        clock.sleep(-1)
        fake.advance(0.5)
        assert clock.now() == 15.5
    before = clock.now()
    assert clock.now() >= before != 15.5


def test_fakes_nest():
    with FakeClock(1.0):
        with FakeClock(2.0):
            assert clock.now() == 2.0
        assert clock.now() == 1.0


def test_time_never_runs_backwards():
    with FakeClock() as fake, pytest.raises(ValueError, match="forward only"):
        fake.advance(-1)


def test_what_is_asked_for_every_so_often_comes_at_those_times_whatever_the_step():
    seen = []
    with FakeClock(0.0) as fake:
        with clock.every(0.5, lambda: seen.append(clock.now())):
            fake.advance(1.2)
            clock.sleep(0.9)
        fake.advance(5)
    assert seen == [0.5, 1.0, 1.5, 2.0]


def test_the_machines_clock_calls_from_a_thread_until_told_to_stop():
    import threading

    twice = threading.Event()
    calls = []

    def call():
        calls.append(clock.now())
        if len(calls) == 2:
            twice.set()

    with clock.every(0.001, call):
        assert twice.wait(30)
    count = len(calls)
    clock.sleep(0.01)
    assert len(calls) == count
    assert calls == sorted(calls)
