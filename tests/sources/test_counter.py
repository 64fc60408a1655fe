from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.sources.clock import FakeClock
from harness.sources.energy.counter import MAX_PLAUSIBLE_W, CounterResetError, EnergyCounter

STEPS = st.lists(st.tuples(st.floats(0.05, 60), st.floats(0, 400)), min_size=1, max_size=60)
"""Seconds between readings, and the watts drawn in them."""


@given(STEPS, st.sampled_from([65_532_610_987, 262_143_328_850]), st.floats(0, 1))
def test_a_wrapping_counter_adds_up_to_what_was_drawn(steps, range_uj, start):
    """Ranges of real packages: 65 kJ and 262 kJ; wherever the counter starts it may wrap in the middle."""
    with FakeClock() as clock:
        counter = EnergyCounter(1e-6, range_uj)
        raw = true_uj = int(start * range_uj)
        counter.advance(raw)
        before = 0.0
        for seconds, watts in steps:
            clock.advance(seconds)
            drawn = int(seconds * watts * 1e6)
            true_uj += drawn
            raw = (raw + drawn) % range_uj
            joules = counter.advance(raw)
            assert joules >= before
            before = joules
    assert before == pytest.approx((true_uj - int(start * range_uj)) * 1e-6, abs=1e-6 * len(steps))


@given(STEPS, st.data())
def test_a_driver_reload_is_said_and_never_becomes_energy(steps, data):
    reload_at = data.draw(st.integers(0, len(steps) - 1))
    with FakeClock() as clock:
        counter = EnergyCounter(1e-3)
        raw = 10_000_000
        counter.advance(raw)
        joules = [0.0]
        for number, (seconds, watts) in enumerate(steps):
            clock.advance(seconds)
            if number == reload_at:
                raw = 0
                with pytest.raises(CounterResetError, match="driver reload"):
                    counter.advance(raw)
            else:
                raw += int(seconds * watts * 1e3)
                joules.append(counter.advance(raw))
    assert all(after >= before >= 0 for before, after in pairwise(joules))
    drawn = sum(s * w for i, (s, w) in enumerate(steps) if i != reload_at)
    assert joules[-1] == pytest.approx(drawn, abs=1e-3 * len(steps))


def test_a_reset_that_would_look_like_a_wrap_is_told_by_the_power_it_would_need():
    with FakeClock() as clock:
        counter = EnergyCounter(1e-6, 262_143_328_850)
        counter.advance(100_000_000_000)
        clock.advance(1.0)
        with pytest.raises(CounterResetError):
            counter.advance(1_000)  # a wrap would be 162 kJ in a second


def test_a_counter_that_leaps_forward_lies():
    with FakeClock() as clock:
        counter = EnergyCounter(1.0)
        counter.advance(0)
        clock.advance(1.0)
        with pytest.raises(CounterResetError):
            counter.advance(int(2 * MAX_PLAUSIBLE_W))


@pytest.mark.parametrize(("unit_j", "counts"), [(1e-3, 42_000), (1e-6, 42_000_000), (3.6e6 * 1e-9, 11_667)])
def test_milli_micro_and_kilowatt_hours_give_the_same_joules(unit_j, counts):
    with FakeClock() as clock:
        counter = EnergyCounter(unit_j)
        counter.advance(0)
        clock.advance(1.0)
        assert counter.advance(counts) == pytest.approx(42.0, rel=1e-4)
