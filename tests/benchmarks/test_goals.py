import pytest

from benchmarks import counting, isolation, overhead, rendering, startup
from harness.stats.estimate import Estimate


@pytest.mark.parametrize(("ratio", "met"), [(1.009, True), (1.011, False), (0.995, True), (0.97, False)])
def test_overhead_has_to_be_within_a_percent_either_way(ratio, met):
    goal = overhead.judge("matmul", Estimate(ratio, ratio - 0.001, ratio + 0.001, 10))
    assert goal.met is met and f"{ratio - 1:+.2%}" in goal.figure


@pytest.mark.parametrize(("spawn_s", "met"), [(2.6, True), (2.4, False)])
def test_isolation_has_to_be_twenty_five_times_cheaper(spawn_s, met):
    goal = isolation.judge(Estimate(0.1, 0.09, 0.11, 100), Estimate(spawn_s, spawn_s - 0.1, spawn_s + 0.1, 20))
    assert goal.met is met and goal.figure.startswith(f"{spawn_s / 0.1:.0f} times (")


def test_start_up_is_the_difference_turn_by_turn():
    imports = [0.2, 0.3, 0.4, 0.5, 0.6, 0.7]  # a machine that gets slower
    assert startup.judge([t + 0.1 for t in imports], imports).met is True
    assert startup.judge([t + 0.2 for t in imports], imports).met is False
    assert "+0.200 s" in startup.judge([t + 0.2 for t in imports], imports).figure


def test_a_command_that_fails_has_no_start_up():
    with pytest.raises(Exception, match="non-zero exit status"):
        startup.seconds(["false"])


PRINTED = """| case | first count, in plain calls |
| --- | ---: |
| LSTM | {calls} |

| case | truth | harness | torch |
| --- | ---: | --- | --- |
| LSTM | 655,360 | right, +0.5% | silent zero |
| softmax | 40,832 | {softmax} | right |
| **right** |  | **1 of 2** | **1 of 2** |

Truth: two a multiply-accumulate.
"""


def test_tables_of_the_counting_script_are_read_with_what_is_said_of_them():
    (cost, right), remarks = counting.parse(PRINTED.format(calls="4.1", softmax="right"))
    assert cost.rows == [["LSTM", "4.1"]] and right.headers == ["case", "truth", "harness", "torch"] and len(right.rows) == 3
    assert remarks == ["Truth: two a multiply-accumulate."]


@pytest.mark.parametrize(
    ("softmax", "met", "figure"), [("right", True, "2 of 2 right"), ("silent zero", False, "1 of 2 right; softmax silent zero")]
)
def test_counting_is_met_when_every_case_is_right_and_names_those_that_are_not(softmax, met, figure):
    _, right = counting.parse(PRINTED.format(calls="4.1", softmax=softmax))[0]
    goal = counting.judge_right(right)
    assert goal.met is met and goal.figure == figure


@pytest.mark.parametrize(("calls", "met", "figure"), [("19.9", True, "1 of 1"), ("20.0", False, "0 of 1; over: LSTM 20")])
def test_counting_has_to_cost_less_than_twenty_calls(calls, met, figure):
    goal = counting.judge_cost(counting.parse(PRINTED.format(calls=calls, softmax="right"))[0][0])
    assert goal.met is met and goal.figure == figure


def test_a_script_that_prints_no_such_table_is_an_error():
    for text in ("nothing", "| a | b |\n| --- | --- |\n| 1 | 2 |"):
        with pytest.raises(ValueError, match="printed no table with a column 'harness'"):
            counting.parse(text)


def test_goals_of_the_report_are_read_from_what_it_prints():
    text = "160 papers\n  render_s         21.50  goal 20  MISSED\n  cpu_s            9.00  \n  index_kib       120.00  goal 300  ok\n"
    assert [str(goal) for goal in rendering.goals(text)] == ["not met: render_s under 20: 21.50", "met: index_kib under 300: 120.00"]
