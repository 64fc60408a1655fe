import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.plugin.card import Better
from harness.report.judged.claims import claim_rows, claimed_text, surprise, surprises, verdict_counts
from harness.report.judged.sizes import size_counts, size_rows
from harness.report.judged.strip import draw_strip
from tests.report.conftest import SMALL
from tests.report.synthetic import MadeUpJudgement, MadeUpSize, judgements_of, run_id_of, sizes_of


def judged(**more):
    usual = {
        "paper": "folded_attention", "claim": "faster", "says": "Twice as fast.", "source": "abstract", "quantity": "latency",
        "subject": "folded_attention", "baseline": "dense", "form": "ratio", "claimed": 0.5, "measured": 0.4, "low": 0.39, "high": 0.41,
        "verdict": "upheld", "reason": "interval", "sentence": "It is.", "scaled": False, "run_id": run_id_of(2, "cpu"), "conditions": {},
        "ours": False,
    }  # fmt: skip
    return MadeUpJudgement(**(usual | more))


def test_every_judgement_is_a_row_in_the_order_of_the_cards(facts):
    rows = claim_rows(facts, judgements_of(SMALL))
    assert {row.card.slug for row in rows} == set(facts.cards)
    first = [row.claim for row in rows if row.card.slug == "folded_attention" and row.place == "cpu" and not row.is_scaled]
    assert first == ["faster", "cheaper", "as-good", "growth"]
    assert len({row.anchor for row in rows}) == len(rows)


def test_of_two_runs_of_a_place_the_newer_judges(facts):
    old, new = judged(run_id=run_id_of(0, "cpu"), verdict="refuted"), judged(run_id=run_id_of(2, "cpu"))
    (row,) = claim_rows(facts, [new, old])
    assert (row.verdict.name, row.run_id) == ("upheld", run_id_of(2, "cpu"))


def test_a_newer_run_without_a_figure_does_not_hide_an_older_verdict(facts):
    old = judged(run_id=run_id_of(0, "cpu"))
    new = judged(run_id=run_id_of(2, "cpu"), verdict="not testable here", measured=None, low=None, high=None)
    (row,) = claim_rows(facts, [old, new])
    assert row.verdict.name == "upheld"


def test_a_claim_of_a_paper_that_is_not_shown_is_no_row(facts):
    assert claim_rows(facts, [judged(paper="stranger")]) == ()


def test_scaled_down_checks_are_counted_apart(facts):
    rows = claim_rows(
        facts, [judged(verdict="not testable here", measured=None, low=None, high=None), judged(scaled=True, form="order", claimed=None)]
    )
    assert {mark.name: n for mark, n in verdict_counts(rows) if n} == {"not testable here": 1}
    assert {mark.name: n for mark, n in verdict_counts(rows, scaled=True) if n} == {"upheld": 1}


@pytest.mark.parametrize(
    ("form", "claimed", "unit", "written"),
    [
        ("ratio", 0.7142857, "", "0.7143×"),
        ("difference", -0.0075, "", "−0.0075"),
        ("difference", 2.0, "", "+2"),
        ("exponent", (0.9, 1.2), "", "n^0.9 to n^1.2"),
        ("value", 0.013, "s", "13.0 ms"),
        ("order", None, "", "better"),
    ],
)
def test_claims_are_written_in_their_own_form(form, claimed, unit, written):
    assert claimed_text(form, claimed, unit) == written


def test_a_surprise_is_how_far_beyond_the_claim_in_the_better_direction():
    assert surprise(judged(claimed=0.5, measured=0.25), Better.LOWER) == pytest.approx(math.log(2))
    assert surprise(judged(claimed=2.0, measured=1.0), Better.HIGHER) == pytest.approx(-math.log(2))
    assert surprise(judged(form="difference", claimed=0.5), Better.LOWER) is None
    assert surprise(judged(measured=None), Better.LOWER) is None


def test_the_best_and_worst_come_first_and_only_by_whole_intervals(facts):
    given = [
        judged(claim="faster", measured=0.1),
        judged(claim="cheaper", measured=0.4),
        judged(claim="as-good", measured=0.9, verdict="direction only"),
        judged(claim="growth", measured=1.5, verdict="refuted"),
        judged(claim="faster", scaled=True, measured=0.6, verdict="inconclusive"),
    ]
    best, worst = surprises(claim_rows(facts, given), 5)
    assert [row.claim for row in best] == ["faster", "cheaper"]
    assert [row.claim for row in worst] == ["growth", "as-good"]


def test_a_strip_shows_claimed_measured_and_no_effect_in_order():
    strip = draw_strip("ratio", 0.5, 0.75, 0.7, 0.8)
    assert strip.claimed_low < strip.low < strip.measured < strip.high < strip.no_effect
    assert "claimed 0.5" in strip.words


def test_a_ratio_is_drawn_on_a_logarithmic_scale():
    strip = draw_strip("ratio", 0.5, 2.0, 2.0, 2.0)
    assert strip.no_effect == pytest.approx(50)
    assert strip.claimed_low + strip.measured == pytest.approx(100)


def test_what_was_not_measured_is_not_drawn():
    assert draw_strip("ratio", 0.5, None, None, None) is None
    assert draw_strip("ratio", 0.5, float("nan"), None, None) is None


@given(
    st.sampled_from(["ratio", "difference", "value", "exponent", "order"]),
    st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.floats(0, 1e5), st.floats(0, 1e5),
)  # fmt: skip
def test_nothing_is_ever_drawn_outside(form, claimed, measured, below, above):
    strip = draw_strip(form, None if form == "order" else claimed, measured, measured - below, measured + above)
    places = [strip.low, strip.measured, strip.high, strip.claimed_low, strip.claimed_high, strip.no_effect]
    assert all(-0.01 <= place <= 100.01 for place in places if place is not None)
    assert strip.low <= strip.measured <= strip.high


def test_sizes_keep_the_authors_digits_beside_every_digit_of_ours(facts):
    rows = size_rows(facts.cards["folded_attention"], sizes_of(SMALL))
    assert [(row.published, row.built, row.verdict.name) for row in rows] == [
        ("27.8 M", "27,844,000", "match"),
        ("4.5 G", "4,490,000,000", "within convention"),
    ]
    assert rows[0].source == "Table 1"


def test_sizes_that_nobody_checked_say_so(facts):
    rows = size_rows(facts.cards["folded_attention"], [])
    assert [(row.published, row.built, row.verdict.name) for row in rows] == [("27.8 M", "–", "not checked"), ("4.5 G", "–", "not checked")]


def test_size_verdicts_are_counted():
    sizes = [MadeUpSize("p", "v", "macs", "1", 1.0, verdict, "") for verdict in ("match", "match", "differs")]
    assert {mark.name: n for mark, n in size_counts(sizes) if n} == {"match": 2, "differs": 1}


def test_the_real_judgements_and_size_checks_fit():
    from harness.claims.judgement import Judgement, SizeCheck
    from harness.report.judged import given

    for wanted, kind in ((given.Judgement, Judgement), (given.Size, SizeCheck)):
        names = {name for name in vars(wanted) if not name.startswith("_")}
        assert names <= set(kind.__dataclass_fields__)


def test_an_unknown_verdict_keeps_its_word(facts):
    (row,) = claim_rows(facts, [replace(judged(), verdict="novel")])
    assert (row.verdict.name, row.verdict.sign) == ("novel", "?")
