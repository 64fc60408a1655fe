import pytest

from harness.plugin.card import Better
from harness.report.facts.facts import Facts
from harness.report.notation.quantities import quantity
from harness.report.tables.cells import ratio_text
from harness.report.tables.relative import Sense, relative, sense
from harness.stats.estimate import Estimate
from tests.report.made import about, exact, fig, key, row


def facts_of(figures):
    return Facts("", (), (), {}, (), figures, (), {}, {}, (), {})


LATENCY, MACS, ENERGY = (quantity(name, "", {}, ()) for name in ("latency", "macs", "energy"))
ACCURACY = quantity("accuracy", "", {"accuracy": "higher"}, ())


def compared(what, own, base, **ratio):
    figures = {row("ours"): {key(what.metric): own}, row("base"): {key(what.metric): base}}
    if ratio:
        figures[row("ours")][key("latency_ratio", baseline="base")] = ratio["paired"]
    return relative(facts_of(figures), row("ours"), "cpu", what, "base")


def test_a_ratio_measured_interleaved_is_preferred_to_one_of_two_separate_figures():
    found = compared(LATENCY, about(1.0), about(2.0), paired=about(0.45, unit="1"))
    assert (found.estimate.value, found.paired, found.sense) == (0.45, True, Sense.BETTER)


def test_without_it_the_interval_grows_from_both_figures():
    found = compared(LATENCY, about(1.0, 0.1), about(2.0, 0.1))
    assert not found.paired
    assert found.estimate.value == pytest.approx(0.5)
    assert found.estimate.low < 0.5 * 0.9 and found.estimate.high > 0.5 * 1.1


def test_counts_give_exact_ratios():
    found = compared(MACS, exact(30.0), exact(40.0))
    assert (found.estimate.low, found.estimate.value, found.estimate.high) == (0.75, 0.75, 0.75)
    assert compared(MACS, exact(40.0), exact(40.0)).sense is Sense.SAME


def test_qualities_are_compared_by_difference():
    found = compared(ACCURACY, about(0.9, 0.001), about(0.85, 0.001))
    assert found.is_difference and found.sense is Sense.BETTER
    assert ratio_text(found).text == "+0.0500"


def test_figures_had_in_different_ways_are_not_compared():
    assert compared(ENERGY, about(1.0), about(2.0, provenance="estimated")) is None
    assert compared(ENERGY, about(1.0, provenance="estimated"), about(2.0, provenance="estimated")).provenance == "estimated"


@pytest.mark.parametrize(("own", "base"), [(exact(0.0), exact(4.0)), (exact(3.0), exact(0.0))])
def test_nothing_has_a_ratio_to_zero(own, base):
    assert compared(MACS, own, base) is None


def test_the_baseline_is_not_compared_with_itself():
    assert relative(facts_of({row("base"): {key("macs"): exact(1.0)}}), row("base"), "cpu", MACS, "base") is None


@pytest.mark.parametrize(
    ("low", "high", "better", "found"),
    [
        (0.8, 0.9, Better.LOWER, Sense.BETTER),
        (0.8, 0.9, Better.HIGHER, Sense.WORSE),
        (0.95, 1.05, Better.LOWER, Sense.UNCLEAR),
        (0.8, 1.0, Better.LOWER, Sense.UNCLEAR),
        (0.8, 0.9, None, Sense.UNCLEAR),
    ],
)
def test_a_direction_is_said_only_where_the_whole_interval_says_it(low, high, better, found):
    assert sense(Estimate.around(0.9, low, high, 3), 1.0, better) is found


def test_without_an_interval_no_direction_is_said():
    assert compared(LATENCY, fig(1.0), fig(2.0)).sense is Sense.UNCLEAR
