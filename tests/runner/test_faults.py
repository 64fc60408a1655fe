"""Plugins that do the worst: each becomes a row with its status, and the others go on."""

import json

import pytest

from harness.store import Store

WORST = """
from harness import Data, Paper, Variant, hookimpl

@hookimpl
def paper():
    names = ("segfault", "loop", "hog", "raises", "leaves", "nothing", "nan")
    return Paper(slug="worst", title="W", arxiv="", year=2024, family="toys", task="t", method="m",
                 variants=[Variant("fine", "f", subject=True), *(Variant(n, n) for n in names)])

@hookimpl
def model(variant):
    import ctypes, os, torch
    if variant == "segfault":
        ctypes.string_at(0)
    while variant == "loop":
        pass
    held = []
    while variant == "hog":
        held.append(torch.ones(2**25))
    if variant == "raises":
        raise ValueError("this is wrong")
    if variant == "leaves":
        os._exit(3)
    if variant == "nothing":
        return None
    return torch.nn.Linear(2, 2)

@hookimpl
def data(split):
    import torch
    return Data((torch.randn(4, 2),))
"""


def by_variant(project, meter="memory"):
    store = Store(project.store)
    return {r["variant"]: r for r in store.read("cases", [store.latest()]).to_pylist() if r["meter"] == meter}


def test_every_fault_is_a_row_and_the_others_go_on(toy):
    toy.write("worst.py", WORST)
    toy.write("unimportable.py", "import nothing_of_this_name")
    paths = [x for name in ("toy", "worst", "unimportable") for x in ("--plugin-path", f"{name}.py")]
    done = toy.harness(
        "run", *paths, "--plugins", "toy,worst,unimportable", "--metrics", "memory", "--timeout", 20, "--memory-limit", 1, "--json"
    )
    assert done.code == 1, done.err
    rows = by_variant(toy)
    assert rows["segfault"]["status"] == "crashed"
    assert "SIGSEGV" in rows["segfault"]["message"]
    assert "worst.py" in rows["segfault"]["message"]
    assert rows["loop"]["status"] == "timeout"
    assert "did not end within 20 s" in rows["loop"]["message"]
    assert rows["hog"]["status"] == "out_of_memory"
    assert rows["raises"]["status"] == "failed"
    assert "ValueError: this is wrong" in rows["raises"]["message"]
    assert "Traceback" in rows["raises"]["traceback"]
    assert rows["leaves"]["status"] == "crashed"
    assert "exit status 3" in rows["leaves"]["message"]
    assert "returned nothing for variant 'nothing'" in rows["nothing"]["message"]
    assert rows["fine"]["status"] == "ok"
    assert rows["line"]["status"] == rows["net"]["status"] == "ok"
    summary = json.loads(done.out)
    assert summary["broken"] == 1
    store = Store(toy.store)
    papers = {r["paper"]: r for r in store.read("papers", [store.latest()]).to_pylist()}
    assert papers["unimportable"]["status"] == "broken"
    assert "nothing_of_this_name" in papers["unimportable"]["traceback"]


@pytest.mark.parametrize(
    ("returned", "complaint"),
    [("None", "returned nothing"), ("inputs * float('nan')", "not finite"), ("1 / 0", "ZeroDivisionError")],
)
def test_the_speed_of_a_wrong_answer_is_no_figure(project, returned, complaint):
    text = WORST.replace("return torch.nn.Linear(2, 2)", f"return lambda inputs: {returned}")
    project.write("worst.py", text.replace('("segfault", "loop", "hog", "raises", "leaves", "nothing", "nan")', '("other",)'))
    done = project.harness("run", "--plugin-path", "worst.py", "--plugins", "worst", "--metrics", "latency")
    assert done.code == 1
    (row,) = by_variant(project, "latency").values()
    assert row["status"] == "failed"
    assert complaint in row["message"]


def test_a_child_that_leaves_processes_behind_leaves_none(project):
    text = WORST.replace('if variant == "raises":', 'if variant == "fine":\n        os.system("sleep 987 &")\n    if variant == "raises":')
    project.write("worst.py", text.replace('("segfault", "loop", "hog", "raises", "leaves", "nothing", "nan")', '("other",)'))
    project.harness("run", "--plugin-path", "worst.py", "--plugins", "worst", "--metrics", "memory")
    import subprocess

    assert subprocess.run(["pgrep", "-f", "sleep 987"], capture_output=True, check=False).returncode == 1
