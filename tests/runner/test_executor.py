"""Who runs the jobs: the executor of the documentation in the place of fork servers."""

import json

import pytest

from extensions import Extended, install
from harness.runner.case import Status
from harness.store import Store
from projects import TOY

RUN = ("run", "--plugin-path", "toy.py", "--plugins", "toy", "--workload", "infer", "--metrics", "flops,quality", "--json")


@pytest.fixture
def project(tmp_path):
    project = Extended(tmp_path)
    install(tmp_path / "site", executor="executor")
    project.write("toy.py", TOY)
    return project


def figures(project):
    store = Store(project.store)
    run = store.latest()
    rows = store.read("figures", [run]).to_pylist()
    facts = {row["key"]: row["value"] for row in store.read("environments", [run]).to_pylist()}
    return {(r["variant"], r["metric"], r["params"]): r["value"] for r in rows}, facts


@pytest.mark.slow
def test_another_executor_gives_the_same_figures_and_is_recorded(project):
    done = project.harness(*RUN)
    assert done.code == 0, done.err
    local, facts = figures(project)
    assert "executor" not in facts
    launched = project.harness(*RUN, "--executor", "launched")
    assert launched.code == 0, launched.err
    assert json.loads(launched.out)["reused"] == 0  # what another executor measured is not taken for its own
    found, facts = figures(project)
    assert facts["executor"] == "launched"
    assert found == pytest.approx(local, rel=1e-5)


def test_a_job_that_ends_otherwise_is_an_outcome(project):
    kills = "import os, time\n" + TOY.replace('    x = torch.randn({"profile"', '    os.abort()\n    x = torch.randn({"profile"')
    project.write("toy.py", kills)
    done = project.harness(*RUN, "--executor", "launched")
    assert done.code == 1
    ended = Store(project.store).read("cases", [Store(project.store).latest()]).to_pylist()
    assert {(row["status"], row["message"]) for row in ended} == {(Status.CRASHED, "the process left with exit status -6")}


def test_a_launcher_that_is_not_there_is_told(project, monkeypatch):
    monkeypatch.setenv("HARNESS_LAUNCHER", "no-such-launcher -n 1")
    done = project.harness(*RUN, "--executor", "launched")
    assert done.code == 1
    assert "'no-such-launcher' could not be started" in done.err


def test_an_unknown_executor_is_refused_with_the_nearest_name(project):
    done = project.harness(*RUN, "--executor", "launchd")
    assert done.code == 2
    assert "unknown executor 'launchd'" in done.err
    assert "did you mean 'launched'?" in done.err
    assert not project.store.exists()


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('name = "launched"', 'name = "local"', "executor 'local' exists already; give it another name"),
        ("def lane(", "def lain(", "executor LaunchingExecutor has no 'lane'; give it"),
    ],
)
def test_an_executor_that_cannot_be_right_is_refused_with_the_reason(project, old, new, reason):
    module = project.folder / "site" / "extension_executor.py"
    module.write_text(module.read_text().replace(old, new))
    done = project.harness(*RUN, "--executor", "launched")
    assert done.code == 2
    assert f"extension 'executor' cannot be used: {reason}" in done.err
