import json

import pytest

from harness.report import render_json, render_markdown
from harness.report.markdown import escape
from tests.report.conftest import SMALL
from tests.report.hostile import hostile_judgements, write_hostile
from tests.report.synthetic import Recipe, judgements_of, sizes_of, write_store


@pytest.fixture(scope="module")
def markdown(small):
    return render_markdown(small, [], judgements_of(SMALL))


def test_the_summary_says_where_what_and_how_trustworthy(markdown):
    assert "| cpu · AMD EPYC 7B13 | `20261003-220000-cpu` | " in markdown
    assert "latencies are known to ±" in markdown


def test_the_summary_has_the_gains_of_every_paper_with_intervals(markdown):
    (line,) = [line for line in markdown.splitlines() if line.startswith("| folded\\_attention | dense |") and "▲" in line][:1]
    cells = [cell.strip() for cell in line.split("|")]
    assert cells[4] == "\\#0.7407× ▲"
    assert "×" in cells[3] and "(" in cells[3]
    assert cells[6].startswith("≈")


def test_the_summary_tells_bad_news(markdown):
    assert "### Claims that fell short" in markdown
    assert "- **torn** could not be read" in markdown
    assert "shapes do not fit" in markdown


def test_tables_are_rectangular(markdown):
    width = None
    for line in markdown.splitlines():
        if not line.startswith("|"):
            width = None
            continue
        columns = line.replace("\\|", "").count("|")
        assert width in (None, columns), line
        width = columns


def test_a_summary_fits_a_comment_however_large_the_run(tmp_path):
    recipe = Recipe(papers=120, families=5, samples=1)
    text = render_markdown(write_store(tmp_path, recipe), [], judgements_of(recipe))
    assert len(text) < 65_536
    assert "papers more" in text and "claims more" in text


def test_hostile_strings_stay_text_in_markdown(tmp_path):
    text = render_markdown(write_hostile(tmp_path), [], hostile_judgements())
    assert "<script" not in text.replace("\\<script", "") and "<img" not in text.replace("\\<img", "")
    assert escape("a\n| b `c` @team #1 <x>") == "a \\| b \\`c\\` \\@team \\#1 \\<x\\>"


def test_json_holds_the_same_figures_as_the_pages(small, facts):
    data = json.loads(json.dumps(render_json(small, [], judgements_of(SMALL), sizes_of(SMALL))))
    assert len(data["figures"]) == sum(len(found) for found in facts.figures.values())
    row = next(f for f in data["figures"] if f["metric"] == "latency_ratio" and f["place"] == "cpu")
    assert row["baseline"] and row["low"] < row["value"] < row["high"]
    assert {claim["verdict"] for claim in data["claims"]} <= {
        "upheld", "consistent", "direction only", "inconclusive", "refuted", "not testable here",
    }  # fmt: skip
    assert [run["run_id"] for run in data["runs"]] == sorted(run["run_id"] for run in data["runs"])
    assert {failure["status"] for failure in data["failures"]} == {"broken", "failed", "timeout"}
    assert len(data["sizes"]) == 8
