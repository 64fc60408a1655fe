"""What is timed is not traced; and whatever traces would be caught here."""

import pytest
import torch

from harness.meters.base import Effort
from harness.meters.flops.counter import count
from harness.meters.latency import LatencyMeter
from harness.sources.allocator import peak_of
from harness.testing import bench

X = torch.ones(4)
TRACERS = {
    "memory": lambda: peak_of(X.exp, "cpu"),
    "flops": lambda: count(X.exp),
    "torch.profiler": lambda: torch.profiler.profile().start(),
    "torch.autograd.profiler": lambda: torch.autograd.profiler.profile().__enter__(),
}


@pytest.fixture
def no_tracer(monkeypatch):
    """Refuse torch's profilers, all of which make one of autograd's, and modes that see every operator."""

    def refuse(*_, **__):
        raise AssertionError("traced while timed")

    monkeypatch.setattr("torch.autograd.profiler.profile.__init__", refuse)
    monkeypatch.setattr("torch.utils._python_dispatch.TorchDispatchMode.__enter__", refuse)


@pytest.mark.parametrize("name", TRACERS)
def test_every_tracer_is_caught(no_tracer, name):
    with pytest.raises(AssertionError, match="traced while timed"):
        TRACERS[name]()


@pytest.mark.parametrize("workload", ["infer", "train_step"])
def test_no_tracer_is_at_work_in_a_process_that_times(no_tracer, toy, workload):
    seen = LatencyMeter().observe(bench(toy.folder / "toy.py"), ["line", "net"], workload, Effort(seconds=0.02))
    assert all(one["blocks_s"] and one["cold_s"] for one in seen["variants"].values())
