"""The generator of lagged series, the real series, and how both are cut into windows."""

import doctest

import numpy as np
import pytest

from harness_papers._kit import series as kit
from harness_papers._kit.series import calendar, lagged_factors, real_series, split, windows


def test_the_example_runs():
    assert doctest.testmod(kit).failed == 0


def test_the_same_seed_gives_the_same_series_and_another_seed_another():
    assert np.array_equal(lagged_factors(3, 500).values, lagged_factors(3, 500).values)
    assert not np.allclose(lagged_factors(3, 500).values, lagged_factors(3, 500, seed=1).values)


def test_a_variate_does_not_depend_on_its_company():
    assert np.array_equal(lagged_factors(3, 500).values, lagged_factors(20, 500).values[:, :3])


def test_signal_and_noise_have_their_shares():
    values = lagged_factors(40, 8000, drift=0.0).values
    assert values.mean(0) == pytest.approx(np.zeros(40), abs=0.02)
    assert values.var(0).mean() == pytest.approx(1 + 1 / kit.SNR, rel=0.02)


def test_the_week_and_the_day_stand_out_of_the_spectrum():
    values = lagged_factors(10, 168 * 40, drift=0.0).values
    power = (np.abs(np.fft.rfft(values, axis=0)) ** 2).mean(1)
    assert set(np.argsort(power)[-2:]) == {40, 40 * 7}


def test_drift_carries_the_test_part_away():
    shifts = {}
    for drift in (0.0, 3.0):
        series = lagged_factors(20, 4000, drift=drift)
        shifts[drift] = np.abs(split(series, "test", 0).values.mean(0)).mean()
    assert shifts[0.0] < 0.2
    assert shifts[3.0] > 1.0


def test_a_follower_can_be_read_off_its_leader():
    """With one factor each, the best lagged correlation of two variates is high for those of one leader and low for the others."""
    x = lagged_factors(12, 8000, drift=0.0, follows=1).values
    x = (x - x.mean(0)) / x.std(0)
    best = np.max([np.abs(x[lag:].T @ x[: len(x) - lag]) / (len(x) - lag) for lag in range(kit.MAX_LAG + 1)], axis=0)
    best = np.maximum(best, best.T)[np.triu_indices(12, 1)]
    assert 0.1 < (best > 0.75).mean() < 0.4
    assert best.max() == pytest.approx(kit.SNR / (1 + kit.SNR), abs=0.03)


@pytest.mark.parametrize(("name", "shape", "first"), [
    ("co2", (2284, 1), "1958-03-29"),
    ("elnino", (732, 1), "1950-01-01"),
    ("macrodata", (203, 12), "1959-01-01"),
    ("sunspots", (309, 1), "1700-01-01"),
])  # fmt: skip
def test_real_series(name, shape, first):
    series = real_series(name)
    assert series.values.shape == shape and series.values.dtype == np.float32 and len(series.names) == shape[1]
    assert np.isfinite(series.values).all()
    assert series.stamps[0] == np.datetime64(first) and (np.diff(series.stamps).astype(int) > 0).all()


def test_elnino_runs_through_the_months_of_a_year_before_the_next():
    assert real_series("elnino").values[:14, 0] == pytest.approx(
        [23.11, 24.20, 25.37, 23.86, 23.03, 21.57, 20.63, 20.15, 19.67, 20.03, 20.02, 21.80, 24.19, 25.28], abs=1e-4
    )


def test_an_unknown_real_series_is_refused():
    with pytest.raises(ValueError, match="no real series is called 'tides'; there are co2"):
        real_series("tides")


def test_splits_share_no_step_but_the_past_of_a_first_forecast():
    series = lagged_factors(2, 1000)
    parts = {part: split(series, part, lookback=50) for part in ("train", "val", "test")}
    assert [len(p.values) for p in parts.values()] == [700, 150, 250]
    assert parts["val"].stamps[50] == parts["train"].stamps[-1] + 1 and parts["test"].stamps[50] == parts["val"].stamps[-1] + 1
    assert parts["train"].values.mean(0) == pytest.approx(np.zeros(2), abs=1e-5)
    assert parts["train"].values.std(0) == pytest.approx(np.ones(2), abs=1e-5)


def test_windows_pair_each_past_with_the_future_after_it():
    past, future = windows(np.arange(20, dtype=np.float32)[:, None], lookback=4, horizon=3, every=2)
    assert past.shape == (7, 4, 1) and future.shape == (7, 3, 1)
    assert past[1].flatten().tolist() == [2, 3, 4, 5] and future[1].flatten().tolist() == [6, 7, 8]
    assert future[-1].flatten().tolist() == [16, 17, 18]


def test_the_calendar_says_hour_weekday_day_and_day_of_year():
    stamps = np.array(["2018-01-01T00", "2018-01-07T23", "2020-12-31T12", "1959-07-01T06"], "datetime64[h]")
    expected = np.array([[0, 0, 0, 0], [23, 6, 6, 6], [12, 3, 30, 365], [6, 2, 0, 181]]) / [23, 6, 30, 365] - 0.5
    assert calendar(stamps) == pytest.approx(expected, abs=1e-6)
