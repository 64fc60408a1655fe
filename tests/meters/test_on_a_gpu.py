"""What the meters say on a real GPU, held against torch, Triton and NVML asked by hand."""

from statistics import median
from types import SimpleNamespace

import pynvml
import pytest
import torch
from torch import nn

from harness.meters import energy, energy_window
from harness.meters.base import Effort
from harness.meters.blocks import interleave
from harness.meters.energy import EnergyMeter
from harness.meters.memory import MemoryMeter
from harness.meters.workbench import Subject
from harness.plugin.values import Data, Work

pytestmark = pytest.mark.gpu

DEVICE = "cuda:0"
MIB = 2**20
MLP_WEIGHTS = 1024 * 4096 + 4096 + 4096 * 1024 + 1024


def product():
    """A matmul of a few milliseconds, long against a launch."""
    x = torch.randn(4096, 4096, device=DEVICE)
    return Subject("product", None, Data((x,)), Work(lambda: x @ x), False)


def mlp(batch=8192):
    """Two layers; by default of so many rows that neither a launch nor the caches, which Triton empties before each call, weigh."""
    model = nn.Sequential(nn.Linear(1024, 4096), nn.ReLU(), nn.Linear(4096, 1024)).to(DEVICE).eval()
    x = torch.randn(batch, 1024, device=DEVICE)
    return Subject("mlp", model, Data((x,)), Work(lambda: model(x)), False)


def bench_of(subject):
    return SimpleNamespace(device=DEVICE, subject=lambda workload, variant: subject)


@pytest.mark.parametrize("build", [product, mlp])
def test_cuda_events_agree_with_triton(build):
    from triton.testing import do_bench

    subject = build()
    seen = interleave([subject], DEVICE, Effort(seconds=1.0))
    with torch.inference_mode():
        theirs_ms = do_bench(subject.work.run, warmup=500, rep=1000, return_mode="median")
    assert median(seen["variants"][subject.variant]["blocks_s"]) == pytest.approx(theirs_ms * 1e-3, rel=0.02)


def test_memory_is_torchs_own():
    subject = mlp(batch=256)
    seen = MemoryMeter().observe(bench_of(subject), ["mlp"], "infer", Effort()) | {"peak_rss_bytes": 0}
    found = {f.metric: f.value for f in MemoryMeter().summarize([seen]).figures}
    with torch.inference_mode():
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        held = torch.cuda.memory_allocated()
        result = subject.work.run()
        torch.cuda.synchronize()
    assert held >= MLP_WEIGHTS * 4
    assert found["weights"] == MLP_WEIGHTS * 4
    assert found["inputs"] == MIB
    assert found["peak_activation"] == torch.cuda.max_memory_allocated() - held >= 8 * MIB  # what ReLU takes and gives
    assert found["peak_reserved"] == torch.cuda.max_memory_reserved()
    del result


def counter_j():
    pynvml.nvmlInit()
    board = pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{torch.cuda.get_device_properties(DEVICE).uuid}")
    return pynvml.nvmlDeviceGetTotalEnergyConsumption(board) * 1e-3


@pytest.mark.slow
def test_the_energy_of_ten_seconds_of_products_is_what_the_counter_says(monkeypatch):
    by_hand_j = []

    def fill_between_readings(*args, **kwargs):
        before_j = counter_j()
        window = fill(*args, **kwargs)
        by_hand_j.append(counter_j() - before_j)
        return window

    fill = energy.fill
    monkeypatch.setattr(energy, "fill", fill_between_readings)
    monkeypatch.setattr(energy_window, "WINDOWS", 1)
    seen = EnergyMeter().observe(bench_of(product()), ["product"], "infer", Effort())
    (window,) = seen["variants"]["product"]["windows"]
    gross = next(f for f in EnergyMeter().summarize([seen]).figures if f.metric == "energy_gross")
    assert gross.meter == "energy/nvml" and window["seconds"] >= 10
    assert window["joules"] == pytest.approx(by_hand_j[-1], rel=0.03)
    in_pauses_j = median(seen["idle_w"]) * (window["seconds"] - window["busy_s"])
    assert gross.value * window["items"] == pytest.approx(by_hand_j[-1] - in_pauses_j, rel=0.03)
