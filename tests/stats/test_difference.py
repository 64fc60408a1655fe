import numpy as np
import pytest

from harness.stats.difference import difference_of, paired_difference
from harness.stats.estimate import Estimate


def test_seeds_that_are_shared_cancel_what_they_share():
    seeds = np.array([0.80, 0.90, 0.70])
    found = paired_difference(seeds + np.array([0.010, 0.011, 0.009]), seeds)
    assert found.value == pytest.approx(0.010)
    assert found.high - found.low < 0.006


def test_one_figure_of_both_for_every_seed():
    with pytest.raises(ValueError, match="3 figures of the subject and 2 of the baseline"):
        paired_difference([1, 2, 3], [1, 2])


def test_stored_figures_are_subtracted_with_arms_added_as_squares():
    found = difference_of(Estimate(5.0, 2.0, 6.0, 3), Estimate(1.0, 0.0, 5.0, 5))
    assert found == Estimate(4.0, 4.0 - 5.0, 4.0 + np.sqrt(2), 3)  # down: 3 and 4; up: 1 and 1
    assert not difference_of(Estimate(5.0, None, None, 1), Estimate.exact(1.0)).has_interval
    assert difference_of(Estimate.exact(5), Estimate.exact(3)) == Estimate.exact(2)
