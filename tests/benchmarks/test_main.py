import sys
from types import SimpleNamespace

import pytest

from benchmarks import __main__ as bench
from benchmarks.section import Goal, Section


@pytest.fixture
def sections(monkeypatch):
    """Stand-ins for two sections: one that ends with a goal that is not met, one that breaks."""
    seen = []

    def ends(extent):
        seen.append(extent)
        return Section("Ends", "By hand.", goals=[Goal("under 1", False, "2")])

    def breaks(extent):
        raise RuntimeError("no such tool")

    monkeypatch.setitem(sys.modules, "benchmarks.overhead", SimpleNamespace(run=ends))
    monkeypatch.setitem(sys.modules, "benchmarks.startup", SimpleNamespace(run=breaks))
    return seen


def test_a_goal_that_is_not_met_is_a_result(sections, tmp_path, capsys):
    out = tmp_path / "RESULTS.md"
    assert bench.main(["overhead", "--out", str(out)]) == 0
    assert "not met: under 1: 2" in capsys.readouterr().out
    text = out.read_text()
    assert "## Ends" in text and "- **not met**: under 1: 2" in text
    assert "Measured on " in text and " cores, " in text and "load average" in text and "quick" not in text


def test_a_section_that_breaks_leaves_the_others_and_what_stood_in_the_file(sections, tmp_path, capsys):
    out = tmp_path / "RESULTS.md"
    out.write_text("<!-- startup -->\n## Start-up, old\n<!-- /startup -->\n")
    assert bench.main(["startup", "overhead", "--out", str(out)]) == 1
    said = capsys.readouterr().err
    assert "no such tool" in said and "did not end, and left what stood in the file: startup" in said
    assert "## Ends" in out.read_text() and "## Start-up, old" in out.read_text()


def test_a_quick_run_says_so_and_does_not_touch_the_results(sections, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(bench, "RESULTS", tmp_path / "RESULTS.md")
    assert bench.main(["overhead", "--quick"]) == 0
    assert sections[0].quick and not (tmp_path / "RESULTS.md").exists()
    assert "too few repetitions to decide anything" in capsys.readouterr().out


def test_an_unknown_section_names_those_there_are(capsys):
    with pytest.raises(SystemExit):
        bench.main(["ovrhead"])
    assert "no section 'ovrhead'; there are overhead, isolation" in capsys.readouterr().err


@pytest.mark.parametrize("name", bench.SECTIONS)
def test_every_section_is_a_module_with_a_title_and_a_run(name):
    module = __import__(f"benchmarks.{name}", fromlist=["run"])
    assert module.TITLE and callable(module.run)
