"""Wrong usage: exit 2 with the nearest names, before anything runs."""

import json

import pytest


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("run", "--plugins", "hilla"), "unknown plugin 'hilla'; did you mean 'hilo'?"),
        (("run", "--plugins", "family:atention"), "unknown family 'atention'; did you mean 'attention'"),
        (("run", "--plugins", ","), "names no plugin"),
        (("run", "--scale", "smal"), "unknown scale 'smal'; did you mean 'small'?"),
        (("run", "--metrics", "latncy"), "unknown metric 'latncy'; did you mean 'latency'?"),
        (("run", "--workload", "infr"), "unknown workload 'infr'; did you mean 'infer'?"),
        (("run", "--device", "cdua"), "unknown device 'cdua'; did you mean 'cuda'"),
        (("run", "--mode", "egaer"), "unknown mode 'egaer'; did you mean 'eager'?"),
        (("run", "--dtype", "float33"), "unknown dtype 'float33'; did you mean 'float32'"),
        (("show", "hilla"), "did you mean 'hilo'?"),
        (("results", "nope"), "there is no run 'nope'"),
        (("results",), "holds no run; run: harness run"),
        (("run", "--resume"), "holds no running run"),
        (("list", "--plugin-path", "nowhere"), "does not exist"),
        (("frobnicate",), "No such command 'frobnicate'"),
        (("run", "--frobnicate"), "No such option"),
    ],
)
def test_wrong_usage_is_one_clear_line(project, arguments, complaint):
    done = project.harness(*arguments)
    assert done.code == 2, done.err
    assert complaint in done.err
    assert "Traceback" not in done.err
    assert done.out == ""
    assert not list(project.store.rglob("*.parquet"))


def test_a_store_that_cannot_be_written_is_said_before_anything_runs(toy):
    (toy.folder / "file").write_text("")
    done = toy.harness("run", "--plugin-path", "toy.py", "--plugins", "toy", "--store", "file/results")
    assert done.code == 2
    assert "cannot be written" in done.err
    assert "toy" not in done.err.replace("toy.py", "")


def test_a_newer_store_is_refused_by_every_command(toy):
    toy.write("results/store.json", '{"schema": 99}')
    for command in (("run", "--plugin-path", "toy.py", "--plugins", "toy"), ("results",), ("report",)):
        done = toy.harness(*command)
        assert done.code == 2
        assert "has schema 99" in done.err
    assert [p.name for p in toy.store.iterdir()] == ["store.json"]


def test_a_gpu_that_is_not_there_is_no_silent_fallback(toy, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    done = toy.harness("run", "--plugin-path", "toy.py", "--plugins", "toy", "--device", "cuda")
    assert done.code == 4
    assert "cuda" in done.err.lower()
    assert not list(toy.store.rglob("*.parquet"))


@pytest.mark.parametrize("command", ["list", "show", "run", "results", "report"])
def test_help_shows_examples(project, command):
    done = project.harness(command, "--help")
    assert done.code == 0
    assert "Examples" in done.out
    assert f"harness {command}" in done.out


def test_list_is_data_for_scripts(toy):
    done = toy.harness("list", "--json", "--plugin-path", "toy.py")
    rows = {row["slug"]: row for row in json.loads(done.out)}
    assert rows["toy"]["subject"] == "line"
    assert rows["toy"]["variants"] == ["line", "net"]
    assert set(rows["toy"]) == {"slug", "title", "year", "family", "variants", "subject", "workloads", "status", "error", "origin"}
