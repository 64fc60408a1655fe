"""The timing protocol on a clock that the tests own."""

import pytest
import torch

from harness.meters import blocks
from harness.meters.base import Effort
from harness.meters.blocks import interleave
from harness.meters.latency import LatencyMeter, drawn_order
from harness.meters.workbench import Subject
from harness.plugin.values import Data, Work
from harness.sources import clock
from harness.sources.guards import GuardReading
from harness.testing import bench

X = torch.ones(4, 8)
SLOW_DATA = """
import time
from harness import Data, Paper, Variant, hookimpl

@hookimpl
def paper():
    return Paper(slug="slow", title="T", arxiv="", year=2024, family="toys", task="t", method="m",
                 variants=[Variant("a", "x", subject=True), Variant("b", "y")])

@hookimpl
def model(variant):
    import torch
    time.sleep(0.2)
    return torch.nn.Identity()

@hookimpl
def data(split):
    import torch
    time.sleep(0.2)
    return Data((torch.ones(4, 2),))
"""


@pytest.fixture
def ticking():
    with clock.FakeClock() as fake:
        yield fake


def subject(name, run, items=4.0, reset=None, gradients=False):
    return Subject(name, None, Data((X,)), Work(run, items, reset), gradients)


def lasting(fake, seconds, log=None, name=""):
    """A call that takes as long as `seconds` says for its number, counted from 0."""
    calls = iter(range(10**9))

    def run():
        number = next(calls)
        fake.advance(seconds(number) if callable(seconds) else seconds)
        if log is not None:
            log.append(name)
        return X

    return run


def test_a_slow_first_call_is_apart_and_leaves_the_rest_alone(ticking):
    seen = interleave([subject("a", lasting(ticking, lambda n: 1.0 if n == 0 else 0.001))], "cpu", Effort(seconds=0.1))
    one = seen["variants"]["a"]
    assert one["first_call_s"] == pytest.approx(1.0)
    assert max(one["blocks_s"]) == pytest.approx(0.001)


def test_warm_up_ends_only_when_times_are_steady(ticking):
    seen = interleave([subject("a", lasting(ticking, lambda n: 0.005 if n < 38 else 0.001))], "cpu", Effort(seconds=1.0))
    assert max(seen["variants"]["a"]["blocks_s"]) == pytest.approx(0.001)


def test_a_block_is_long_against_the_clock(ticking):
    seen = interleave([subject("a", lasting(ticking, 1e-5)), subject("b", lasting(ticking, 0.5))], "cpu", Effort(seconds=0.1))
    assert seen["variants"]["a"]["calls"] == pytest.approx(blocks.MIN_BLOCK_S / 1e-5, abs=1)
    assert seen["variants"]["b"]["calls"] == 1
    assert len(seen["variants"]["b"]["blocks_s"]) == blocks.MIN_ROUNDS


def test_rounds_take_variants_in_turn_and_reverse(ticking):
    log = []
    subjects = [subject(name, lasting(ticking, 0.01, log, name)) for name in "abc"]
    seen = interleave(subjects, "cpu", Effort(seconds=0.1, quick=True))
    timed = log[-3 * seen["rounds"] :]
    assert timed[:6] == ["a", "b", "c", "c", "b", "a"]
    assert len({len(one["blocks_s"]) for one in seen["variants"].values()}) == 1


def test_sampling_ends_when_more_blocks_would_tell_no_more(ticking):
    calm = [subject("a", lasting(ticking, 0.01)), subject("b", lasting(ticking, 0.02))]
    assert interleave(calm, "cpu", Effort(seconds=100.0))["rounds"] == blocks.FIRST_LOOK
    wild = [subject("a", lasting(ticking, 0.01)), subject("b", lasting(ticking, lambda n: 0.02 * (1 + n % 7)))]
    assert interleave(wild, "cpu", Effort(seconds=10.0))["rounds"] > 4 * blocks.FIRST_LOOK


def test_a_disturbed_measurement_is_taken_once_more_then_kept_and_marked(ticking, monkeypatch):
    readings = []

    def after(self):
        return readings.pop(0)

    monkeypatch.setattr("harness.sources.guards.Guard.after", after)
    stolen, quiet = GuardReading(1.0, steal=0.04), GuardReading(1.0, steal=0.0)
    slow_first = lasting(ticking, lambda n: 0.02 if n < 30 else 0.01)
    readings[:] = [stolen, quiet]
    seen = interleave([subject("a", slow_first)], "cpu", Effort(seconds=0.3, quick=True))
    assert seen["marks"] == []
    assert max(seen["variants"]["a"]["blocks_s"]) == pytest.approx(0.01)
    readings[:] = [stolen, stolen]
    seen = interleave([subject("a", lasting(ticking, 0.01))], "cpu", Effort(seconds=0.3))
    assert seen["marks"] == ["noisy: steal 4%", "noisy: no quiet sample in 2 attempts"]
    assert seen["rounds"] == len(seen["variants"]["a"]["blocks_s"])


def test_the_guard_looks_between_blocks(ticking, monkeypatch):
    looked = []
    monkeypatch.setattr("harness.sources.guards.Guard.look", lambda self: looked.append(clock.now()))
    interleave([subject("a", lasting(ticking, 0.01))], "cpu", Effort(seconds=100.0))
    assert len(looked) == 2  # once while it measured, once at the end


def test_carried_state_is_reset_outside_the_clock(ticking):
    seen = interleave([subject("a", lasting(ticking, 0.01), reset=lambda: ticking.advance(5.0))], "cpu", Effort(seconds=0.1))
    assert seen["variants"]["a"]["blocks_s"] == pytest.approx([0.01] * len(seen["variants"]["a"]["blocks_s"]))


def test_work_runs_in_inference_mode_unless_it_differentiates(ticking):
    modes = {}

    def run(name):
        def call():
            modes[name] = (torch.is_inference_mode_enabled(), torch.is_grad_enabled())
            ticking.advance(0.01)
            return X

        return call

    interleave([subject("a", run("a")), subject("b", run("b"), gradients=True)], "cpu", Effort(seconds=0.01))
    assert modes == {"a": (True, False), "b": (False, True)}


@pytest.mark.parametrize("result", [None, X / 0, (X, X * float("nan"))])
def test_a_wrong_answer_has_no_speed(ticking, result):
    with pytest.raises(ValueError, match="'bad' returned"):
        interleave([subject("bad", lambda: result)], "cpu", Effort(seconds=0.01))


def test_every_order_comes_as_often_as_its_reverse():
    orders = [drawn_order(["a", "b", "c"], repetition) for repetition in range(10)]
    assert all(orders[i] == orders[i + 1][::-1] for i in range(0, 10, 2))
    assert len({tuple(order) for order in orders}) > 2


def observation(a, b, first=0.5, marks=(), stopped=""):
    variants = {
        name: {"blocks_s": times, "first_call_s": first, "calls": 1, "items": 8.0, "cold_s": []} for name, times in (("a", a), ("b", b))
    }
    return {"asked": ["a", "b"], "clock": "perf_counter", "variants": variants, "marks": list(marks), "stopped": stopped}


def test_a_latency_has_its_interval_over_processes_and_its_tails():
    seen = [observation([0.010 * k] * 9 + [0.050], [0.020 * k] * 10) for k in (0.99, 1.0, 1.01, 1.0, 1.0, 0.98, 1.02, 1.0)]
    found = {(f.variant, f.metric): f for f in LatencyMeter().summarize(seen).figures}
    latency = found["a", "latency"]
    assert (latency.value, latency.n) == (pytest.approx(0.010), 8)
    assert latency.low < 0.010 < latency.high < 0.0103
    assert found["a", "latency_p99"].value == pytest.approx(0.050)
    assert found["a", "throughput"].value == pytest.approx(800)
    ratio = found["a", "latency_ratio"]
    assert (ratio.value, ratio.baseline) == (pytest.approx(0.5), "b")
    assert found["a", "first_call"].value == 0.5


def test_marks_of_the_guards_are_kept_with_every_figure():
    seen = [observation([0.01] * 5, [0.02] * 5, marks=["noisy: steal 4%"]), observation([0.01] * 5, [0.02] * 5, stopped="budget spent")]
    messages = {f.message for f in LatencyMeter().summarize(seen).figures}
    assert messages == {"noisy: steal 4% in 1 of 2 processes; stopped: budget spent"}


def test_loading_data_and_building_the_model_are_no_part_of_a_call(tmp_path):
    (tmp_path / "slow.py").write_text(SLOW_DATA)
    seen = LatencyMeter().observe(bench(tmp_path / "slow.py"), ["a", "b"], "infer", Effort(seconds=0.02, quick=True))
    assert all(max(one["blocks_s"]) < 0.1 for one in seen["variants"].values())
