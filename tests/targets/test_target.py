import subprocess
import sys
from types import SimpleNamespace

import pytest

from harness.errors import ExitCode, HarnessError, NothingToMeasureError
from harness.sources.clock import FakeClock
from harness.sources.nvml import Nvml
from harness.targets import Target, TargetKind, check_in_worker, find_target, list_targets, target, why_no_cuda
from sources.fakes import FakeGpu, FakeNvml


def unlike_gpus():
    with FakeClock() as clock:
        boards = [FakeGpu(clock, uuid="GPU-a", name="H100"), FakeGpu(clock, uuid="GPU-b", name="A2")]
    return lambda: Nvml(FakeNvml(*boards))


@pytest.fixture
def cuda_build(monkeypatch):
    monkeypatch.setattr(target.metadata, "version", lambda _: "2.13.0+cu130")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.delenv("CUDA_DEVICE_ORDER", raising=False)
    monkeypatch.setattr("harness.sources.cuda_devices._torch_uuid", lambda _: "")


def two_gpus():
    with FakeClock() as clock:
        boards = [FakeGpu(clock, uuid="GPU-a"), FakeGpu(clock, uuid="GPU-b", migs=())]
    return lambda: Nvml(FakeNvml(*boards))


def no_driver():
    return Nvml(FakeNvml(driver=False))


def test_the_cpu_is_always_there():
    assert find_target("cpu", no_driver) == Target("cpu", TargetKind.CPU, "cpu")
    assert list_targets(no_driver) == [Target("cpu", TargetKind.CPU, "cpu")]


def test_cuda_is_its_first_device(cuda_build):
    assert find_target("cuda", two_gpus()) == Target("cuda:0", TargetKind.CUDA, "cuda:0")
    assert find_target("cuda:1", two_gpus()).torch_device == "cuda:1"
    assert [t.name for t in list_targets(two_gpus())] == ["cpu", "cuda:0", "cuda:1"]
    assert [t.description for t in list_targets(two_gpus())[1:]] == ["FAKE H100"] * 2
    assert why_no_cuda(two_gpus()) == ""


@pytest.mark.parametrize("name", ["gpu", "cudo", "CPU", "cuda:x", "cuda:-1", "cuda:", "", "ssh:pi4"])
def test_a_name_that_is_no_targets_is_a_mistake_with_the_nearest_names(name):
    with pytest.raises(HarnessError, match=f"unknown device '{name}'.*known: cpu, cuda") as caught:
        find_target(name, no_driver)
    assert caught.value.exit_code == ExitCode.USAGE


def test_cuda_where_there_is_none_measures_nothing_and_says_why():
    with pytest.raises(NothingToMeasureError, match=r"no device 'cuda' here: no NVIDIA driver answers.*install") as caught:
        find_target("cuda", no_driver)
    assert caught.value.exit_code == ExitCode.NOTHING
    assert "no NVIDIA driver" in why_no_cuda(no_driver)


def test_a_gpu_that_is_not_there_names_those_that_are(cuda_build, monkeypatch):
    with pytest.raises(NothingToMeasureError, match="no device 'cuda:7' here; CUDA shows cuda:0, cuda:1"):
        find_target("cuda:7", two_gpus())
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with pytest.raises(NothingToMeasureError, match="hides every GPU"):
        find_target("cuda", two_gpus())


def test_unlike_gpus_are_not_guessed_at(cuda_build, monkeypatch):
    with pytest.raises(HarnessError, match="CUDA_DEVICE_ORDER=PCI_BUS_ID"):
        find_target("cuda:1", unlike_gpus())
    assert [t.name for t in list_targets(unlike_gpus())] == ["cpu"]
    assert "CUDA_DEVICE_ORDER" in why_no_cuda(unlike_gpus())
    monkeypatch.setenv("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
    assert find_target("cuda:1", unlike_gpus()).description == "A2"


def test_a_torch_without_cuda_cannot_measure_on_a_gpu(cuda_build, monkeypatch):
    monkeypatch.setattr(target.metadata, "version", lambda _: "2.13.0+cpu")
    with pytest.raises(NothingToMeasureError, match=r"torch 2\.13\.0\+cpu was built without CUDA; install"):
        find_target("cuda", two_gpus())


def fake_torch(available, count=1, cuda="13.0"):
    state = SimpleNamespace(is_available=lambda: available, device_count=lambda: count)
    return SimpleNamespace(cuda=state, version=SimpleNamespace(cuda=cuda), __version__="2.13.0")


@pytest.mark.parametrize(
    ("torch", "reason"),
    [
        (fake_torch(False), "finds no working driver for CUDA 13.0"),
        (fake_torch(False, cuda=None), "was built without CUDA"),
        (fake_torch(True, count=1), "it sees 1 GPUs"),
    ],
)
def test_in_a_worker_torch_has_the_last_word(monkeypatch, torch, reason):
    monkeypatch.setitem(sys.modules, "torch", torch)
    with pytest.raises(NothingToMeasureError, match=reason):
        check_in_worker(Target("cuda:1", TargetKind.CUDA, "cuda:1"))


def test_in_a_worker_a_device_that_torch_sees_is_good(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", fake_torch(True, count=2))
    check_in_worker(Target("cuda:1", TargetKind.CUDA, "cuda:1"))
    check_in_worker(Target("cpu", TargetKind.CPU, "cpu"))


def test_finding_targets_loads_no_torch():
    script = "import sys; from harness.targets import list_targets; list_targets(); print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "False\n"
