import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.stats.changepoint import P_VALUE, _divergence, change_points


def nights(rng, *stretches, noise=0.01):
    """Figures of one night after another: stretches of (length, level)."""
    level = np.concatenate([np.full(length, value) for length, value in stretches])
    return level * np.exp(noise * rng.standard_normal(level.size))


def test_the_night_on_which_a_figure_moved_is_named():
    rng = np.random.default_rng(0)
    for _ in range(20):
        (point,) = change_points(nights(rng, (30, 1.0), (30, 1.05)))
        assert abs(point.index - 30) <= 1
        assert point.ratio == pytest.approx(1.05, abs=0.01)


def test_two_steps_and_the_way_back():
    rng = np.random.default_rng(1)
    found = change_points(nights(rng, (25, 1.0), (15, 1.10), (40, 1.0), (60, 0.9)))
    assert [round(p.index / 5) * 5 for p in found] == [25, 40, 80]


def test_slow_drift_is_found_as_steps():
    rng = np.random.default_rng(2)
    drifting = np.linspace(1.0, 1.2, 100) * np.exp(0.01 * rng.standard_normal(100))
    assert len(change_points(drifting)) >= 2


def test_a_quiet_year_names_no_night():
    rng = np.random.default_rng(3)
    found = [len(change_points(nights(rng, (200, 1.0)))) for _ in range(60)]
    assert np.mean(found) <= 0.1  # 156 such series: one false alarm in a dozen nights


def test_an_injected_step_of_5_percent_is_found_within_three_nights():
    rng = np.random.default_rng(4)
    found = [any(abs(p.index - 40) <= 1 for p in change_points(nights(rng, (40, 1.0), (3, 1.05)))) for _ in range(100)]
    assert np.mean(found) >= 0.95


def test_one_wild_night_is_no_change():
    series = [1.0, 1.01, 0.99, 1.0, 1.01, 0.99, 1.0, 3.0, 1.0, 0.99, 1.01, 1.0, 1.0, 0.99, 1.01]
    assert change_points(series) == []


def test_changes_too_small_to_matter_are_left_out():
    rng = np.random.default_rng(5)
    series = nights(rng, (50, 1.0), (50, 1.01), noise=0.002)
    assert len(change_points(series)) == 1
    assert change_points(series, min_change=0.02) == []


@pytest.mark.parametrize("series", [[1.0], [1.0, 2.0], [1.0, 2.0, 3.0], [1.0] * 30, [0.1] * 37])
def test_short_and_constant_series_have_none(series):
    assert change_points(series) == []


def test_the_divergence_is_that_of_matteson_and_james():
    values = np.random.default_rng(6).standard_normal(12)

    def between_and_within(cut):
        left, right = values[:cut], values[cut:]
        m, k = left.size, right.size
        within = [np.abs(side[:, None] - side).sum() / (side.size * (side.size - 1)) for side in (left, right)]
        return m * k / (m + k) * (2 * np.abs(left[:, None] - right).mean() - sum(within))

    assert _divergence(values) == pytest.approx([between_and_within(cut) for cut in range(2, 11)])


def test_two_constant_stretches_have_one():
    (point,) = change_points([1.0] * 20 + [2.0] * 20)
    assert (point.index, point.before, point.after, point.p_value) == (20, 1.0, 2.0, 0.0)


@given(st.lists(st.floats(0.5, 2.0), max_size=120, min_size=1))
def test_changes_are_in_order_and_inside_the_series(series):
    found = change_points(series)
    assert [p.index for p in found] == sorted({p.index for p in found})
    assert all(2 <= p.index <= len(series) - 2 and p.p_value <= P_VALUE for p in found)
