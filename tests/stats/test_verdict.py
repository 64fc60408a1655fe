import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.stats.estimate import Estimate
from harness.stats.ratio import paired_ratio, ratio_of
from harness.stats.verdict import Kind, Reason, judge_difference, judge_exponent, judge_order, judge_ratio, judge_value

from .simulated import pair


def interval(low, high):
    return Estimate((low + high) / 2, low, high, n=10)


UNKNOWN = Estimate(0.5, None, None, n=1)
ENDS = st.floats(0.05, 20)


def test_a_planted_method_twice_as_slow_refutes_twice_as_fast_and_upholds_half_as_fast():
    slow = paired_ratio(*pair(np.random.default_rng(0), shift=2.0))
    assert judge_ratio(slow, claimed=1 / 2, lower_is_better=True).kind is Kind.REFUTED
    # "0.5x the speed": the time may be 2.01 times the baseline's, the interval is narrow enough to say so.
    assert judge_ratio(slow, claimed=2.01, lower_is_better=True).kind is Kind.UPHELD
    fast = paired_ratio(*pair(np.random.default_rng(1), shift=2.0)[::-1])
    assert judge_ratio(fast, claimed=1 / 1.9, lower_is_better=True).kind is Kind.UPHELD


def test_a_noisy_tie_is_inconclusive():
    tie = paired_ratio(*pair(np.random.default_rng(2), ratio_between=0.3))
    assert judge_ratio(tie, claimed=1 / 1.4, lower_is_better=True).kind is Kind.INCONCLUSIVE
    assert judge_order(tie, lower_is_better=True).kind is Kind.INCONCLUSIVE


@pytest.mark.parametrize(
    ("low", "high", "kind", "reason"),
    [
        (0.40, 0.45, Kind.UPHELD, Reason.REACHES_CLAIM),
        (0.45, 0.50, Kind.UPHELD, Reason.REACHES_CLAIM),
        (0.45, 0.55, Kind.CONSISTENT, Reason.INCLUDES_CLAIM),
        (0.50, 0.99, Kind.CONSISTENT, Reason.INCLUDES_CLAIM),
        (0.60, 0.90, Kind.DIRECTION_ONLY, Reason.SHORT_OF_CLAIM),
        (0.60, 1.00, Kind.INCONCLUSIVE, Reason.CLAIM_EXCLUDED),
        (0.98, 1.02, Kind.INCONCLUSIVE, Reason.CLAIM_EXCLUDED),
        (0.40, 1.10, Kind.INCONCLUSIVE, Reason.INCLUDES_NO_EFFECT),
        (1.01, 1.05, Kind.REFUTED, Reason.WRONG_DIRECTION),
        (1.95, 2.05, Kind.REFUTED, Reason.WRONG_DIRECTION),
    ],
)
def test_twice_as_fast(low, high, kind, reason):
    verdict = judge_ratio(interval(low, high), claimed=0.5, lower_is_better=True)
    assert (verdict.kind, verdict.reason) == (kind, reason)
    # Throughput says the same upside down.
    upside_down = judge_ratio(interval(1 / high, 1 / low), claimed=2.0, lower_is_better=False)
    assert upside_down == verdict


@pytest.mark.parametrize(
    ("low", "high", "kind", "reason"),
    [
        (0.50, 0.60, Kind.UPHELD, Reason.REACHES_CLAIM),
        (0.90, 1.10, Kind.UPHELD, Reason.REACHES_CLAIM),
        (1.50, 1.83, Kind.UPHELD, Reason.REACHES_CLAIM),
        (1.80, 1.90, Kind.CONSISTENT, Reason.INCLUDES_CLAIM),
        (0.90, 2.00, Kind.CONSISTENT, Reason.INCLUDES_CLAIM),
        (1.84, 1.90, Kind.REFUTED, Reason.MISSES_BOUND),
    ],
)
def test_costs_at_most_1_83_times(low, high, kind, reason):
    verdict = judge_ratio(interval(low, high), claimed=1.83, lower_is_better=True)
    assert (verdict.kind, verdict.reason) == (kind, reason)


def test_no_slower_than_the_baseline_is_a_bound():
    assert judge_ratio(interval(0.9, 1.0), 1.0, lower_is_better=True).kind is Kind.UPHELD
    assert judge_ratio(interval(0.9, 1.1), 1.0, lower_is_better=True).kind is Kind.CONSISTENT
    assert judge_ratio(interval(1.1, 1.2), 1.0, lower_is_better=True).kind is Kind.REFUTED


def test_nothing_under_the_margin_is_claimed():
    def judged(low, high, claimed):
        return judge_ratio(interval(low, high), claimed, lower_is_better=True, margin=0.01).kind

    assert judged(0.991, 0.995, claimed=0.5) is Kind.INCONCLUSIVE  # faster, by less than two builds of one model differ
    assert judged(0.980, 0.985, claimed=0.5) is Kind.DIRECTION_ONLY
    assert judged(1.004, 1.008, claimed=0.5) is Kind.INCONCLUSIVE
    assert judged(1.020, 1.030, claimed=0.5) is Kind.REFUTED
    assert judged(0.502, 0.504, claimed=0.5) is Kind.CONSISTENT  # misses by less than 1%
    assert judged(0.510, 0.520, claimed=0.5) is Kind.DIRECTION_ONLY
    assert judged(1.002, 1.006, claimed=1.0) is Kind.CONSISTENT


@pytest.mark.parametrize(
    ("low", "high", "kind", "reason"),
    [
        (0.42, 0.58, Kind.UPHELD, Reason.INSIDE_RANGE),
        (0.40, 0.60, Kind.UPHELD, Reason.INSIDE_RANGE),
        (0.35, 0.50, Kind.CONSISTENT, Reason.OVERLAPS_RANGE),
        (0.55, 0.70, Kind.CONSISTENT, Reason.OVERLAPS_RANGE),
        (0.30, 0.70, Kind.CONSISTENT, Reason.OVERLAPS_RANGE),
        (0.20, 0.30, Kind.DIRECTION_ONLY, Reason.BETTER_THAN_RANGE),
        (0.70, 0.80, Kind.DIRECTION_ONLY, Reason.SHORT_OF_CLAIM),
        (0.50, 1.10, Kind.INCONCLUSIVE, Reason.INCLUDES_NO_EFFECT),
        (0.90, 1.10, Kind.INCONCLUSIVE, Reason.CLAIM_EXCLUDED),
        (1.10, 1.20, Kind.REFUTED, Reason.WRONG_DIRECTION),
    ],
)
def test_a_range_of_ratios_is_lain_in(low, high, kind, reason):
    verdict = judge_ratio(interval(low, high), claimed=(0.4, 0.6), lower_is_better=True)
    assert (verdict.kind, verdict.reason) == (kind, reason)
    assert judge_ratio(interval(1 / high, 1 / low), claimed=(1 / 0.6, 1 / 0.4), lower_is_better=False) == verdict


def test_a_range_around_no_effect_is_judged_as_a_bound():
    assert judge_ratio(interval(0.98, 1.02), (0.95, 1.05), lower_is_better=True).kind is Kind.UPHELD
    assert judge_ratio(interval(0.98, 1.20), (0.95, 1.05), lower_is_better=True).kind is Kind.CONSISTENT
    assert judge_ratio(interval(1.10, 1.20), (0.95, 1.05), lower_is_better=True).reason is Reason.MISSES_BOUND
    assert judge_ratio(interval(0.70, 0.80), (0.95, 1.05), lower_is_better=True).reason is Reason.BETTER_THAN_RANGE


def test_an_accuracy_drop_below_three_quarters_of_a_point():
    def judged(low, high):
        return judge_difference(interval(low, high), claimed=-0.0075, lower_is_better=False).kind

    assert judged(-0.005, 0.001) is Kind.UPHELD
    assert judged(-0.009, -0.004) is Kind.CONSISTENT
    assert judged(-0.020, -0.010) is Kind.REFUTED


def test_an_accuracy_gain_of_two_points():
    def judged(low, high):
        return judge_difference(interval(low, high), claimed=0.02, lower_is_better=False).kind

    assert judged(0.021, 0.03) is Kind.UPHELD
    assert judged(0.015, 0.03) is Kind.CONSISTENT
    assert judged(0.005, 0.01) is Kind.DIRECTION_ONLY
    assert judged(-0.01, 0.01) is Kind.INCONCLUSIVE
    assert judged(-0.03, -0.01) is Kind.REFUTED


def test_a_value_is_reached_includes_the_claim_or_misses_it():
    lossless = {"claimed": 1e-5, "lower_is_better": True}
    assert judge_value(Estimate.exact(3e-7), **lossless).kind is Kind.UPHELD
    assert judge_value(interval(0.9e-5, 1.1e-5), **lossless).kind is Kind.CONSISTENT
    assert judge_value(Estimate.exact(2e-2), **lossless).kind is Kind.REFUTED
    assert judge_value(interval(0.70, 0.74), (0.75, 0.77), lower_is_better=False).kind is Kind.REFUTED
    assert judge_value(interval(0.79, 0.80), (0.75, 0.77), lower_is_better=False).reason is Reason.BETTER_THAN_RANGE


def test_growth_from_the_sixth_power_to_the_third():
    assert judge_exponent(interval(2.8, 3.0), claimed=3).kind is Kind.UPHELD
    assert judge_exponent(interval(2.9, 3.1), claimed=3).kind is Kind.CONSISTENT
    assert judge_exponent(interval(3.2, 3.4), claimed=3).kind is Kind.REFUTED


def test_an_order_is_upheld_refuted_or_open():
    assert judge_order(interval(0.8, 0.9), lower_is_better=True).kind is Kind.UPHELD
    assert judge_order(interval(0.8, 0.9), lower_is_better=False).kind is Kind.REFUTED
    assert judge_order(interval(0.99, 0.995), lower_is_better=True, margin=0.01).kind is Kind.INCONCLUSIVE
    assert judge_order(interval(0.01, 0.02), lower_is_better=False, no_effect=0.0).kind is Kind.UPHELD
    assert judge_order(interval(-0.01, 0.02), lower_is_better=False, no_effect=0.0).kind is Kind.INCONCLUSIVE


@pytest.mark.parametrize(
    "judge",
    [
        lambda e: judge_ratio(e, 0.6, True),
        lambda e: judge_ratio(e, (0.2, 0.6), True),
        lambda e: judge_difference(e, 0.6, True),
        lambda e: judge_value(e, 0.6, True),
        lambda e: judge_exponent(e, 0.6),
        lambda e: judge_order(e, True),
    ],
)
def test_a_point_without_interval_decides_nothing(judge):
    verdict = judge(UNKNOWN)
    assert (verdict.kind, verdict.reason) == (Kind.INCONCLUSIVE, Reason.NO_INTERVAL)


def test_exact_counts_reach_a_claim_that_differs_by_rounding_only():
    third = Estimate(1 / 3 + 2e-16, 1 / 3 + 1e-16, 1 / 3 + 3e-16, n=1)
    assert judge_ratio(third, claimed=1 / 3, lower_is_better=True).kind is Kind.UPHELD
    assert judge_ratio(ratio_of(Estimate.exact(5), Estimate.exact(7)), 1 / 1.4, lower_is_better=True).kind is Kind.UPHELD
    assert judge_value(Estimate.exact(0.1 + 0.2), claimed=0.3, lower_is_better=True).kind is Kind.UPHELD
    assert judge_value(Estimate.exact(0.3 + 1e-8), claimed=0.3, lower_is_better=True).kind is Kind.REFUTED


def test_a_ratio_of_nothing_cannot_be_claimed():
    with pytest.raises(ValueError, match="the claimed ratio is 0; a ratio is positive"):
        judge_ratio(interval(0.9, 1.1), claimed=0, lower_is_better=True)


RANKS = {Kind.REFUTED: 0, Kind.INCONCLUSIVE: 1, Kind.DIRECTION_ONLY: 2, Kind.CONSISTENT: 3, Kind.UPHELD: 4}


@given(ENDS, ENDS, ENDS, st.floats(1.0, 3.0))
def test_a_better_interval_never_gets_a_worse_verdict(claimed, a, b, better):
    low, high = sorted((a, b))
    worse = judge_ratio(interval(low, high), claimed, lower_is_better=True)
    improved = judge_ratio(interval(low / better, high / better), claimed, lower_is_better=True)
    assert RANKS[improved.kind] >= RANKS[worse.kind]


@given(ENDS, ENDS, ENDS)
def test_the_verdict_means_what_it_says(claimed, a, b):
    low, high = sorted((a, b))
    kind = judge_ratio(interval(low, high), claimed, lower_is_better=True).kind
    gain = claimed < 1
    assert (kind is Kind.UPHELD) == (high <= claimed)
    assert (kind is Kind.CONSISTENT) == (low <= claimed < high and not (gain and high >= 1))
    assert (kind is Kind.DIRECTION_ONLY) == (gain and claimed < low and high < 1)
    assert (kind is Kind.INCONCLUSIVE) == (gain and low <= 1 <= high)
    assert (kind is Kind.REFUTED) == (low > max(claimed, 1.0))


@given(ENDS, ENDS, ENDS, st.floats(0, 0.05))
def test_ratios_and_their_inverses_are_judged_alike(claimed, a, b, margin):
    low, high = sorted((a, b))
    assert (
        judge_ratio(interval(low, high), claimed, True, margin).kind
        == judge_ratio(interval(1 / high, 1 / low), 1 / claimed, False, margin).kind
        or np.isclose([low, high], claimed, rtol=0.06).any()
    )
