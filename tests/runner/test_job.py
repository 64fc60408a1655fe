"""What a worker does before it builds anything."""

import json

import pytest
import torch

from harness.meters.base import Effort, NotMeasurableError
from harness.plugin.discovery import Source
from harness.profiling import worker
from harness.profiling.payload import CallJob
from harness.runner import job, roof
from harness.runner.case import Case

GPU = "cuda:1"
CASE = Case("nowhere", ("x",), "infer", "smoke", {}, GPU, "native", "eager", "latency")
JOBS = {
    "run": (job, job.Job(Source("nowhere", "no_such_module", "", ""), CASE, Effort(), GPU, threads=1, seed=0)),
    "profile": (worker, CallJob("no such file", "latency", ("x",), Effort(), GPU, 1, None, False, "eager", ())),
    "roof": (roof, roof.RoofJob(GPU, threads=1)),
}


@pytest.mark.parametrize("name", JOBS)
def test_a_worker_makes_its_gpu_the_current_one_before_it_builds_anything(monkeypatch, tmp_path, name):
    """Events, and synchronisation that names no device, would be those of `cuda:0`. What comes next has nothing to load, and would fail."""

    def take(device):
        raise NotMeasurableError(f"{device} is the current one")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", take)
    entry, work = JOBS[name]
    entry.execute(work.to_json(), tmp_path / "result")
    assert json.loads((tmp_path / "result").read_text())["message"] == "cuda:1 is the current one"
