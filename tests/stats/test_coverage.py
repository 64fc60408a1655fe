"""Nominal 95% intervals hold the truth in 93 to 97% of simulated cases."""

from functools import partial

import numpy as np
import pytest

from harness.stats.location import centre_estimate, hierarchical_median, mean_estimate, median_estimate
from harness.stats.stopping import SEQUENTIAL_CONFIDENCE, StoppingRule

from .simulated import correlated, log_normal, normal, two_modes, two_modes_median

TRIALS = 3000


def covers(estimates, truth):
    return np.mean([estimate.contains(truth) for estimate in estimates])


@pytest.mark.parametrize("n", [8, 12, 40, 200])
@pytest.mark.parametrize(
    ("draw", "truth"),
    [
        pytest.param(normal, 1.0, id="normal"),
        pytest.param(log_normal, 1.0, id="log-normal"),
        pytest.param(two_modes, two_modes_median(), id="bimodal 70/30"),
        pytest.param(partial(two_modes, share=0.45, apart=4), two_modes_median(0.45, 4), id="bimodal 55/45"),
    ],
)
def test_intervals_of_the_median_cover_what_they_say(draw, truth, n):
    rng = np.random.default_rng(n)
    assert 0.93 <= covers((median_estimate(s) for s in draw(rng, (TRIALS, n))), truth) <= 0.97


@pytest.mark.parametrize(("rho", "n"), [(0.3, 50), (0.3, 200), (0.5, 60), (0.5, 200), (0.7, 150), (0.7, 400), (0.9, 800)])
def test_also_when_samples_remember_the_one_before(rho, n):
    rng = np.random.default_rng(int(100 * rho) + n)
    series = correlated(rng, (TRIALS, n), rho)
    assert 0.93 <= covers((median_estimate(s) for s in series), 1.0) <= 0.97
    assert covers((median_estimate(s, independent=True) for s in series[:500]), 1.0) < 0.92  # what the correction is for


@pytest.mark.parametrize("n", [3, 5])
@pytest.mark.parametrize("draw", [normal, log_normal])
def test_also_for_a_handful_of_samples(draw, n):
    rng = np.random.default_rng(n)
    assert 0.93 <= covers((median_estimate(s) for s in draw(rng, (TRIALS, n))), 1.0) <= 0.97


@pytest.mark.parametrize("processes", [3, 6, 10, 20])
def test_over_processes_though_their_own_samples_are_many_and_alike(processes):
    rng = np.random.default_rng(processes)
    effects = np.exp(0.03 * rng.standard_normal((1000, processes, 1)))
    trials = effects * np.exp(0.005 * rng.standard_normal((1000, processes, 40)))
    assert 0.93 <= covers((hierarchical_median(t) for t in trials), 1.0) <= 0.97
    # All samples in one heap, as if each were a repetition, would be wrong most of the time.
    assert covers((median_estimate(t.ravel(), independent=True) for t in trials[:200]), 1.0) < 0.5


@pytest.mark.parametrize("n", [3, 5, 10])
def test_of_means_over_seeds(n):
    rng = np.random.default_rng(n)
    assert 0.93 <= covers((mean_estimate(s) for s in normal(rng, (TRIALS, n))), 1.0) <= 0.97


@pytest.mark.parametrize(("n", "confidence"), [(5, 0.95), (10, 0.95), (20, 0.95), (10, 0.99)])
def test_of_centres_though_the_tails_are_heavy(n, confidence):
    rng = np.random.default_rng(n)
    heavy = rng.standard_t(3, (TRIALS, n))
    found = covers((centre_estimate(s, confidence) for s in heavy), 0.0)
    assert confidence - 0.01 <= found <= confidence + 0.025


@pytest.mark.parametrize("spread", [0.005, 0.01, 0.02, 0.03])
def test_after_a_stopping_rule_has_looked_at_every_process(spread):
    rng = np.random.default_rng(int(1000 * spread))
    rule = StoppingRule(width=0.02, min_processes=3, max_processes=20)

    def stopped(medians):
        for n in range(1, medians.size + 1):
            estimate = median_estimate(medians[:n], SEQUENTIAL_CONFIDENCE, independent=True)
            if rule.decide(estimate, elapsed_s=0.0):
                return estimate
        raise AssertionError("the most processes end it")

    trials = np.exp(spread * rng.standard_normal((800, 20)))
    assert 0.92 <= covers((stopped(t) for t in trials), 1.0) <= 0.98
