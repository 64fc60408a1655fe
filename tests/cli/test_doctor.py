"""`harness doctor`, and its verdict that a run begins with."""

import json
import re
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from harness.cli.main import app
from harness.errors import NothingToMeasureError
from harness.meters import fitness
from harness.sources import cuda_devices
from harness.sources.clock import FakeClock
from harness.sources.guards import GuardReading
from harness.sources.noise import KernelTimes, Noise, measure
from harness.targets import target
from sources.fakes import FakeGpu, FakeNvml

VERDICT = r"fitness (\d+) of 100 \(worst: [a-z ]+\): (?:claims of ([\d.]+%) and more|no claim) can be shown here"
ROW = r"^ ?(?P<area>[a-z]+(?: [a-z]+)?) +(?P<level>ok|advice|bad) +(?P<score>\d*)"
KERNELS = {"compute", "cache", "memory"}


@pytest.fixture
def shared_gpu(monkeypatch):
    """A GPU that two others use, and a torch that was built for it."""
    with FakeClock() as clock:
        gpu = FakeGpu(clock, pids=(4_000_001, 4_000_002))
    monkeypatch.setitem(sys.modules, "pynvml", FakeNvml(gpu))
    monkeypatch.setattr(cuda_devices, "_torch_uuid", lambda _: "")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(target.metadata, "version", lambda _: "2.13.0+cu130")


def test_the_score_what_to_mend_and_the_smallest_effect_are_printed(project):
    done = project.harness("doctor")
    *lines, verdict = done.out.splitlines()
    rows = [(found, line) for line in lines if (found := re.match(ROW, line))]
    assert {found["area"] for found, _ in rows} > KERNELS
    assert all(found["score"] for found, _ in rows if found["area"] in KERNELS)
    remedy = next(line.index("what to do") for line in lines if "what to do" in line)
    assert all(line[remedy:].strip() for found, line in rows if found["level"] != "ok")
    assert re.fullmatch(VERDICT, verdict)
    assert done.code == any(found["level"] == "bad" for found, _ in rows), done.err


def test_the_same_is_data_for_scripts(project):
    done = project.harness("doctor", "--json")
    found = json.loads(done.out)
    assert {finding["area"] for finding in found["findings"]} > KERNELS
    assert all(finding["remedy"] for finding in found["findings"] if finding["level"] != "ok")
    assert found["score"] == min(finding["score"] for finding in found["findings"] if finding["score"] is not None)
    score, effect = re.fullmatch(VERDICT, found["verdict_line"]).groups()
    assert score == f"{found['score']:.0f}"
    assert effect == (f"{found['smallest_effect']:.1%}" if found["smallest_effect"] < 1 else None)
    assert done.code == any(finding["level"] == "bad" for finding in found["findings"]), done.err


@pytest.mark.parametrize(("steal", "code"), [(0.0, 0), (0.05, 1)])
def test_the_exit_status_says_whether_something_disturbs(monkeypatch, steal, code):
    still = KernelTimes((1.0,) * 4, (1.0,) * 4)
    seen = Noise({"compute": [still] * 5}, (), GuardReading(4.0, steal=steal))
    monkeypatch.setattr(fitness, "measure", lambda *_, **__: seen)
    done = CliRunner().invoke(app, ["doctor"], env={"COLUMNS": "200"})
    assert done.exit_code == code
    assert ("dedicated host" in done.output) == bool(code)


def test_a_gpu_that_others_use_is_said_where_it_is_judged(shared_gpu, monkeypatch):
    monkeypatch.setattr(fitness, "measure", lambda _, device: measure(0.1, 2, device))
    done = CliRunner().invoke(app, ["doctor", "--device", "cuda"], env={"COLUMNS": "200"})
    assert done.exit_code == 1
    assert re.search(r"gpu +bad +33 +other processes on it: 2 +end them; nvidia-smi lists them", done.output)


def test_a_gpu_that_is_not_there_is_not_judged(project, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    done = project.harness("doctor", "--device", "cuda")
    assert (done.code, done.out) == (4, "")
    assert "no device 'cuda'" in done.err


@pytest.mark.slow
def test_a_run_that_times_prints_the_verdict_first(toy):
    command = toy.command("run", "--plugin-path", "toy.py", "--plugins", "toy", "--workload", "infer", "--metrics", "energy")
    done = subprocess.run(command, cwd=toy.folder, env=toy.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True)
    first, *rest = done.stdout.splitlines()
    assert re.fullmatch(VERDICT, first)
    assert any(line.startswith("[1/2]") for line in rest)


def test_a_run_judges_the_device_that_it_measures_on(toy, shared_gpu, monkeypatch):
    def judged(device):
        raise NothingToMeasureError(f"{device} is judged")

    monkeypatch.setattr(fitness, "doctor", judged)
    run = ["run", "--plugin-path", str(toy.folder / "toy.py"), "--plugins", "toy", "--metrics", "latency", "--device", "cuda"]
    done = CliRunner().invoke(app, [*run, "--store", str(toy.store)])
    assert str(done.exception) == "cuda:0 is judged"
