import numpy as np
import pytest

from harness.stats.estimate import Estimate
from harness.stats.growth import DIGITS, fit_exponent
from harness.stats.location import hierarchical_median

SIZES = np.array([64, 128, 256, 512, 1024])
PLANTED = {"n": SIZES * 1.0, "n log n": SIZES * np.log2(SIZES), "n^2": SIZES**2.0, "n^3": SIZES**3.0, "constant": np.ones(5)}


def slope(y):
    return np.polyfit(np.log(SIZES), np.log(y), 1)[0]


@pytest.mark.parametrize("growth", PLANTED)
def test_planted_growth_is_recovered(growth):
    rng = np.random.default_rng(0)
    truth = slope(PLANTED[growth])
    times = 1e-6 * PLANTED[growth]
    samples = [t * np.exp(0.05 * rng.standard_normal(30)) for t in times]
    estimates = [hierarchical_median(t * np.exp(0.05 * rng.standard_normal((6, 30)))) for t in times]
    for y in (times, samples, estimates):
        found = fit_exponent(SIZES, y)
        assert abs(found.value - truth) < 0.1
        assert found.n == 5
        assert found.contains(round(truth, DIGITS))


def test_n_log_n_has_the_exponent_of_its_points_not_1():
    assert fit_exponent(SIZES, PLANTED["n log n"]).value == pytest.approx(1.18, abs=0.01)


@pytest.mark.parametrize("processes", [6, 10])
def test_intervals_of_the_exponent_cover_what_they_say(processes):
    rng = np.random.default_rng(processes)

    def once():
        return fit_exponent(
            SIZES, [hierarchical_median(t * np.exp(0.05 * rng.standard_normal((processes, 1)))) for t in PLANTED["n log n"]]
        )

    found = np.mean([once().contains(slope(PLANTED["n log n"])) for _ in range(800)])
    assert 0.93 <= found <= 0.99


def test_scatter_about_the_line_makes_the_interval_where_points_have_none():
    rng = np.random.default_rng(1)
    found = np.mean([fit_exponent(SIZES, SIZES * np.exp(0.1 * rng.standard_normal(5))).contains(1.0) for _ in range(1000)])
    assert 0.93 <= found <= 0.97


def test_points_known_exactly_give_an_exact_exponent_bend_or_not():
    found = fit_exponent([10, 20, 40], [Estimate.exact(100), Estimate.exact(400), Estimate.exact(1600)])
    assert found == Estimate(2.0, 2.0, 2.0, n=3)
    cubes = [Estimate.exact(7 * n**3) for n in (14, 28, 56)]
    assert fit_exponent([14, 28, 56], cubes).bounds == (3.0, 3.0)


def test_two_numbers_have_a_slope_and_no_interval():
    found = fit_exponent([1, 10], [1.0, 100.0])
    assert (found.value, found.low, found.high) == (pytest.approx(2.0), None, None)
    assert fit_exponent([1, 10], [Estimate(1.0, 0.9, 1.1, 5), Estimate(100.0, 90, 110, 5)]).has_interval


def test_arms_stretch_the_side_they_belong_to():
    # Only the last point may be higher: the exponent may be higher, not lower.
    found = fit_exponent([1, 10], [Estimate.exact(1.0), Estimate(100.0, 100.0, 1000.0, 5)])
    assert (found.low, found.value, found.high) == pytest.approx((2.0, 2.0, 3.0))
    # Only the first: lower.
    found = fit_exponent([1, 10], [Estimate(1.0, 1.0, 10.0, 5), Estimate.exact(100.0)])
    assert (found.low, found.value, found.high) == pytest.approx((1.0, 2.0, 2.0))


@pytest.mark.parametrize(
    ("x", "y", "says"),
    [
        ([1, 2], [1.0], "2 sizes, 2 of them different, and 1 figures; give one figure a size, two sizes or more"),
        ([2, 2], [1.0, 2.0], "2 sizes, 1 of them different, and 2 figures; give one figure a size, two sizes or more"),
        ([0, 2], [1.0, 2.0], "sample 0 is 0.0; a ratio needs positive numbers"),
        ([1, 2], [1.0, -2.0], "sample 1 is -2.0; a ratio needs positive numbers"),
    ],
)
def test_what_has_no_exponent_is_refused(x, y, says):
    with pytest.raises(ValueError) as error:
        fit_exponent(x, y)
    assert str(error.value) == says
