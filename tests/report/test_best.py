from hypothesis import given
from hypothesis import strategies as st

from harness.plugin.card import Better
from harness.report.tables.best import best_of
from tests.report.made import about, exact, fig


def test_the_smallest_is_best_where_lower_is_better():
    assert best_of({"a": about(1.0), "b": about(1.2), "c": about(1.5)}, Better.LOWER) == {"a"}
    assert best_of({"a": about(1.0), "b": about(1.2), "c": about(1.5)}, Better.HIGHER) == {"c"}


def test_figures_that_cannot_be_told_apart_tie():
    assert best_of({"a": about(1.0, 0.05), "b": about(1.02, 0.05), "c": about(2.0)}, Better.LOWER) == {"a", "b"}


def test_where_all_tie_nobody_is_best():
    assert best_of({"a": about(1.0, 0.1), "b": about(1.02, 0.1)}, Better.LOWER) == frozenset()
    assert best_of({"a": exact(5.0), "b": exact(5.0)}, Better.LOWER) == frozenset()


def test_equal_counts_tie_and_share_the_mark():
    assert best_of({"a": exact(5.0), "b": exact(5.0), "c": exact(6.0)}, Better.LOWER) == {"a", "b"}


def test_a_figure_without_an_interval_does_not_compete():
    assert best_of({"a": fig(0.1), "b": about(1.0), "c": about(2.0)}, Better.LOWER) == {"b"}
    assert best_of({"a": fig(0.1), "b": about(1.0)}, Better.LOWER) == frozenset()


def test_measured_and_estimated_are_never_compared():
    assert best_of({"a": about(1.0), "b": about(2.0, provenance="estimated")}, Better.LOWER) == frozenset()


def test_a_quantity_without_a_better_way_has_no_best():
    assert best_of({"a": exact(1.0), "b": exact(2.0)}, None) == frozenset()


figures = st.dictionaries(
    st.text(min_size=1, max_size=3),
    st.tuples(st.floats(0.1, 100), st.floats(0, 0.5)).map(lambda pair: about(*pair)),
    min_size=2,
)


@given(figures)
def test_whoever_is_left_out_is_beaten_beyond_both_intervals(found):
    best = best_of(found, Better.LOWER)
    top = min((found[name] for name in best), key=lambda f: (f.value, f.bounds[1]), default=None)
    for name, figure in found.items():
        if best and name not in best:
            assert figure.bounds[0] > top.bounds[1]
