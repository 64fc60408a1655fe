import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.plugin.card import Better
from harness.report.charts.breakdown import breakdown_charts
from harness.report.charts.chart import reach, ticks
from harness.report.charts.distribution import distribution_charts
from harness.report.charts.gains import gains, gains_chart
from harness.report.charts.nights import night_charts
from harness.report.charts.pareto import Point, on_front, pareto_charts
from harness.report.charts.roofline import roofline_charts
from harness.report.charts.sweep import sweep_charts
from harness.report.drawn import MOST, drawing, is_single, write_drawings
from harness.report.facts.breakdowns import Block, Scene
from tests.report.made import about, fig, row


@pytest.fixture
def cpu(facts):
    return facts.places[0]


@pytest.fixture
def card(facts):
    return facts.cards["folded_attention"]


def values(chart):
    return chart.spec["data"]["values"]


def points(*pairs, share=0.01):
    return [Point(row(str(i)), False, about(cost, share), about(good, share)) for i, (cost, good) in enumerate(pairs)]


def test_the_front_is_what_nothing_beats():
    assert on_front(points((1, 0.5), (2, 0.9), (3, 0.8)), Better.HIGHER) == [True, True, False]


def test_the_front_turns_with_the_direction_of_quality():
    assert on_front(points((1, 0.5), (2, 0.9), (3, 0.4)), Better.LOWER) == [True, False, True]


def test_a_tie_in_one_and_a_clear_win_in_the_other_beats():
    assert on_front(points((1, 0.90), (2, 0.905), share=0.02), Better.HIGHER) == [True, False]


def test_what_cannot_be_told_apart_in_both_stands_together():
    assert on_front(points((1.0, 0.9), (1.01, 0.905), share=0.05), Better.HIGHER) == [True, True]


def test_points_without_intervals_are_compared_by_value():
    bare = [Point(row(str(i)), False, fig(cost), fig(good)) for i, (cost, good) in enumerate([(1, 0.5), (2, 0.4)])]
    assert on_front(bare, Better.HIGHER) == [True, False]


@given(st.lists(st.tuples(st.floats(0.1, 100), st.floats(0.1, 1)), min_size=1, max_size=12))
def test_somebody_is_always_on_the_front(pairs):
    assert any(on_front(points(*pairs), Better.HIGHER))


def test_a_family_is_drawn_only_with_papers_of_one_question_and_one_quality(facts, cpu):
    cards = [card for card in facts.cards.values() if card.family == "attention"]
    chart = pareto_charts(facts, cards, cpu)[0]
    assert {value["paper"] for value in values(chart)} == {card.slug for card in cards}
    strangers = [cards[0], replace(cards[1], qualities={"loss": "lower"})]
    assert {len({v["paper"] for v in values(c)}) for c in pareto_charts(facts, strangers, cpu)} == {1}


def test_an_estimated_cost_says_so_on_its_axis(facts, card, cpu):
    energy = next(chart for chart in pareto_charts(facts, [card], cpu) if "energy" in chart.title)
    assert energy.fields["x"] == "Energy (mJ), estimated"
    assert any("estimated" in value["metric"] for value in values(gains_chart(facts, [card], cpu, "x")[0]))


def test_what_was_counted_is_drawn_on_one_place_alone(facts, card):
    titles = [{chart.title for chart in sweep_charts(facts, card, place)} for place in facts.places]
    assert any("FLOPs" in title for title in titles[0]) and not any("FLOPs" in title for title in titles[1])


def test_exponents_of_growth_are_fitted_and_written(facts, card, cpu):
    chart = next(c for c in sweep_charts(facts, card, cpu) if c.title == "FLOPs along length, infer")
    assert chart.words == "folded_attention: n^1.00; dense: n^1.50; window: n^1.00"  # the made-up store's own growth
    assert all({"x", "y", "fit"} <= set(value) for value in values(chart))


def test_two_points_have_no_exponent(facts, card, cpu):
    short = {key: found for key, found in facts.figures.items() if "256" not in key.params}
    chart = next(c for c in sweep_charts(replace(facts, figures=short), card, cpu) if "Latency" in c.title)
    assert chart.words == "folded_attention; dense; window"
    assert all("fit" not in value for value in values(chart))


def test_a_sweep_over_words_is_not_drawn(facts, card, cpu):
    worded = {key._replace(params=json.dumps({"length": "long"})): found for key, found in facts.figures.items()}
    assert sweep_charts(replace(facts, figures=worded), replace(card, sweep={"length": ["long"]}), cpu) == []


def test_a_break_down_adds_up_to_the_whole(facts, card, cpu):
    chart = next(c for c in breakdown_charts(facts, card, cpu) if c.title == "FLOPs by operator, infer")
    shares = facts.shares[Scene(card.slug, cpu.key, "infer")]["flops"]["dense"]
    drawn = sum(value["value"] for value in values(chart) if value["variant"] == "dense")
    assert drawn * 1e6 == pytest.approx(sum(shares.values()), rel=1e-4)
    assert {value["operator"] for value in values(chart)} >= {"other", "addmm", "copy_"}


def test_a_distribution_ends_at_its_slowest_block(facts, card, cpu):
    chart = distribution_charts(facts, card, cpu)[0]
    blocks = facts.blocks[Scene(card.slug, cpu.key, "infer")]["dense"]
    drawn = [value for value in values(chart) if value["variant"] == "dense"]
    assert max(v["x"] for v in drawn) / 1e3 == pytest.approx(max(b.seconds for b in blocks), rel=1e-4)
    assert "p99" in chart.words and "36 blocks in 3 processes" in chart.words


def test_a_handful_of_blocks_is_no_distribution(facts, card, cpu):
    few = {scene: {name: own[:5] for name, own in found.items()} for scene, found in facts.blocks.items()}
    assert distribution_charts(replace(facts, blocks=few), card, cpu) == []


def test_two_modes_are_seen_as_a_step(facts, card, cpu):
    modes = [Block(0, 0.001)] * 20 + [Block(0, 0.002)] * 20
    chart = distribution_charts(replace(facts, blocks={Scene(card.slug, cpu.key, "infer"): {"dense": modes}}), card, cpu)[0]
    below = [value["share"] for value in values(chart) if value["x"] < 1.5]
    assert max(below) == pytest.approx(0.5, abs=0.05)


def test_a_roofline_needs_both_peaks(facts, cpu):
    cards = list(facts.cards.values())
    (chart,) = roofline_charts(facts, cards, cpu, "all")
    assert all(value["reached"] > 0 for value in values(chart))
    bare = replace(cpu, runs=tuple(replace(run, environment={"peak_flops": "1e12"}) for run in cpu.runs))
    assert roofline_charts(facts, cards, bare, "all") == []


def test_the_share_of_the_roof_is_what_the_device_allows_at_that_intensity(facts, cpu):
    value = values(roofline_charts(facts, list(facts.cards.values()), cpu, "all")[0])[0]
    environment = cpu.environment()
    roof = min(float(environment["peak_flops"]), float(environment["peak_bandwidth"]) * value["x"]) / 1e9
    assert value["reached"] == pytest.approx(value["y"] / roof, rel=1e-3)


def test_history_is_drawn_from_three_runs_on(facts, card, cpu):
    (chart,) = night_charts(facts, card, cpu)
    assert chart.title == "Latency over 3 runs"
    assert len(values(chart)) == 9
    assert night_charts(replace(facts, history={}), card, cpu) == []


def test_gains_are_over_the_cards_first_baseline(facts, card, cpu):
    found = gains(facts, card, cpu)
    assert {one.baseline for one in found.values()} == {"dense"}
    assert found["latency"].paired and not found["macs"].paired
    assert found["macs"].estimate.value == pytest.approx(1 / 1.35, rel=1e-3)


def test_an_axis_of_ratios_never_magnifies_a_hairs_breadth(facts, card, cpu):
    figures = {key: {k: replace(f, value=1.0, low=1.0, high=1.0) for k, f in found.items()} for key, found in facts.figures.items()}
    spec = gains_chart(replace(facts, figures=figures), [card], cpu, "x")[0].spec
    low, high = next(layer["encoding"]["x"]["scale"]["domain"] for layer in spec["layer"] if "scale" in layer["encoding"]["x"])
    assert low < 0.9 and high > 1.1


@given(st.lists(st.floats(1e-6, 1e9), min_size=1, max_size=5))
def test_ticks_hold_every_value_and_are_few(found):
    steps = ticks(found)
    assert steps == sorted(steps)
    assert steps[0] <= min(found) and steps[-1] >= max(found)
    assert len(steps) <= 18


def test_every_kind_of_chart_can_be_drawn(facts, card, cpu):
    makers = (sweep_charts, distribution_charts, breakdown_charts, night_charts)
    charts = [chart for make in makers for chart in make(facts, card, cpu)[:1]]
    charts += pareto_charts(facts, [card], cpu)[:1] + gains_chart(facts, [card], cpu, "x") + roofline_charts(facts, [card], cpu, "x")
    assert len(charts) == 7
    for chart in charts:
        svg = drawing(chart)
        assert svg.startswith("<svg") and "NaN" not in svg and "undefined" not in svg


def test_many_charts_are_left_to_the_browser(facts, card, cpu, tmp_path):
    (chart,) = night_charts(facts, card, cpu)
    assert write_drawings([chart], tmp_path / "few") == {chart.key}
    assert write_drawings([chart] * (MOST + 1), tmp_path / "many") == frozenset()
    assert not (tmp_path / "many").exists()


def test_a_plugins_chart_cannot_fetch_anything(facts, card, cpu):
    (chart,) = night_charts(facts, card, cpu)
    asking = replace(
        chart, is_plugins=True, spec={"data": {"url": "http://127.0.0.1:9/secret.csv"}, "mark": "point", "encoding": {"x": {"field": "a"}}}
    )
    with pytest.raises(ValueError, match=r"(?i)allowed"):
        drawing(asking)


def test_a_plugins_broken_chart_is_left_out_and_the_rest_is_drawn(facts, card, cpu, tmp_path):
    (chart,) = night_charts(facts, card, cpu)
    broken = replace(chart, key="broken", is_plugins=True, spec={"mark": 7})
    assert write_drawings([broken, chart], tmp_path / "charts") == {chart.key}
    with pytest.raises(ValueError):
        write_drawings([replace(broken, is_plugins=False)], tmp_path / "own")


@pytest.mark.parametrize(
    ("spec", "single"),
    [
        ({"mark": "bar"}, True),
        ({"layer": []}, True),
        ({"mark": "bar", "encoding": {"row": {"field": "a"}}}, False),
        ({"hconcat": []}, False),
        ({"facet": {}, "spec": {}}, False),
    ],
)
def test_only_one_drawing_takes_the_width_of_the_page(spec, single):
    assert is_single(spec) is single


def test_a_hopelessly_wide_interval_does_not_squeeze_the_rest():
    assert reach([1.0, 2.0], [1e-9, 1e9, None]) == [1.0, 2.0, 0.25, 8.0]
    assert reach([1.0, 2.0], [0.9, 2.2]) == [1.0, 2.0, 0.9, 2.2]
