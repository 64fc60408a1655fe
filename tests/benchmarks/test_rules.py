import numpy as np
import pytest
from scipy import stats

from benchmarks.rules import _pyperf_critical, asv_alarms, pyperf_alarms, torchbench_alarms

RULES = [pyperf_alarms, asv_alarms, torchbench_alarms]


@pytest.mark.parametrize("rule", RULES)
def test_a_doubling_alarms_every_rule_and_equal_samples_none(rule):
    times = np.random.default_rng(0).normal(1, 0.02, 40)
    assert rule(times, 2 * times)
    assert not rule(times, times)
    assert rule([1.0] * 10, [2.0] * 10)


@pytest.mark.parametrize(
    ("freedom", "critical"), [(1, 12.706), (10, 2.228), (30, 2.042), (39, 2.042), (78, 2.000), (150, 1.984), (200, 1.960)]
)
def test_pyperfs_critical_values_are_those_of_its_table(freedom, critical):
    assert _pyperf_critical(freedom) == pytest.approx(critical, abs=5e-4)


def test_pyperfs_rule_is_students_test():
    rng = np.random.default_rng(1)
    for _ in range(200):
        a, b = rng.normal(1, 0.1, 11), rng.normal(1.05, 0.1, 11)
        assert pyperf_alarms(a, b) == (stats.ttest_ind(a, b).pvalue <= 0.05)
    with pytest.raises(ValueError, match="3 and 2 values"):
        pyperf_alarms([1, 2, 3], [1, 2])


def test_asvs_rule_is_mann_whitneys_at_two_in_a_thousand():
    assert asv_alarms(range(1, 8), range(8, 15))  # 2 / C(14, 7) = 0.0006
    assert not asv_alarms(range(1, 8), [1.5, *range(8, 14)])
    assert not asv_alarms(range(1, 7), range(7, 13))  # 2 / C(12, 6) = 0.0022: asked, though six cannot say yes


def test_asvs_rule_needs_six_samples_and_compare_hides_what_is_under_its_factor():
    with pytest.raises(ValueError, match="5 and 5 samples cannot reach"):
        asv_alarms([1] * 5, [2] * 5)
    a = np.random.default_rng(2).normal(1, 0.001, 40)
    assert asv_alarms(a, 1.05 * a)
    assert not asv_alarms(a, 1.05 * a, factor=1.1)
    assert asv_alarms(a, a / 1.2, factor=1.1)


def test_torchbenchs_rule_is_seven_percent_of_the_median_either_way():
    assert not torchbench_alarms([1.0] * 3, [1.069] * 3)
    assert torchbench_alarms([1.0] * 3, [1.071] * 3)
    assert torchbench_alarms([1.0] * 3, [0.929] * 3)
    assert not torchbench_alarms([1.0, 1.0, 9.0], [1.0, 1.0, 99.0])


def test_rules_that_pool_processes_cry_wolf_where_ours_does_not():
    from harness.stats.compare import Outcome, compare

    rng = np.random.default_rng(3)

    def process(size=40):
        return rng.normal(1, 0.05) * rng.normal(1, 0.005, size)

    alarms = {rule.__name__: np.mean([rule(process(), process()) for _ in range(100)]) for rule in RULES}
    assert alarms["pyperf_alarms"] > 0.7 and alarms["asv_alarms"] > 0.7 and alarms["torchbench_alarms"] > 0.15

    def ours():
        shared = rng.normal(1, 0.05, (10, 1))
        return compare(*(shared * rng.normal(1, 0.005, (10, 20)) for _ in range(2))).outcome

    assert all(ours() is Outcome.SAME for _ in range(100))
