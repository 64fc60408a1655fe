from functools import partial

import numpy as np
import pytest

from harness.stats.modes import has_several_modes

from .simulated import correlated, log_normal, normal, two_modes


def flagged(draw, n, times=400):
    rng = np.random.default_rng(n)
    return np.mean([has_several_modes(samples) for samples in draw(rng, (times, n))])


def uniform(rng, shape):
    return 1 + rng.random(shape)


def exponential(rng, shape):
    return 1 + 0.1 * rng.exponential(size=shape)


def heavy(rng, shape):
    return 10 + 0.1 * rng.standard_t(3, shape)


def rare_spikes(rng, shape):
    return 1 + 0.01 * rng.standard_normal(shape) + 2.0 * (rng.random(shape) < 0.03)


def coarse_timer(rng, shape):
    return np.round(200 + 4 * rng.standard_normal(shape))


@pytest.mark.parametrize("n", [20, 50, 200, 1000])
@pytest.mark.parametrize("draw", [normal, log_normal, heavy, exponential, uniform, correlated, rare_spikes, coarse_timer])
def test_one_mode_is_one_however_skewed_or_heavy(draw, n):
    assert flagged(draw, n) <= 0.03


@pytest.mark.parametrize(
    ("draw", "n", "least"),
    [
        (partial(two_modes, share=0.5, apart=6), 100, 0.95),
        (partial(two_modes, share=0.5, apart=4), 300, 0.90),
        (partial(two_modes, share=0.2, apart=6), 500, 0.80),
        (partial(two_modes, share=0.3, apart=50), 50, 0.90),
        (partial(two_modes, share=0.2, apart=50), 100, 0.95),
    ],
)
def test_two_are_found_where_there_is_a_valley_between(draw, n, least):
    assert flagged(draw, n) >= least


def test_an_exit_taken_early_or_late():
    assert has_several_modes([1.0, 2.0] * 10)
    assert has_several_modes([1.0] * 80 + [2.0] * 20)


def test_a_constant_a_handful_and_zeros_have_one_mode():
    assert not has_several_modes([1.0] * 100)
    assert not has_several_modes([1.0, 2.0] * 9)
    assert not has_several_modes([0.0] * 100)


def test_modes_within_a_percent_are_one():
    assert not has_several_modes([1.000, 1.008] * 50)
