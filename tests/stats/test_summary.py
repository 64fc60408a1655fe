import numpy as np
import pytest

from harness.stats.summary import summarize_latency

from .simulated import normal, two_modes


def test_a_bimodal_latency_shows_its_tails_and_says_that_it_is_two():
    rng = np.random.default_rng(0)
    found = summarize_latency(two_modes(rng, (5, 200), share=0.15, apart=50))
    assert found.p50 == pytest.approx(1.0, abs=0.01)
    assert found.p90 == pytest.approx(2.0, abs=0.05)
    assert found.p99 > 2.0
    assert found.multimodal
    assert not summarize_latency(normal(rng, (5, 200))).multimodal


def test_nothing_is_thrown_away():
    calm = [[1.0] * 99 + [50.0]] * 3
    found = summarize_latency(calm)
    assert (found.p50, found.p99, found.mean) == (1.0, 1.0, pytest.approx(1.49))
    assert summarize_latency([[1.0] * 97 + [50.0] * 3] * 3).p99 == 50.0
    assert found.samples == 300


def test_spread_within_and_between_processes_are_told_apart():
    rng = np.random.default_rng(1)
    effects = np.exp(0.2 * rng.standard_normal((40, 1)))
    found = summarize_latency(effects * (1 + 0.01 * rng.standard_normal((40, 100))))
    assert found.cv_within == pytest.approx(0.01, rel=0.1)
    assert found.cv_between == pytest.approx(0.2, rel=0.3)


def test_processes_weigh_the_same_however_many_samples_they_took():
    found = summarize_latency([[1.0] * 1000, [3.0] * 10])
    assert found.mean == pytest.approx(2.0)
    assert found.p90 == 3.0
    assert found.p50 == 2.0


def test_the_middle_is_the_one_the_interval_is_about():
    rng = np.random.default_rng(2)
    found = summarize_latency(normal(rng, (10, 30)))
    assert found.p50 == found.estimate.value
    assert found.estimate.n == 10
    assert found.estimate.contains(1.0)
    assert found.p50 <= found.p90 <= found.p99


def test_one_process_of_one_sample_is_told_as_what_it_is():
    found = summarize_latency([[0.5]])
    assert (found.p50, found.p90, found.p99, found.mean) == (0.5, 0.5, 0.5, 0.5)
    assert (found.cv_within, found.cv_between, found.multimodal) == (None, None, False)
    assert not found.estimate.has_interval
