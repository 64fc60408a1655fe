import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from harness.stats.estimate import Estimate
from harness.stats.location import BATCHES, LEAST_PER_BATCH, centre_estimate, hierarchical_median, mean_estimate, median_estimate
from harness.stats.order import enough_for_order_statistics, interpolated_depth

TIMES = st.lists(st.floats(1e-6, 1e3), min_size=2, max_size=60)


def test_one_sample_has_a_median_and_no_interval():
    assert median_estimate([3.0]) == Estimate(3.0, None, None, 1)
    assert mean_estimate([3.0]) == Estimate(3.0, None, None, 1)
    assert centre_estimate([3.0]) == Estimate(3.0, None, None, 1)


def test_six_samples_are_enough_for_order_statistics_at_95_percent_and_eight_at_99():
    assert next(n for n in range(2, 12) if enough_for_order_statistics(n, 0.95)) == 6
    assert next(n for n in range(2, 12) if enough_for_order_statistics(n, 0.99)) == 8


def test_fewer_samples_get_students_t_on_their_logarithms():
    times = [1.0, 1.1, 1.3]
    logs = np.log(times)
    low, high = np.exp(stats.t.interval(0.95, 2, logs.mean(), logs.std(ddof=1) / np.sqrt(3)))
    found = median_estimate(times)
    assert (found.value, found.n) == (1.1, 3)
    assert (found.low, found.high) == pytest.approx((low, high))


def test_values_that_are_not_all_positive_get_it_on_themselves():
    found = median_estimate([-1.0, 0.0, 1.0])
    assert (found.low, found.high) == pytest.approx(stats.t.interval(0.95, 2, 0, 1 / np.sqrt(3)))


def test_interpolated_depths_are_those_of_hettmansperger_and_sheather():
    # n = 10: depths 2 and 3 cover 97.85% and 89.06%. (97.85 - 95) / (97.85 - 89.06) = 0.3243 of the way; 8 x 0.3243 / (2 + 6 x 0.3243).
    assert interpolated_depth(10, 0.95) == pytest.approx(2.657, abs=1e-3)


def test_the_interval_of_a_short_series_lies_between_its_order_statistics():
    found = median_estimate(range(1, 11))
    assert (found.low, found.high) == pytest.approx((2.657, 11 - 2.657), abs=1e-3)


def test_a_process_is_one_repetition_however_many_samples_it_takes():
    few = [[1.00] * 5, [1.02] * 5, [1.04] * 5]
    many = [[1.00] * 500, [1.02] * 500, [1.04] * 500]
    assert hierarchical_median(few) == hierarchical_median(many)
    assert hierarchical_median(few).n == 3
    assert hierarchical_median(many[:1]) == Estimate(1.0, None, None, 1)


def test_correlated_samples_get_a_wider_interval_than_the_same_samples_shuffled():
    rng = np.random.default_rng(1)
    wandering = 10 + np.cumsum(0.05 * rng.standard_normal(200))
    shuffled = rng.permutation(wandering)
    assert median_estimate(wandering).relative_width > 2 * median_estimate(shuffled).relative_width
    assert median_estimate(wandering, independent=True) == median_estimate(shuffled, independent=True)


def test_an_alternating_series_has_an_interval_with_some_width():
    # Every batch holds as many above as below: taken at its word, the median would be known exactly.
    found = median_estimate([1.0, 2.0] * 40)
    assert found.low < found.value < found.high


def test_a_constant_series_is_known_exactly():
    assert median_estimate([2.5] * 100) == Estimate(2.5, 2.5, 2.5, 100)


def test_one_wild_process_of_ten_moves_neither_the_centre_nor_its_interval():
    calm = [0.010, 0.011, 0.012, 0.009, 0.010, 0.011, 0.008, 0.012, 0.010, 0.010]
    wild = [*calm[:-1], 3.0]
    assert centre_estimate(wild).value == pytest.approx(0.0105)
    assert centre_estimate(wild).high < 0.02
    assert mean_estimate(wild).high > 0.5


def test_centres_of_either_sign_are_never_put_on_logarithms():
    shifted = centre_estimate([101.0, 102.0, 106.0])
    assert centre_estimate([1.0, 2.0, 6.0]).bounds == pytest.approx(tuple(end - 100 for end in shifted.bounds))


@given(TIMES, st.floats(1e-3, 1e3))
def test_seconds_or_milliseconds_make_no_difference(times, factor):
    one, other = median_estimate(times), median_estimate(np.multiply(times, factor))
    assert (other.value, other.low, other.high) == pytest.approx(tuple(factor * x for x in (one.value, *one.bounds)), rel=1e-6)


@given(TIMES)
def test_more_confidence_never_narrows_an_interval(times):
    for estimate in (median_estimate, centre_estimate):
        low, high = estimate(times, 0.90).bounds
        lower, higher = estimate(times, 0.99).bounds
        slack = 1e-9 * max(map(abs, times))
        # Student's t takes over from order statistics where these do not reach; each is monotone, and so is the step.
        if enough_for_order_statistics(len(times), 0.99) or not enough_for_order_statistics(len(times), 0.90):
            assert lower <= low + slack and high <= higher + slack


def test_the_first_length_that_is_corrected_holds_enough_samples_a_batch():
    rng = np.random.default_rng(2)
    n = BATCHES * LEAST_PER_BATCH
    drifting = np.linspace(1, 2, n) + 0.01 * rng.standard_normal(n)
    assert median_estimate(drifting).relative_width > median_estimate(drifting, independent=True).relative_width
    assert median_estimate(drifting[1:]) == median_estimate(drifting[1:], independent=True)
