import pytest

from benchmarks import precision
from benchmarks.fresh import Answer, FreshError
from benchmarks.functions import THREE
from benchmarks.precision import OURS, Standing, judge
from harness.stats.estimate import Estimate

REFERENCE = dict.fromkeys(THREE, Estimate(1.0, 0.99, 1.01, 40))
VALUES = dict.fromkeys(THREE, 1.0)


def standing(name, wall_s, error):
    found = {function: {"seconds": 1 + error, "half_width": 0.01, "samples": "3 processes"} for function in THREE}
    one = Standing(name)
    one.add(Answer(found, wall_s))
    return one


@pytest.mark.parametrize(
    ("peer", "met"),
    [
        ((5.0, 0.05), True),  # faster, but wrong
        ((20.0, 0.001), True),  # more right, but slower
        ((5.0, 0.005), False),
        ((5.0, -0.01), False),  # as far off on the other side
    ],
)
def test_a_peer_is_ahead_when_it_is_faster_and_no_less_right(peer, met):
    goal = judge([standing(OURS, 10.0, 0.01), standing("pyperf", *peer)], REFERENCE)
    assert goal.met is met and goal.figure.startswith("10.0 s at 1.00%; ")


def test_nothing_is_judged_without_ours_or_without_peers():
    assert judge([standing("pyperf", 1, 0)], REFERENCE).met is None
    assert judge([standing(OURS, 1, 0)], REFERENCE).met is None


def test_nothing_is_judged_against_a_reference_that_is_not_known_itself():
    vague = {**REFERENCE, "mlp": Estimate(1.0, 0.95, 1.05, 40)}
    goal = judge([standing(OURS, 10.0, 0.01), standing("pyperf", 5.0, 0.005)], vague)
    assert goal.met is None and goal.figure.startswith("the reference is known within ±5.0% only; 10.0 s at 1.00%; faster")


def test_errors_are_of_every_function_and_round():
    one = standing("pyperf", 1, 0.02)
    one.add(Answer({"mlp": {"seconds": 0.96, "half_width": 0.02, "samples": "5"}}, 3.0))
    assert one.errors(VALUES) == pytest.approx([0.02, 0.02, 0.04, 0.02]) and one.wall_s == pytest.approx(2.0)


def test_a_tool_that_fails_is_named_and_the_others_are_judged(monkeypatch):
    def answer(module, *arguments, timeout_s=0.0):
        if module.endswith("by_pyperf"):
            raise FreshError("benchmarks.peers.by_pyperf left with exit status 1; it said: No module named 'pyperf'")
        wall_s = 10.0 if module.endswith("ours") else 20.0
        return Answer({name: {"seconds": 1.0, "half_width": 0.01, "samples": "3 processes"} for name in THREE}, wall_s)

    monkeypatch.setattr(precision, "run_fresh", answer)
    section = precision.run(precision.Extent(quick=True))
    assert [row[0] for row in section.tables[1].rows] == [OURS, "torch blocked_autorange", "pytest-benchmark"]
    assert "pyperf failed in a round" in section.remarks[-1] and "No module named 'pyperf'" in section.remarks[-1]
    assert section.goals[0].met is True
    assert section.remarks[0] == "Behind the last figures of harness.profile: 3 processes / 3 processes / 3 processes."
    assert "4 bare-loop processes" in section.method
