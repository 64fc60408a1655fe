import numpy as np
import pytest

from harness.stats.steady import MINIMUM, WINDOW, settled, steady_from

NOISES = [0.0, 0.001, 0.01, 0.03]


def noisy(times, noise, seed=0):
    return times * np.exp(noise * np.random.default_rng(seed).standard_normal(len(times)))


def step_at_37(calls, height):
    return np.where(np.arange(calls) < 37, height, 1.0)


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("calls", [60, 100, 500])
@pytest.mark.parametrize("height", [10.0, 2.0, 1.3, 0.7])
def test_a_step_at_call_37_is_dropped_and_little_more(height, calls, noise):
    for seed in range(20):
        assert 37 <= steady_from(noisy(step_at_37(calls, height), noise, seed)) <= 60


@pytest.mark.parametrize("calls", [12, 40, 400])
def test_a_constant_series_drops_the_minimum(calls):
    assert steady_from([0.25] * calls) == MINIMUM


@pytest.mark.parametrize("noise", [0.001, 0.01, 0.06, 0.3])
def test_a_noisy_one_drops_hardly_more(noise):
    found = [steady_from(noisy(np.ones(100), noise, seed)) for seed in range(200)]
    assert np.median(found) == MINIMUM
    assert np.quantile(found, 0.95) <= MINIMUM + 3


def test_a_slow_first_call_is_dropped_and_the_rest_kept():
    assert steady_from([1.7] + [1.0] * 50) == MINIMUM
    assert steady_from([90.0, 3.0, 2.0] + [1.0] * 50) == 3


def test_a_decaying_warm_up_ends_where_what_is_left_of_it_is_in_the_noise():
    calls = np.arange(300)
    for seed in range(20):
        start = steady_from(noisy(1 + np.exp(-calls / 20), 0.01, seed))
        assert 0.005 < np.exp(-start / 20) < 0.05


def test_a_late_burst_of_other_load_is_not_warm_up():
    times = np.ones(100)
    times[80:] = 1.6
    assert steady_from(noisy(times, 0.01)) == MINIMUM


def test_what_never_settles_says_so():
    climbing = np.linspace(1.0, 3.0, 40)
    assert steady_from(climbing) == len(climbing)
    assert not settled(climbing)


@pytest.mark.parametrize(("times", "start"), [([], None), ([1.0], 1), ([1.0] * 5, MINIMUM)])
def test_a_handful_of_calls_drops_the_minimum_it_has(times, start):
    if start is None:
        with pytest.raises(ValueError, match="at least one number"):
            steady_from(times)
    else:
        assert steady_from(times) == start


def test_online_it_waits_for_a_window_after_the_minimum():
    flat = [1.0] * (MINIMUM + WINDOW)
    assert [settled(flat[:n]) for n in range(len(flat) + 1)] == [False] * (MINIMUM + WINDOW) + [True]


def test_online_a_falling_series_is_not_settled_until_its_fall_is_in_the_noise():
    calls = np.arange(200)
    times = noisy(1 + 2 * np.exp(-calls / 15), 0.01)
    first = next(n for n in calls[1:] if settled(times[:n]))
    assert 2 * np.exp(-(first - WINDOW) / 15) < 0.35
    assert not any(settled(times[:n]) for n in range(30))


def test_online_noise_alone_is_settled_nearly_always():
    rng = np.random.default_rng(1)
    assert np.mean([settled(rng.normal(1, 0.06, 12)) for _ in range(1000)]) >= 0.97
