"""`harness verify`, `harness run --claims`, `harness claims`: from a card to verdicts, in real processes."""

import json

from projects import TOY

SIZED = (
    TOY.replace("from harness import", "from harness import Claim, PublishedSize,")
    .replace(
        'qualities={"mse": "lower"},',
        'qualities={"mse": "lower"},\n        sizes=[PublishedSize("net", "parameters", "321", "table 1"), PublishedSize("line", "macs", "32", "table 1"),'
        ' PublishedSize("line", "parameters", "SIZE", "table 1", convention="without the bias", adjust=-1)],\n'
        '        claims=[Claim("fewer", "macs", "line", "net", ratio=0.5, when={"scale": "small"}, source="table 2"),\n'
        '                Claim("gpu", "latency", "line", "net", ratio=0.5, when={"device": "cuda"}, source="table 3")],',
    )
)  # fmt: skip


def test_sizes_are_built_and_held_against_the_printed_ones(project):
    project.write("toy.py", SIZED.replace("SIZE", "8"))
    done = project.harness("verify", "--plugin-path", "toy.py", "--plugins", "toy", "--json")
    assert done.code == 0, done.err
    rows = {(r["variant"], r["quantity"]): (r["built"], r["verdict"]) for r in json.loads(done.out)}
    assert rows == {
        ("net", "parameters"): (321, "match"),
        ("line", "macs"): (32, "match"),
        ("line", "parameters"): (9, "within convention"),
    }


def test_a_size_that_differs_exits_with_one_and_says_by_how_much(project):
    project.write("toy.py", SIZED.replace("SIZE", "10"))
    done = project.harness("verify", "--plugin-path", "toy.py", "--plugins", "toy")
    assert done.code == 1
    assert "differs" in done.out
    assert "-2 (-20.00%)" in done.out.replace("\n", " ")


def test_claims_are_planned_measured_and_judged(project):
    project.write("toy.py", SIZED.replace("SIZE", "8"))
    done = project.harness("run", "--plugin-path", "toy.py", "--plugins", "toy", "--claims", "--json")
    assert done.code == 0, done.err
    assert "not testable here: toy gpu needs a run on cuda" in done.err
    summary = json.loads(done.out)
    assert summary["cases"] == {"ok": 2}
    assert summary["claims"] == {"upheld": 1, "not testable here": 1}
    ledger = {r["claim"]: r for r in json.loads(project.harness("claims", "--json").out)}
    assert ledger["fewer"]["verdict"] == "upheld"
    assert ledger["fewer"]["measured"] == 32 / (4 * (8 * 32 + 32))
    assert ledger["gpu"]["reason"] == "device"
    assert "fewer" not in project.harness("claims", "--verdict", "refuted").out
    wrong = project.harness("claims", "--verdict", "refutd")
    assert wrong.code == 2
    assert "did you mean 'refuted'" in wrong.err


def test_claims_are_measured_by_the_meters_that_are_asked_for(project):
    project.write("toy.py", SIZED.replace("SIZE", "8"))
    asked = ("run", "--plugin-path", "toy.py", "--plugins", "toy", "--claims", "--json", "--metrics")
    assert json.loads(project.harness(*asked, "flops").out)["cases"] == {"ok": 2}
    none = project.harness(*asked, "memory")
    assert none.code == 4
    assert "no case to measure" in none.err
