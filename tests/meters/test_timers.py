"""Blocks on the CPU and on a fake device that works on after a call has returned."""

from dataclasses import dataclass, field

import pytest
import torch

from harness.meters import blocks, timers
from harness.meters.base import Effort
from harness.meters.blocks import interleave
from harness.meters.latency import LatencyMeter
from harness.meters.timers import CpuTimer, CudaTimer
from harness.meters.workbench import Subject
from harness.plugin.values import Data, Work
from harness.sources import clock, cpu

X = torch.ones(4)


@dataclass
class FakeDevice:
    """A queue of work: launching costs the host a little, the device gets through it in its own time."""

    host: clock.FakeClock
    done_s: float = 0.0

    def launch(self, host_s, device_s):
        self.host.advance(host_s)
        self.done_s = max(self.done_s, clock.now()) + device_s

    def synchronize(self):
        self.host.advance(max(self.done_s - clock.now(), 0.0))

    def event(self):
        return FakeEvent(self)


@dataclass
class FakeEvent:
    device: FakeDevice
    at_s: float = field(default=0.0)

    def record(self):
        self.at_s = max(self.device.done_s, clock.now())

    def elapsed_time(self, end):
        return (end.at_s - self.at_s) * 1e3


@pytest.fixture
def device():
    with clock.FakeClock() as host:
        yield FakeDevice(host)


def subject(run):
    return Subject("a", None, Data((X,)), Work(run, 1.0), False)


def timer_on(device):
    return CudaTimer("cuda:0", device.event, device.synchronize)


def test_what_the_device_does_after_a_call_has_returned_is_in_the_figure(device):
    span = timer_on(device).block(subject(lambda: device.launch(1e-5, 0.050)), 4)
    assert span.seconds == pytest.approx(0.200, rel=0.01)
    assert (span.wall_s, span.issue_s) == (pytest.approx(0.200, rel=0.01), pytest.approx(4e-5))


def test_work_launched_before_the_block_is_not_in_the_figure(device):
    device.launch(0.0, 3.0)
    assert timer_on(device).block(subject(lambda: device.launch(1e-5, 0.010)), 2).seconds == pytest.approx(0.020, rel=0.01)


def seen_on(device, host_s, device_s, monkeypatch):
    monkeypatch.setattr(blocks, "timer_for", lambda name: timer_on(device))

    def run():
        for _ in range(100):
            device.launch(host_s, device_s)
        return X

    seen = interleave([subject(run)], "cuda:0", Effort(seconds=0.1, quick=True))
    return {f.metric: f for f in LatencyMeter().summarize([{**seen, "asked": ["a"], "stopped": ""}]).figures}


def test_a_model_of_many_tiny_kernels_is_called_launch_bound(device, monkeypatch):
    found = seen_on(device, 10e-6, 2e-6, monkeypatch)
    assert "launch-bound" in found["latency"].message
    assert found["latency_wall"].value == pytest.approx(100 * 10e-6, rel=0.05)


def test_a_model_of_large_kernels_is_not(device, monkeypatch):
    found = seen_on(device, 10e-6, 200e-6, monkeypatch)
    assert "launch-bound" not in found["latency"].message
    assert found["latency"].value == pytest.approx(100 * 200e-6, rel=0.02)


def test_cold_calls_are_a_figure_of_their_own_and_leave_the_other_alone(monkeypatch):
    with clock.FakeClock() as ticking:
        cold = False

        def run():
            nonlocal cold
            ticking.advance(0.016 if cold else 0.010)
            cold = False
            return X

        def chill(self):
            nonlocal cold
            cold = True

        monkeypatch.setattr(CpuTimer, "chill", chill)
        seen = interleave([subject(run)], "cpu", Effort(seconds=0.1))
    found = {f.metric: f for f in LatencyMeter().summarize([{**seen, "asked": ["a"], "stopped": ""}]).figures}
    assert found["latency"].value == pytest.approx(0.010)
    assert found["latency_cold"].value == pytest.approx(0.016)


def test_a_quick_look_makes_no_cold_calls():
    with clock.FakeClock() as ticking:
        seen = interleave([subject(lambda: (ticking.advance(0.01), X)[1])], "cpu", Effort(seconds=0.1, quick=True))
    assert seen["variants"]["a"]["cold_s"] == []


@pytest.mark.parametrize(("told", "held"), [(2**20, 2 * 2**20), (None, 2 * timers.UNKNOWN_CACHE_BYTES)])
def test_the_buffer_that_empties_the_caches_is_larger_than_the_last_one(monkeypatch, told, held):
    monkeypatch.setattr(cpu, "last_cache_bytes", lambda: told)
    timer = CpuTimer()
    timer.chill()
    assert timer._buffer.numel() == held


@pytest.mark.gpu
def test_a_gpus_buffer_is_larger_than_its_second_level_cache():
    timer = CudaTimer("cuda:0")
    timer.chill()
    assert timer._buffer.numel() > torch.cuda.get_device_properties(0).L2_cache_size


@pytest.mark.gpu
def test_events_see_nearly_all_of_a_large_product():
    x = torch.randn(4096, 4096, device="cuda")
    span = CudaTimer("cuda:0").block(subject(lambda: x @ x), 20)
    assert span.seconds > 0.8 * span.wall_s
