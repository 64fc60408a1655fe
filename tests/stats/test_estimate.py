import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.stats.estimate import Estimate


def test_an_interval_contains_its_ends_and_nothing_beyond():
    speed = Estimate(1.62, 1.58, 1.67, n=10)
    assert speed.contains(1.58) and speed.contains(1.67)
    assert not speed.contains(1.57999) and not speed.contains(1.67001)


def test_widths_are_relative_to_the_value():
    speed = Estimate(2.0, 1.9, 2.2, n=10)
    assert speed.relative_width == pytest.approx(0.15)
    assert speed.relative_half_width == pytest.approx(0.10)  # the longer arm


def test_without_an_interval_nothing_is_excluded():
    one = Estimate(3.0, None, None, n=1)
    assert one.contains(-1e9) and one.contains(1e9)
    assert one.bounds == (-math.inf, math.inf)
    assert one.relative_width == one.relative_half_width == math.inf
    assert not one.has_interval


def test_an_exact_count_is_its_own_interval():
    macs = Estimate.exact(1_814_073_344)
    assert macs.bounds == (1_814_073_344, 1_814_073_344)
    assert macs.relative_width == 0


def test_zero_has_no_relative_width_but_zero_itself():
    assert Estimate.exact(0.0).relative_width == 0
    assert Estimate(0.0, -1.0, 1.0, 3).relative_width == math.inf


@pytest.mark.parametrize(
    ("value", "low", "high", "says"),
    [
        (1.0, 2.0, 3.0, "the value 1.0 lies outside its interval (2.0, 3.0)"),
        (1.0, None, 3.0, "an interval has both ends or none, not (None, 3.0)"),
        (math.nan, 0.0, 1.0, "the value nan lies outside its interval (0.0, 1.0)"),
    ],
)
def test_nonsense_is_refused(value, low, high, says):
    with pytest.raises(ValueError) as error:
        Estimate(value, low, high, 5)
    assert str(error.value) == says


@given(*[st.floats(-1e6, 1e6)] * 2, st.floats(-1e6, 1e6))
def test_around_always_holds_its_value(a, b, value):
    estimate = Estimate.around(value, min(a, b), max(a, b), 5)
    assert estimate.contains(value) and estimate.contains(a) and estimate.contains(b)
