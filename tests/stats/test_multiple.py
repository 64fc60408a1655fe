import numpy as np
import pytest

from harness.stats.compare import CONFIDENCE, MARGIN, p_value
from harness.stats.estimate import Estimate
from harness.stats.location import centre_estimate
from harness.stats.multiple import benjamini_hochberg

PLUGINS = 156


def night(rng, shifts=()):
    """p-values of a night of comparisons over ten processes whose ratios spread 0.6%, with and without the margin."""
    logs = 0.006 * rng.standard_normal((PLUGINS, 10))
    logs[: len(shifts)] += np.log(shifts)[:, None] if len(shifts) else 0
    ratios = []
    for row in logs:
        centre = centre_estimate(row, CONFIDENCE)
        ratios.append(Estimate(*np.exp([centre.value, *centre.bounds]), n=10))
    return [p_value(r, CONFIDENCE, MARGIN) for r in ratios], [p_value(r, CONFIDENCE, margin=0.0) for r in ratios]


def test_the_textbook_example():
    # Benjamini and Hochberg (1995), section 3.2: 15 tests, four of which count at 5%.
    p = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000]
    assert benjamini_hochberg(p) == [True] * 4 + [False] * 11


def test_answers_come_in_the_order_of_the_questions():
    assert benjamini_hochberg([0.8, 0.001, 0.04]) == [False, True, False]
    assert benjamini_hochberg([]) == []


def test_a_rate_is_a_rate():
    assert benjamini_hochberg([0.04], rate=0.01) == [False]
    with pytest.raises(ValueError):
        benjamini_hochberg([1.5])


def test_nights_on_which_nothing_changed_raise_few_alarms():
    rng = np.random.default_rng(0)
    nights = [night(rng) for _ in range(40)]
    assert np.mean([sum(benjamini_hochberg(p)) for p, _ in nights]) <= 0.2
    # Even where a difference of any size counts; without the control it would be a dozen a night.
    assert np.mean([sum(benjamini_hochberg(p)) for _, p in nights]) <= 0.2
    assert np.mean([sum(x < 0.05 for x in p) for _, p in nights]) > 5


def test_a_planted_slow_down_of_5_percent_is_found_among_them():
    rng = np.random.default_rng(1)
    found = [benjamini_hochberg(night(rng, shifts=[1.05, 1 / 1.05])[0])[:2] for _ in range(25)]
    assert np.mean(found) >= 0.95
