import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.stats.estimate import Estimate
from harness.stats.location import hierarchical_median
from harness.stats.ratio import AGGREGATOR, paired_ratio, ratio_of, unpaired_ratio

from .simulated import pair


def in_turns(work_s, clock):
    """Lay the blocks of A and B out in the order A B B A A B B A ..., each as long as the clock makes it."""
    order = "".join("AB" if i % 2 == 0 else "BA" for i in range(len(clock) // 2))
    blocks = {"A": [], "B": []}
    for which, slow in zip(order, clock, strict=True):
        blocks[which].append(work_s[which] * slow)
    return blocks["A"], blocks["B"]


def test_the_ratio_is_subject_over_baseline():
    found = paired_ratio([[2.0, 2.2, 2.1, 2.1]] * 3, [[1.0, 1.1, 1.05, 1.05]] * 3)
    assert (found.value, found.n) == (pytest.approx(2.0), 3)


def test_a_linear_droop_of_the_clock_leaves_no_trace():
    slowing = np.linspace(1.0, 1.1, 40)
    a, b = in_turns({"A": 1.0, "B": 1.0}, slowing)
    assert paired_ratio([a], [b]).value == pytest.approx(1.0, abs=1e-3)
    first, then = slowing[:20], slowing[20:]
    assert paired_ratio([first], [then]).value == pytest.approx(0.95, abs=0.005)  # one after the other: 5% of nothing


def test_nor_with_noise_and_processes_that_differ():
    rng = np.random.default_rng(3)
    slowing = np.linspace(1.0, 1.1, 60)
    runs = [in_turns({"A": 1.0, "B": 1.0}, slowing * rng.normal(1, 0.03) * rng.normal(1, 0.005, 60)) for _ in range(10)]
    found = paired_ratio([a for a, _ in runs], [b for _, b in runs])
    assert abs(found.value - 1) < 0.01
    assert found.relative_half_width < 0.01


@pytest.mark.parametrize("blocks", [1, 2, 3, 7])
def test_odd_and_single_numbers_of_blocks_will_do(blocks):
    a, b = [[3.0] * blocks] * 2, [[2.0] * blocks] * 2
    assert paired_ratio(a, b).value == pytest.approx(1.5)


def test_a_burst_that_hits_some_blocks_is_left_to_the_tails():
    a = np.ones((10, 20))
    b = np.ones((10, 20))
    a[3, 5:9] = 8.0
    found = paired_ratio(a, b)
    assert found.value == pytest.approx(1.0)
    assert found.high == pytest.approx(1.0)


def test_one_process_has_a_ratio_and_no_interval_however_many_blocks():
    found = paired_ratio([[1.0] * 1000], [[2.0] * 1000])
    assert (found.value, found.low, found.high, found.n) == (pytest.approx(0.5), None, None, 1)


def test_the_aggregator_is_named_and_is_neither_of_the_two_that_disagree():
    # Two tasks: A takes 1 and 100 s, B takes 2 and 50 s. The ratio of means says A is 1.94 times slower, the mean of ratios 1.25,
    # the mean of the ratios upside down 1.25 too. On logarithms it is a draw.
    a, b = [[1.0], [100.0]], [[2.0], [50.0]]
    assert np.mean([1, 100]) / np.mean([2, 50]) == pytest.approx(1.942, abs=1e-3)
    assert np.mean([1 / 2, 100 / 50]) == np.mean([2 / 1, 50 / 100]) == 1.25
    assert paired_ratio([*a, [4.0]], [*b, [4.0]]).value == pytest.approx(1.0)
    assert AGGREGATOR == "median over processes of the ratio in each process"


@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(1, 6))
def test_changing_places_turns_the_ratio_upside_down(seed, processes, blocks):
    a, b = pair(np.random.default_rng(seed), 1.3, processes, blocks)
    there, back = paired_ratio(a, b), paired_ratio(b, a)
    assert back.value == pytest.approx(1 / there.value)
    if there.has_interval:
        assert (back.low, back.high) == (pytest.approx(1 / there.high), pytest.approx(1 / there.low))


@pytest.mark.parametrize(
    ("a", "b", "says"),
    [
        ([[1.0]], [[1.0], [1.0]], "1 processes of the subject and 2 of the baseline; give the same processes of both, at least one"),
        ([], [], "0 processes of the subject and 0 of the baseline; give the same processes of both, at least one"),
        ([[1.0, 1.0]], [[1.0]], "2 blocks of the subject and 1 of the baseline; they are taken in pairs"),
        ([[1.0, 0.0]], [[1.0, 1.0]], "sample 1 is 0.0; a ratio needs positive numbers"),
    ],
)
def test_what_does_not_pair_up_is_refused(a, b, says):
    with pytest.raises(ValueError) as error:
        paired_ratio(a, b)
    assert str(error.value) == says


def test_two_nights_are_compared_over_their_processes():
    rng = np.random.default_rng(4)
    nights = np.exp(0.02 * rng.standard_normal((2, 1000, 8)))
    found = [unpaired_ratio(1.05 * a[:, None], b[:, None]) for a, b in zip(*nights, strict=True)]
    assert 0.93 <= np.mean([ratio.contains(1.05) for ratio in found]) <= 0.97


def test_two_nights_without_any_spread_have_an_exact_ratio():
    assert unpaired_ratio([[3.0], [3.0]], [[2.0], [2.0]]).bounds == pytest.approx((1.5, 1.5))
    assert not unpaired_ratio([[3.0]], [[2.0], [2.0]]).has_interval


def test_stored_figures_give_a_ratio_with_an_interval_as_wide_as_both_demand():
    found = ratio_of(Estimate(2.0, 1.9, 2.1, 10), Estimate(1.0, 0.95, 1.05, 8))
    assert (found.value, found.n) == (pytest.approx(2.0), 8)
    assert found.low == pytest.approx(2 * np.exp(-np.hypot(np.log(2 / 1.9), np.log(1.05))))
    assert not ratio_of(Estimate(2.0, None, None, 1), Estimate(1.0, 0.95, 1.05, 8)).has_interval
    assert ratio_of(Estimate.exact(6), Estimate.exact(4)).bounds == pytest.approx((1.5, 1.5))


def test_stored_figures_cover_what_they_say_or_a_little_more():
    rng = np.random.default_rng(5)

    def night():
        return hierarchical_median(np.exp(0.02 * rng.standard_normal((10, 1))))

    assert 0.95 <= np.mean([ratio_of(night(), night()).contains(1.0) for _ in range(1500)]) <= 0.985


def test_nothing_is_divided_by_zero():
    with pytest.raises(ValueError, match="figures and intervals have to be positive"):
        ratio_of(Estimate.exact(1.0), Estimate.exact(0.0))
