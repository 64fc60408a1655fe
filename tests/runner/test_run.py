"""`harness run` on a toy paper: real processes, a real store."""

import json
import os
import shutil
import signal
import time

import pytest

from harness.store import Store
from projects import TOY, Project

QUICK = ("--plugin-path", "toy.py", "--plugins", "toy")


def cases(project, run=None):
    store = Store(project.store)
    return store.read("cases", [run or store.latest()]).to_pylist()


def figures(project, run=None):
    store = Store(project.store)
    return store.read("figures", [run or store.latest()]).to_pylist()


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """One run of everything, which no test changes."""
    project = Project(tmp_path_factory.mktemp("toy"))
    project.write("toy.py", TOY)
    done = project.harness("run", *QUICK, "--json")
    assert done.code == 0, done.err
    return project, json.loads(done.out)


@pytest.fixture
def finished(measured, tmp_path):
    """A copy of that run that a test may change."""
    project, summary = measured
    shutil.copytree(project.folder, tmp_path / "copy")
    return Project(tmp_path / "copy"), summary


def test_every_variant_gets_every_kind_of_figure(measured):
    project, summary = measured
    rows = figures(project)
    for variant in ("line", "net"):
        metrics = {row["metric"] for row in rows if row["variant"] == variant}
        assert {"parameters", "macs", "flops", "latency", "peak_activation", "peak_rss", "energy", "mse"} <= metrics
    assert summary["cases"] == {"ok": len(cases(project))}
    exact = {(r["variant"], r["metric"]): r["value"] for r in rows if r["workload"] == "infer" and r["metric"] in ("parameters", "macs")}
    assert exact == {("line", "parameters"): 9, ("net", "parameters"): 321, ("line", "macs"): 32, ("net", "macs"): 4 * (8 * 32 + 32)}
    for row in rows:
        assert row["unit"]
        assert row["provenance"] in ("measured", "counted", "estimated", "modelled")
        assert row["low"] is None or row["low"] <= row["value"] <= row["high"]


def test_threads_and_inputs_are_told_from_inside_the_process(measured):
    project, _ = measured
    rows = [row for row in cases(project) if row["meter"] != "quality"]
    assert {row["threads"] for row in rows if row["meter"] == "latency"} == {os.cpu_count()}
    shared = [row for row in cases(project) if row["meter"] in ("flops", "quality")]
    at_once = min(os.cpu_count(), len(shared))
    assert {row["threads"] for row in shared if row["meter"] == "flops"} == {os.cpu_count() // at_once}, (
        "cases that share the machine share its threads"
    )
    for workload in ("infer", "train_step"):
        (seen,) = {row["inputs"] for row in rows if row["workload"] == workload and row["meter"] != "flops"}
        assert len(seen) == 16 and int(seen, 16)


def test_asking_for_one_thread_gives_one(finished):
    project, _ = finished
    done = project.harness("run", *QUICK, "--metrics", "latency", "--workload", "infer", "--threads", "1")
    assert done.code == 0, done.err
    assert [row["threads"] for row in cases(project)] == [1]


def test_inputs_that_differ_from_process_to_process_are_told(project):
    project.write("toy.py", TOY.replace("    import torch\n    x =", "    import os, torch\n    torch.manual_seed(os.getpid())\n    x ="))
    project.harness("run", *QUICK, "--metrics", "latency", "--workload", "infer")
    (row,) = cases(project)
    assert "the inputs are others in each process; make data of split 'profile' deterministic" in row["message"]


def test_the_subject_is_compared_with_its_baseline(measured):
    project, _ = measured
    (ratio,) = [r for r in figures(project) if r["metric"] == "latency_ratio" and r["workload"] == "infer"]
    assert (ratio["variant"], ratio["baseline"], ratio["n"]) == ("line", "net", 3)


def test_what_was_measured_is_not_measured_again_unless_asked(finished):
    project, first = finished
    again = project.harness("run", *QUICK, "--json")
    assert again.code == 0, again.err
    second = json.loads(again.out)
    assert second["reused"] == first["cases"]["ok"]
    assert {row["reused_from"] for row in cases(project)} == {first["run_id"]}
    assert [(r["metric"], r["value"], r["started_at"]) for r in figures(project)] == [
        (r["metric"], r["value"], r["started_at"]) for r in figures(project, first["run_id"])
    ]
    fresh = json.loads(project.harness("run", *QUICK, "--metrics", "flops", "--fresh", "--json").out)
    assert fresh["reused"] == 0


def test_a_changed_plugin_is_measured_anew(finished):
    project, _ = finished
    text = (project.folder / "toy.py").read_text()
    project.write("toy.py", text.replace("32), torch.nn.ReLU", "32), torch.nn.GELU"))
    assert json.loads(project.harness("run", *QUICK, "--metrics", "flops", "--json").out)["reused"] == 0


def test_the_environment_names_the_machine_and_not_its_user(measured):
    project, _ = measured
    facts = {row["key"]: row["value"] for row in Store(project.store).read("environments").to_pylist()}
    assert facts["threads"]
    text = json.dumps(facts)
    import getpass
    import socket

    assert socket.gethostname() not in text
    assert f'"{getpass.getuser()}"' not in text
    assert str(project.folder) not in text


def test_quality_is_the_same_in_every_run(toy):
    values = []
    for _ in range(2):
        toy.harness("run", *QUICK, "--metrics", "quality", "--fresh")
        values.append(sorted((r["variant"], r["value"]) for r in figures(toy)))
    assert values[0] == values[1]


def test_after_a_kill_resume_completes_with_no_case_twice_and_none_lost(toy):
    running = toy.start("run", *QUICK)
    store = Store(toy.store)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not (store.run_ids() and len(store.finished_cases(store.run_ids()[-1])) >= 2):
        time.sleep(0.05)
    running.send_signal(signal.SIGKILL)
    running.wait()
    run = store.latest("running")
    before = {row["case_id"]: row["started_at"] for row in cases(toy, run)}
    assert before
    resumed = toy.harness("run", "--resume", "--json")
    assert resumed.code == 0, resumed.err
    assert json.loads(resumed.out)["run_id"] == run
    after = cases(toy, run)
    planned = json.loads(store.run(run)["plan"])
    assert sorted(row["case_id"] for row in after) == sorted(planned)
    assert all(row["started_at"] == before[row["case_id"]] for row in after if row["case_id"] in before)


def test_ctrl_c_keeps_what_is_done_and_says_how_to_go_on(toy):
    running = toy.start("run", *QUICK)
    store = Store(toy.store)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not (store.run_ids() and store.finished_cases(store.run_ids()[-1])):
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "harness run --resume" in err
    assert "Traceback" not in err
    assert store.finished_cases(store.latest("running"))


def test_a_dry_run_measures_nothing(toy):
    planned = toy.harness("run", *QUICK, "--dry-run")
    assert planned.code == 0
    assert "toy line/net infer batch=4 latency" in planned.out
    assert not toy.store.exists()
