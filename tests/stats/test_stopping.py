import numpy as np
import pytest

from harness.stats.estimate import Estimate
from harness.stats.location import hierarchical_median
from harness.stats.stopping import StoppingRule, StopReason, no_narrower, relative_error

NARROW = Estimate(1.00, 0.99, 1.01, n=3)
WIDE = Estimate(1.00, 0.90, 1.10, n=3)


@pytest.fixture
def rule():
    return StoppingRule(width=0.02, min_processes=3, max_processes=20, budget_s=60)


def test_a_narrow_interval_ends_it(rule):
    assert rule.decide([NARROW], elapsed_s=5) is StopReason.WIDTH_REACHED
    assert rule.decide(NARROW, elapsed_s=5) is StopReason.WIDTH_REACHED


def test_a_wide_one_asks_for_another_process(rule):
    assert rule.decide([WIDE], elapsed_s=5) is None


def test_every_variant_has_to_be_narrow(rule):
    assert rule.decide([NARROW, WIDE], elapsed_s=5) is None


def test_two_processes_that_agree_by_luck_do_not(rule):
    assert rule.decide([Estimate(1.0, 1.0, 1.0, n=2)], elapsed_s=5) is None


def test_nothing_measured_yet_asks_for_a_process(rule):
    assert rule.decide([], elapsed_s=0) is None


def test_a_spent_budget_ends_it_whatever_the_interval(rule):
    assert rule.decide([WIDE], elapsed_s=60) is StopReason.BUDGET_SPENT
    assert rule.decide([NARROW], elapsed_s=60) is StopReason.WIDTH_REACHED
    assert rule.decide([Estimate(1.0, None, None, 1)], elapsed_s=61) is StopReason.BUDGET_SPENT


def test_so_does_the_last_process_allowed(rule):
    assert rule.decide([Estimate(1.0, 0.9, 1.1, n=20)], elapsed_s=5) is StopReason.MOST_PROCESSES


def test_quiet_machines_need_few_processes_and_noisy_ones_many(rule):
    rng = np.random.default_rng(0)

    def processes_needed(spread):
        medians = np.exp(spread * rng.standard_normal((20, 1)))
        return next(n for n in range(1, 21) if rule.decide(hierarchical_median(medians[:n]), elapsed_s=0))

    quiet = np.mean([processes_needed(0.003) for _ in range(100)])
    noisy = np.mean([processes_needed(0.03) for _ in range(100)])
    assert quiet < 3.5 and noisy > 12


def taken(samples, width):
    return next(n for n in range(1, len(samples) + 1) if no_narrower(samples[:n], width))


def test_inside_a_process_sampling_ends_when_its_error_no_longer_matters():
    samples = np.random.default_rng(1).normal(1, 0.05, 5000)
    assert taken(samples, 0.20) < 40 < taken(samples, 0.04) < 600  # the error has to be below 0.3 of half the width
    assert relative_error(samples[: taken(samples, 0.04)]) <= 0.3 * 0.02


def test_more_samples_than_that_would_not_narrow_the_interval_between_processes():
    rng = np.random.default_rng(2)
    effects = np.exp(0.02 * rng.standard_normal((300, 10, 1)))
    shown = np.exp(0.05 * rng.standard_normal((300, 10, 3000)))

    def width(samples):
        return np.median([hierarchical_median(e * s[:, :samples]).relative_width for e, s in zip(effects, shown, strict=True)])

    needed = int(np.median([taken(samples, 0.04) for samples in shown[0]]))
    assert width(needed) < 1.10 * width(3000)
    assert width(5) > 1.3 * width(3000)


def test_too_few_samples_decide_nothing_however_much_they_agree():
    assert not no_narrower([])
    assert not no_narrower([1.0] * 23)
    assert no_narrower([1.0] * 24)
    assert not no_narrower([1.0] * 49, least=50)
    assert no_narrower([1.0] * 50, least=50)
