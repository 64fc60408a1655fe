import json
import sys

import pytest
from typer.testing import CliRunner

from harness.cli.main import app
from tests.report.synthetic import Recipe, run_id_of, write_store


@pytest.fixture
def store(tmp_path):
    write_store(tmp_path / "results", Recipe(papers=1, nights=2))
    return tmp_path / "results"


def call(*arguments):
    return CliRunner().invoke(app, ["report", *map(str, arguments)])


def test_report_prints_where_the_page_is_and_nothing_else(store, tmp_path):
    done = call("--store", store, "--out", tmp_path / "reports")
    assert (done.exit_code, done.stdout) == (0, f"{tmp_path / 'reports' / 'index.html'}\n")


def test_the_page_can_be_opened_at_once(store, tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr("typer.launch", opened.append)
    call("--store", store, "--out", tmp_path / "reports", "--open")
    assert opened == [str(tmp_path / "reports" / "index.html")]


def test_the_store_comes_from_the_environment(store, tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_STORE", str(store))
    assert call("--format", "markdown").stdout.startswith("## harness\n")


def test_named_runs_stand_side_by_side(store):
    runs = [run_id_of(night, "cpu") for night in (0, 1)]
    data = json.loads(call(*runs, "--store", store, "--format", "json").stdout)
    assert [place["target"] for place in data["places"]] == ["cpu", "cpu"]
    assert [place["runs"] for place in data["places"]] == [[runs[0]], [runs[1]]]


def test_claims_of_the_cards_are_judged_and_sizes_checked(store):
    data = json.loads(call("--store", store, "--format", "json").stdout)
    assert {claim["claim"] for claim in data["claims"]} == {"faster", "cheaper", "as-good", "growth"}
    assert {size["verdict"] for size in data["sizes"]} == {"not built"}  # the made-up store builds nothing at published size


def test_an_unknown_run_is_one_sentence(store):
    done = call("nonsense", "--store", store)
    assert done.exit_code != 0
    assert "there is no run 'nonsense'" in str(done.exception)


def test_a_report_needs_no_torch_and_no_plugin(store, tmp_path):
    import subprocess

    code = (
        "import sys; from harness.cli.report import report; "
        f"report([], out=__import__('pathlib').Path({str(tmp_path / 'reports')!r}), store={str(store)!r}); "
        "bad = [m for m in sys.modules if m.split('.')[0] in ('torch', 'harness_papers')]; sys.exit(len(bad))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_asking_for_help_shows_examples():
    assert "harness report --open" in call("--help").stdout
