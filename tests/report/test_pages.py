from dataclasses import replace

import pytest

from harness.report.facts import load
from harness.report.facts.facts import StoredArtifact
from harness.report.judged.claims import claim_rows
from harness.report.pages.commands import commands_for
from harness.report.pages.failures import build_failures
from harness.report.pages.family import build_family
from harness.report.pages.index import build_index
from harness.report.pages.machines import build_machines
from harness.report.pages.paper import build_paper
from harness.report.pages.shown import show
from harness.report.pages.trust import trust_in
from harness.report.prose import prose
from harness.report.tables.cells import CellWriter
from tests.report.conftest import SMALL
from tests.report.synthetic import Recipe, judgements_of, sizes_of, write_store


@pytest.fixture
def index(facts):
    return build_index(facts, claim_rows(facts, judgements_of(SMALL)), sizes_of(SMALL))


@pytest.fixture
def card(facts):
    return facts.cards["folded_attention"]


def test_the_index_counts_what_ran(index):
    assert [(row.place.label, row.ok > 0, row.bad) for row in index.places] == [("cpu", True, 2), ("cuda:0", True, 2)]
    assert (len(index.papers), index.variants, index.claims, index.broken) == (4, 12, 16, 1)
    assert index.judged == 32
    assert sum(count for _, count in index.sizes) == 8


def test_the_index_has_every_paper_under_its_family(index):
    assert [(row.card.family, row.card.slug) for row in index.papers] == [
        ("attention", "folded_attention"),
        ("attention", "gated_attention"),
        ("time-series", "sparse_attention"),
        ("time-series", "windowed_attention"),
    ]
    assert [(family.name, family.papers) for family in index.families] == [("attention", 2), ("time-series", 2)]


def test_the_index_shows_the_method_over_its_first_baseline(index):
    row = index.papers[0]
    latency, macs, memory, energy, quality = row.gains
    assert latency.paired and latency.sense == "better"
    assert (macs.text, macs.provenance.name) == ("0.7407×", "counted")
    assert energy.provenance.name == "estimated"
    assert (quality.text[0], row.quality_label) == ("+", "accuracy")
    assert memory.sense == "better"


def test_the_main_place_is_where_most_cases_ended_well(tmp_path):
    facts = load(write_store(tmp_path, Recipe(papers=2, targets=("ssh:pi4", "cuda:0"))))
    assert facts.main_place.target == "cuda:0"


@pytest.mark.parametrize(
    ("change", "mark"),
    [
        ({}, "steady"),
        ({"message": "noisy: steal 9%"}, "noisy"),
        ({"low": 0.0001}, "coarse"),
        ({"low": None, "high": None}, "coarse"),
    ],
)
def test_trust_is_said_in_a_word(facts, change, mark):
    figures = {
        row: {key: replace(f, message="", **change) if "message" not in change else replace(f, **change) for key, f in found.items()}
        for row, found in facts.figures.items()
    }
    assert trust_in(replace(facts, figures=figures), facts.places[0]).mark.name == mark


def test_where_nothing_was_timed_nothing_is_vouched_for(facts):
    trust = trust_in(replace(facts, figures={}), facts.places[0])
    assert (trust.mark.name, trust.timed) == ("not timed", 0)


def test_every_figure_has_the_command_that_measures_it_again(facts, card):
    commands = {(command.place, command.gives[0]): command.text for command in commands_for(facts, card)}
    wanted = "harness run --plugins folded_attention --device cpu --scale small --metrics latency --threads 2 --fresh"
    assert commands["cpu", "Latency"] == wanted
    assert {"Latency", "Parameters", "Weights", "Energy", "accuracy"} <= {gives for _, gives in commands}


def test_a_command_names_what_is_not_as_usual_and_quotes_it(facts, card):
    cases = tuple(replace(case, mode="compile", dtype="bfloat16", target="x; rm -rf /") for case in facts.cases_by_paper[card.slug])
    text = commands_for(replace(facts, cases=cases), card)[0].text
    assert "--dtype bfloat16 --mode compile" in text
    assert "--device 'x; rm -rf /'" in text


def test_a_mistake_that_befell_many_cases_is_told_once(facts):
    page = build_failures(facts)
    told = {(failure.status.name, failure.message): len(failure.cases) for failure in page.bad}
    assert told == {("failed", "RuntimeError: shapes do not fit"): 2, ("timeout", "stopped after 600 s, the limit"): 2}
    assert "shapes do not fit" in next(failure.traceback for failure in page.bad if failure.status.name == "failed")
    assert [broken.paper for broken in page.broken] == ["torn"]


def test_skips_of_many_papers_are_told_once(tmp_path):
    page = build_failures(load(write_store(tmp_path, Recipe(papers=3, targets=("ssh:pi4",)))))
    (skip,) = page.skipped
    assert len(skip.papers) == 3 and skip.cases[0].startswith("folded_attention: ")


def test_machines_stand_side_by_side_and_differences_are_told(facts):
    machines = build_machines(facts)
    row = next(row for row in machines.facts if row.name == "cpu model")
    assert (row.values, row.differs) == (("AMD EPYC 7B13", "Intel Xeon Platinum 8462Y"), True)
    peak = next(row for row in machines.facts if row.name == "peak flops")
    assert peak.values == ("120 GFLOP/s", "67.0 TFLOP/s")
    assert [place for place, _ in ((group.label, group.charts) for group in machines.charts)] == [place.title for place in facts.places]


def test_a_change_of_software_between_runs_is_told(tmp_path):
    machines = build_machines(load(write_store(tmp_path, Recipe(papers=1, nights=21))))
    assert [(change.name, change.before, change.after) for change in machines.changes] == [("torch", "2.13.0", "2.13.1")]


def test_a_family_page_lists_each_question_with_its_papers(facts):
    family = build_family(facts, "attention", CellWriter(facts))
    (task,) = family.tasks
    assert [slug for slug, _ in task.papers] == ["folded_attention", "gated_attention"]
    assert task.protocol == "Sequences of the family attention have 32 channels at every length.", "said once, by however many cards"
    assert {group.label for group in family.charts} == {place.title for place in facts.places}


def apart(facts, slugs):
    """Let these papers ask questions of their own, without a common protocol."""
    return replace(facts, cards={s: replace(c, task=f"{s}: {c.task}", protocol="") if s in slugs else c for s, c in facts.cards.items()})


@pytest.mark.parametrize(
    ("slugs", "said"),
    [((), False), (("folded_attention",), False), (("folded_attention", "gated_attention"), True)],
    ids=["none of two", "one of two", "both"],
)
def test_papers_with_questions_of_their_own_alone_have_no_common_protocol(facts, slugs, said):
    assert build_family(apart(facts, slugs), "attention", CellWriter(facts)).is_apart is said


def test_a_paper_alone_has_nobody_to_share_a_protocol_with(tmp_path):
    facts = apart(load(write_store(tmp_path, Recipe(papers=1))), ("folded_attention",))
    assert not build_family(facts, "attention", CellWriter(facts)).is_apart


def test_a_papers_page_is_complete(facts, card):
    claims = [row for row in claim_rows(facts, judgements_of(SMALL)) if row.card.slug == card.slug]
    page = build_paper(facts, card, claims, sizes_of(SMALL), CellWriter(facts))
    assert {chart.part for group in page.charts for chart in group.charts} == {
        "Quality against cost", "Growth", "Spread and history", "Where the work goes",
    }  # fmt: skip
    assert [artifact.name for artifact in page.artifacts] == ["attention map", "log", "loss"]
    assert page.arxiv == "https://arxiv.org/abs/2401.10000"
    assert page.neighbours == (("gated_attention", "paper/gated_attention.html"),)
    assert page.defaults == (("small", "length 64"),)


def test_claims_without_a_figure_stand_apart_unless_their_scaled_check_has_one(facts, card):
    rows = [row for row in claim_rows(facts, judgements_of(SMALL)) if row.card.slug == card.slug]
    bare = [replace(row, strip=None) for row in rows]
    page = build_paper(facts, card, bare, [], CellWriter(facts))
    assert page.claims == () and len(page.untestable) == sum(not row.is_scaled for row in rows)
    assert build_paper(facts, card, [], [], CellWriter(facts)).unjudged == card.claims


@pytest.mark.parametrize(
    ("kind", "content", "text"),
    [
        ("text", b"a <b> log", "a <b> log"),
        ("image", b"GIF89a", "cannot be shown: image is not a PNG, a chart or a text"),
        ("chart", b"{not json", "cannot be shown: the chart is not JSON"),
        ("chart", b"[1]", "cannot be shown: the chart is not a Vega-Lite specification"),
        ("video", b"", "cannot be shown: video is not a PNG, a chart or a text"),
        ("text", b"x" * 20_010, "x" * 20_000 + "\n… 10 characters more"),
    ],
)
def test_an_artifact_that_cannot_be_shown_says_why(kind, content, text):
    assert show(StoredArtifact("cpu", "p", "v", "n", kind, "", content)).text.startswith(text)


def test_a_picture_becomes_a_file_named_by_its_content():
    png = b"\x89PNG\r\n\x1a\nrest"
    a, b = (show(StoredArtifact("cpu", "p", "v", name, "image", "", png)) for name in ("../../a", "b"))
    assert a.picture == b.picture and a.picture.startswith("artifacts/") and ".." not in a.picture


def test_backticks_of_a_card_are_code_and_nothing_else_is_markup():
    assert str(prose("at `small` <b>scale</b>")) == "at <code>small</code> &lt;b&gt;scale&lt;/b&gt;"
    assert str(prose("`<script>`")) == "<code>&lt;script&gt;</code>"
