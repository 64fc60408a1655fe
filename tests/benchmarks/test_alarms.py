import numpy as np
import pytest
import torch

from benchmarks import alarms
from benchmarks.alarms import BASELINE, RULES, SAME, SLOWER, counted, judge, ours, outcomes, resampled
from benchmarks.resnet import Slowed, SmallResNet, build, images
from harness.stats.compare import PROCESSES


def trial(rng, slower=1.03, blocks=30, within=0.005):
    """A comparison on a machine whose processes differ by 5%, interleaving undisturbed."""
    levels = rng.normal(1, 0.05, PROCESSES)
    factors = {BASELINE: 1.0, SAME: 1.0, SLOWER: slower}
    return {name: [list(level * factor * rng.normal(1, within, blocks)) for level in levels] for name, factor in factors.items()}


def test_our_rule_is_quiet_on_the_same_code_and_finds_three_percent():
    trials = [trial(np.random.default_rng(seed)) for seed in range(30)]
    assert counted(ours, trials) == (0, 30)
    assert [goal.met for goal in judge(trials)] == [True, True, True]


def test_an_alarm_in_the_wrong_direction_is_no_hit():
    trials = [trial(np.random.default_rng(seed), slower=0.97) for seed in range(5)]
    assert counted(ours, trials) == (0, 0)
    assert [goal.met for goal in judge(trials)] == [False, True, False]


def test_the_goal_of_false_alarms_can_be_missed():
    trials = [{**t, SAME: t[SLOWER]} for t in (trial(np.random.default_rng(seed)) for seed in range(5))]
    alarms_goal = judge(trials)[1]
    assert alarms_goal.met is False and alarms_goal.figure == "5 of 5"


@pytest.mark.parametrize(("slower", "met"), [(1.03, True), (1.041, False), (1.02, False)])
def test_a_plant_of_another_size_is_told_beside_the_hits(monkeypatch, slower, met):
    trials = [trial(np.random.default_rng(seed), slower) for seed in range(10)]
    monkeypatch.setattr(alarms, "collect", lambda wanted, limit_s: trials)
    section = alarms.run(alarms.Extent(quick=True))
    assert section.goals[0].met is met
    assert section.tables[0].headers[2] == f"hits, measured {slower - 1:.1%} slower"


def test_rules_of_one_process_a_side_see_the_spread_between_processes_as_a_change():
    trials = [trial(np.random.default_rng(seed)) for seed in range(40)]
    for name in ("pyperf, t-test", "asv, Mann-Whitney"):
        false, _ = counted(RULES[f"{name}, one process a side"], trials)
        assert false > 28
        assert counted(RULES[f"{name}, all processes pooled"], trials)[0] <= 2  # interleaving helps them as well
    assert counted(RULES["TorchBench, 7% of medians, all processes pooled"], trials) == (0, 0)


def test_rules_of_one_process_a_side_use_two_different_processes_and_as_many_blocks_of_both():
    seen = []
    rule = alarms.one_process(lambda baseline, subject: bool(seen.append((list(baseline), list(subject)))))
    rule([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], [[7.0, 8.0], [9.0, 10.0]])
    assert seen == [([7.0, 8.0], [4.0, 5.0])]


def test_resampled_comparisons_are_made_of_real_processes_that_keep_their_place():
    real = [{name: [[k + i / 10, 0.0] for i in range(PROCESSES)] for name in (BASELINE, SAME, SLOWER)} for k in range(1, 5)]
    made = resampled(real, 20)
    assert len(made) == 20 and made != resampled(real, 20, seed=1)
    for one in made:
        assert one[BASELINE] == one[SAME] == one[SLOWER]
        for place, blocks in enumerate(one[BASELINE]):
            assert blocks in [t[BASELINE][place] for t in real]
    assert resampled(real, 0) == []


def test_outcomes_count_every_comparison_once():
    trials = [trial(np.random.default_rng(seed)) for seed in range(10)]
    for row in outcomes(trials).rows:
        assert sum(int(cell) for cell in row[1:5]) == 10


def test_a_section_says_how_many_comparisons_were_real(monkeypatch):
    monkeypatch.setattr(alarms, "collect", lambda wanted, limit_s: [trial(np.random.default_rng(seed)) for seed in range(2)])
    section = alarms.run(alarms.Extent(quick=True))
    assert "2 comparisons were measured in the time given" in section.remarks[1] and "the other 1 were put together" in section.remarks[1]
    assert [row[0] for row in section.tables[0].rows] == list(RULES)


def test_the_slowed_network_computes_the_same_and_spins_out_its_own_time(monkeypatch):
    assert torch.equal(build()(images()), build(0.03)(images()))
    ticks = iter([0.0, 1.0, 1.01, 1.02, 1.031])  # start, end of the call, then looks at the clock until 1.03 is past
    monkeypatch.setattr("benchmarks.resnet.time.thread_time", lambda: next(ticks))
    Slowed(SmallResNet(), 0.03)(images())
    assert next(ticks, None) is None


def test_the_network_that_it_is_compared_with_looks_at_the_clock_as_well(monkeypatch):
    ticks = iter([0.0, 1.0, 1.001])
    monkeypatch.setattr("benchmarks.resnet.time.thread_time", lambda: next(ticks))
    build()(images())
    assert next(ticks, None) is None


def test_comparisons_go_on_in_sessions_until_there_are_enough_or_the_time_is_over(monkeypatch):
    asked = []
    clock = iter(range(0, 1000, 10))
    monkeypatch.setattr(alarms.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(alarms, "_session", lambda comparisons, until: asked.append(comparisons) or [{}] * comparisons)
    assert len(alarms.collect(12, 1e9)) == 12 and asked == [5, 5, 2]
    assert len(alarms.collect(100, 25)) == 15
    assert len(alarms.collect(100, 0)) == 5


@pytest.mark.slow
def test_a_real_comparison_has_ten_processes_of_three_networks():
    (real,) = alarms.collect(1, 0)
    assert set(real) == {BASELINE, SAME, SLOWER}
    assert all(len(blocks) == PROCESSES and min(map(len, blocks)) >= 6 for blocks in real.values())
