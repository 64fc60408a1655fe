import pytest

from harness.report.facts import load
from harness.report.notation.quantities import Tier
from harness.report.notation.units import DisplayUnit
from harness.report.tables.cells import CellWriter, figure_cell
from harness.report.tables.markup import cell_markup, plain_digits
from harness.report.tables.table import build_table
from tests.report.made import about, fig
from tests.report.synthetic import Recipe, write_store


@pytest.fixture(scope="module")
def attention(facts):
    return build_table(facts, [card for card in facts.cards.values() if card.family == "attention"])


def cells(table, label, place=None, **wanted):
    columns = [i for i, c in enumerate(table.columns) if c.quantity.label == label and (place is None or c.group == place)]
    rows = [row for row in table.rows if all(getattr(row.key, name) == value for name, value in wanted.items())]
    return [[row.cells[i] for i in columns] for row in rows]


def test_rows_are_variants_in_the_cards_order_the_method_first(attention):
    first = [(row.key.paper, row.key.variant, row.is_subject) for row in attention.rows[:3]]
    assert first == [
        ("folded_attention", "folded_attention", True),
        ("folded_attention", "dense", False),
        ("folded_attention", "window", False),
    ]
    assert [row.opens_group for row in attention.rows[:4]] == [True, False, False, True]


def test_what_was_counted_alike_everywhere_stands_once(attention):
    groups = {column.quantity.metric: column.group for column in attention.columns}
    assert groups["macs"] == "everywhere"
    assert sum(column.quantity.metric == "latency" for column in attention.columns) == 2
    assert [heading.label for heading in attention.headings] == ["everywhere", "cpu", "cuda:0"]


def test_counts_that_differ_between_places_stand_apart(facts):
    from dataclasses import replace

    figures = {row: dict(found) for row, found in facts.figures.items()}
    row, key = next((row, key) for row, found in figures.items() for key in found if key.metric == "macs" and key.place == "cpu")
    figures[row][key] = replace(figures[row][key], value=1.0, low=1.0, high=1.0)
    table = build_table(replace(facts, figures=figures), list(facts.cards.values()))
    assert sum(column.quantity.metric == "macs" for column in table.columns) == 2


def test_with_one_place_columns_stand_by_what_they_are_about(tmp_path):
    facts = load(write_store(tmp_path, Recipe(papers=1)))
    table = build_table(facts, list(facts.cards.values()))
    assert [heading.label for heading in table.headings] == ["Quality", "Speed", "Memory", "Energy", "Size and work"]
    assert sum(heading.span for heading in table.headings) == len(table.columns)


def test_the_method_is_best_where_its_interval_says_so(attention):
    marks = [
        cell.best for (cell,) in cells(attention, "Latency", "cpu", workload="infer", params='{"length": 64}', paper="folded_attention")
    ]
    assert marks == [True, False, False]


def test_rows_of_another_question_are_not_competed_with(facts):
    from dataclasses import replace

    cards = [card for card in facts.cards.values() if card.family == "attention"]
    together = build_table(facts, cards)
    apart = build_table(facts, [replace(card, task=card.slug) for card in cards])
    count = [sum(cell.best for row in table.rows for cell in row.cells) for table in (together, apart)]
    assert count[1] > count[0]


def test_a_case_that_failed_says_so_in_its_cells(facts):
    table = build_table(facts, [facts.cards["sparse_attention"]])
    (cell,) = cells(table, "Latency", "cpu", params='{"length": 256}')[0]
    assert (cell.text, cell.order, cell.missing.name) == ("failed", None, "failed")
    assert "shapes do not fit" in cell.title


def test_noise_is_marked_and_says_why(facts):
    table = build_table(facts, [facts.cards["gated_attention"]])
    (cell,) = cells(table, "Latency", "cpu", params='{"length": 64}')[0]
    assert [(mark.name, mark.about) for mark in cell.marks] == [("noisy", "noisy: steal 4% in 1 of 3 processes")]


def test_a_remark_that_is_not_noise_is_a_note():
    cell = figure_cell(fig(1.0, message="more than one mode"), DisplayUnit("s", 1.0))
    assert [mark.name for mark in cell.marks] == ["note"]


def test_qualities_stand_in_the_rows_of_every_workload(facts):
    table = build_table(facts, [facts.cards["folded_attention"]])
    rows = {row.key.workload: row.cells for row in table.rows if row.is_subject and row.is_default}
    column = next(i for i, c in enumerate(table.columns) if c.quantity.metric == "accuracy")
    assert rows["infer"][column].text == rows["train_step"][column].text != "–"
    assert "" not in rows


def test_a_paper_that_times_nothing_still_has_rows(tmp_path):
    from harness import Paper, Variant

    card = Paper(slug="study", title="A Study", arxiv="", year=2024, family="theory", task="t", method="m.", workloads=(),
                 variants=[Variant("a", "one", subject=True), Variant("b", "two")], qualities={"gap": "lower"})  # fmt: skip
    facts = load(write_store(tmp_path, Recipe(cards=(card,), trouble=False)))
    table = build_table(facts, list(facts.cards.values()))
    assert [(row.key.variant, row.cells[0].text != "–") for row in table.rows] == [("a", True), ("b", True)]


def test_rows_that_could_not_run_here_are_left_out_and_counted(facts):
    from dataclasses import replace

    cases = tuple(replace(case, status="skipped") if case.workload == "train_step" else case for case in facts.cases)
    table = build_table(replace(facts, cases=cases), [facts.cards["folded_attention"]])
    assert {row.key.workload for row in table.rows} == {"infer"}
    assert table.left_out == 9


def test_a_family_shows_fewer_quantities_than_a_paper(facts):
    cards = list(facts.cards.values())
    assert len(build_table(facts, cards, Tier.TABLE).columns) < len(build_table(facts, cards).columns)


def test_a_table_too_long_to_sort_keeps_default_points(facts):
    cards = list(facts.cards.values())
    full, cut = build_table(facts, cards), build_table(facts, cards, most_rows=10)
    assert (full.only_defaults, cut.only_defaults) == (False, True)
    assert all(row.is_default for row in cut.rows) and len(cut.rows) < len(full.rows)


def test_conditions_are_offered_for_filtering_where_they_differ(attention):
    assert {f.field: f.values for f in attention.filters} == {
        "paper": ("folded_attention", "gated_attention"),
        "workload": ("infer", "train_step"),
    }


def test_a_figure_is_written_once_for_all_tables(facts):
    writer = CellWriter(facts)
    card = facts.cards["folded_attention"]
    first, second = (build_table(facts, [card], writer=writer) for _ in range(2))
    assert all(
        a is b for left, right in zip(first.rows, second.rows, strict=True) for a, b in zip(left.cells, right.cells, strict=True) if a.order
    )


@pytest.mark.parametrize(
    ("value", "written"), [(4089184256.0, "4089184256"), (0.00123456789012, "0.00123456789"), (1e30, "1e+30"), (0.0, "0")]
)
def test_scripts_get_every_digit_of_a_count(value, written):
    assert plain_digits(value) == written


def test_a_cell_escapes_what_a_plugin_says():
    hostile = '"><img src=x onerror=alert(1)>'
    cell = figure_cell(about(1.0, message=f"noisy {hostile}", provenance=hostile), DisplayUnit("s", 1.0))
    html = str(cell_markup(cell, at_edge=True))
    assert "<img" not in html and "&lt;img" in html
