import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.report.notation.numbers import NOTHING, decimals, fixed, interval, number, quantity, scaled, whole
from harness.report.notation.units import DisplayUnit, display_unit

sizes = st.floats(min_value=1e-9, max_value=1e12)
shares = st.floats(min_value=1e-5, max_value=0.9)


@pytest.mark.parametrize(
    ("value", "low", "high", "written"),
    [
        (1.62345, 1.58, 1.67, "1.62"),
        (1.62345, 1.6, 1.65, "1.62"),
        (0.01234, 0.0122, 0.0125, "0.01234"),
        (123.456, 100.0, 150.0, "120"),
        (123.456, 123.4, 123.5, "123.46"),
        (5.0, 5.0, 5.0, "5.000"),
        (0.0, 0.0, 0.0, "0"),
        (-0.0083, -0.0086, -0.0079, "−0.0083"),
        (3.14159, None, None, "3.14"),
        (float("nan"), None, None, NOTHING),
        (1.234e-7, None, None, "1.23×10⁻⁷"),
    ],
)
def test_the_interval_says_how_many_digits_a_figure_has(value, low, high, written):
    assert number(value, low, high) == written


def test_an_exact_count_keeps_its_digits_where_it_needs_no_prefix():
    assert scaled(27_844.0, DisplayUnit("", 1.0), 27_844.0, 27_844.0) == "27,844"
    assert scaled(27_844_000.0, DisplayUnit("M", 1e6), 27_844_000.0, 27_844_000.0) == "27.84"
    assert whole(27_844_000.0) == "27,844,000"


@given(sizes, shares)
def test_a_written_number_lies_within_its_interval(value, share):
    low, high = value * (1 - share), value * (1 + share)
    written = number(value, low, high)
    if "×" not in written:
        assert low - 1e-12 <= float(written.replace(",", "")) <= high * (1 + 1e-12) or share < 1e-4


@given(sizes, shares)
def test_digits_stay_between_two_and_six(value, share):
    places = decimals(value, value * (1 - share), value * (1 + share))
    digits = places + math.floor(math.log10(value)) + 1
    assert 2 <= digits <= 6


@given(sizes, st.floats(min_value=1e-5, max_value=0.8))
def test_both_ends_of_an_interval_are_written_like_its_value(value, share):
    low, high = value * (1 - share), value * (1 + share)
    places = decimals(value, low, high)
    assert interval(value, low, high) == f"{fixed(low, places)}–{fixed(high, places)}"


@pytest.mark.parametrize(("low", "high"), [(None, None), (2.0, 2.0), (float("nan"), 3.0)])
def test_where_there_is_no_interval_none_is_written(low, high):
    assert interval(2.0, low, high) == ""


def test_an_interval_below_zero_is_written_with_a_word():
    assert interval(-0.5, -0.6, -0.4) == "−0.60 to −0.40"


@pytest.mark.parametrize(
    ("value", "unit", "written"),
    [
        (0.00123, "s", "1.23 ms"),
        (45e-6, "s", "45.0 µs"),
        (3.5, "s", "3.50 s"),
        (31 * 2**20, "B", "31.0 MiB"),
        (0.0021, "J", "2.10 mJ"),
        (4.5e9, "1", "4.50 G"),
        (0.93, "1", "0.930"),
        (71.2, "points", "71.2 points"),
        (None, "s", NOTHING),
    ],
)
def test_a_figure_alone_chooses_its_unit(value, unit, written):
    assert quantity(value, unit) == written


def test_figures_together_share_the_unit_of_the_middle_one():
    assert display_unit("s", [1e-6, 0.004, 0.02]).symbol == "ms"
    assert display_unit("B", [0.0, 2048.0, 5000.0]).symbol == "KiB"
    assert display_unit("s", []).symbol == "s"
    assert display_unit("1", [0.2, 0.4]).symbol == ""


@given(st.lists(sizes, min_size=1), st.sampled_from(["s", "B", "J", "1", "W", "B/s"]))
def test_the_middle_figure_is_never_below_one_of_its_unit_unless_there_is_no_smaller(values, unit):
    shown = display_unit(unit, values)
    middle = sorted(values)[(len(values) - 1) // 2]
    smallest = display_unit(unit, [1e-300])
    assert middle >= shown.factor or shown == smallest


def test_the_ends_of_a_hopelessly_wide_interval_have_digits_of_their_own():
    assert interval(11.0, 0.0123, 267.3) == "0.012–270"
    assert interval(0.43, 4e-5, 207_628.3) == "4.0×10⁻⁵–210,000"
