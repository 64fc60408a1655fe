"""DhondtXAI: the arithmetic of the election, the completeness of local explanations, and what both agree with."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from harness.testing import bench

VARIANTS = ("dhondt", "local", "local_alliances", "tree_shap", "sampled_shap", "permutation", "importances", "hamilton", "sainte_lague")
SEATS = (1, 2, 7, 60, 600)


@pytest.fixture(scope="module")
def lab():
    return bench("dhondt_xai")


@pytest.fixture(params=range(12))
def votes(request):
    """Votes of three to thirty parties: even, skewed, with zeros and with equals."""
    rng = np.random.default_rng(request.param)
    count = int(rng.integers(3, 31))
    drawn = rng.gamma(0.3, size=count) if request.param % 2 else rng.random(count)
    if request.param % 3 == 0:
        drawn[rng.integers(count)] = 0.0
        drawn[0] = drawn[-1]
    return drawn


def one_by_one(votes, seats):
    """Allot seats as the method is told: one at a time, to the largest quotient."""
    given = np.zeros(len(votes), dtype=int)
    for _ in range(seats):
        given[np.argmax(votes / (given + 1))] += 1
    return given


# The election


@pytest.mark.parametrize("seats", SEATS)
def test_seats_are_those_of_the_loop_told_in_the_paper(votes, seats):
    from harness_papers.dhondt_xai.election import dhondt

    assert np.array_equal(dhondt(votes, seats), one_by_one(votes, seats))


@pytest.mark.parametrize("seats", SEATS)
def test_seats_are_the_largest_quotients(votes, seats):
    from harness_papers.dhondt_xai.election import dhondt

    quotients = votes[:, None] / np.arange(1, seats + 1)
    order = np.lexsort((np.repeat(np.arange(len(votes)), seats), -quotients.ravel()))[:seats]  # of equals the first party
    assert np.array_equal(dhondt(votes, seats), np.bincount(order // seats, minlength=len(votes)))


@pytest.mark.parametrize("rule", ["dhondt", "hamilton", "sainte_lague"])
def test_all_seats_are_given_and_none_is_negative(votes, rule):
    from harness_papers.dhondt_xai import election

    for seats in SEATS:
        given = getattr(election, rule)(votes, seats)
        assert given.dtype.kind == "i"
        assert given.sum() == seats
        assert given.min() >= 0
        assert getattr(election, rule)(np.zeros(4), seats).sum() == 0


def test_a_larger_house_takes_no_seat_away(votes):
    from harness_papers.dhondt_xai.election import dhondt

    houses = np.stack([dhondt(votes, seats) for seats in range(80)])
    assert (np.diff(houses, axis=0) >= 0).all()


def test_largest_remainders_do_take_seats_away_in_a_larger_house():
    from harness_papers.dhondt_xai.election import hamilton

    votes = np.array([6.0, 6.0, 2.0])  # the Alabama paradox: ten seats give the smallest two, eleven one
    assert hamilton(votes, 10).tolist() == [4, 4, 2]
    assert hamilton(votes, 11).tolist() == [5, 5, 1]


def test_nobody_is_below_quota_and_somebody_may_be_above(votes):
    from harness_papers.dhondt_xai.election import dhondt, quotas

    for seats in SEATS:
        assert (dhondt(votes, seats) >= np.floor(quotas(votes, seats) * (1 - 1e-9))).all()
    large = np.array([80.0, *[2.0] * 10])  # one large party among small ones takes more than its quota rounded up
    assert dhondt(large, 30)[0] > np.ceil(quotas(large, 30)[0])


def test_only_proportions_count_and_more_votes_never_mean_fewer_seats(votes):
    from harness_papers.dhondt_xai.election import dhondt

    for seats in SEATS:
        given = dhondt(votes, seats)
        assert np.array_equal(given, dhondt(votes * 1024.0, seats))
        assert np.array_equal(given, dhondt(votes / 1024.0, seats))
        order = np.argsort(votes, kind="stable")
        different = np.diff(votes[order]) > 0
        assert (np.diff(given[order])[different] >= 0).all()
    assert dhondt(votes, 1)[np.argmax(votes)] == 1


def test_equal_votes_get_equal_seats_and_the_first_gets_what_is_odd():
    from harness_papers.dhondt_xai.election import dhondt

    assert dhondt(np.full(7, 0.1), 7 * 13).tolist() == [13] * 7
    assert dhondt(np.full(3, 0.1), 5).tolist() == [2, 2, 1]


def test_standing_together_never_costs_a_seat(votes):
    from harness_papers.dhondt_xai.election import dhondt

    for seats in SEATS:
        apart, together = dhondt(votes, seats), dhondt(np.array([votes[0] + votes[1], *votes[2:]]), seats)
        assert together[0] >= apart[0] + apart[1]


def test_alliances_exclusion_and_threshold_go_by_name():
    from harness_papers.dhondt_xai.election import SEATS, TOTAL_VOTES, elect

    importances = {"a": 0.5, "b": 0.1, "c": 0.25, "d": 0.01, "e": 0.14}
    held = elect(importances, 100, excluded=["a"], alliances=[("b", "e")], threshold=5)
    assert held.parties == (("b", "e"), ("c",), ("d",))
    assert held.votes == pytest.approx(np.array([0.24, 0.25, 0.01]) / 0.5 * 1e9)
    assert held.seats.tolist() == [49, 51, 0]
    assert elect(importances, excluded=["b"]).parties == (("a",), ("c",), ("d",), ("e",))
    assert elect(importances).votes.sum() == pytest.approx(TOTAL_VOTES)
    assert (elect(importances).seats.sum(), TOTAL_VOTES, SEATS) == (600, 1_000_000_000, 600)
    assert elect(importances, threshold=60).seats.sum() == 0
    assert elect(importances, excluded=["a"], alliances=[("a", "b")]).parties[0] == ("b",)
    with pytest.raises(ValueError, match="no such feature: z"):
        elect(importances, excluded=["z"])
    with pytest.raises(ValueError, match="one alliance"):
        elect(importances, alliances=[("a", "b"), ("b", "c")])


# The later version


@pytest.mark.parametrize("seed", range(4))
def test_local_attributions_add_up_to_the_difference_of_scores(seed):
    from harness_papers.dhondt_xai.local import explain

    rng = np.random.default_rng(seed)
    x, background = rng.normal(size=(9, 5)), rng.normal(size=(20, 5))
    told = explain(lambda rows: np.sin(rows[:, 0] * rows[:, 1]) + rows[:, 2] ** 2 - rows[:, 3], x, background, [[0], [1, 2], [3], [4]], 700)
    assert np.abs(told.attributions.sum(1) - told.delta).max() < 1e-9
    assert np.abs(told.seats).sum(1).tolist() == [700] * 9
    assert told.residual_ratio.min() > 1e-6  # the alliance is not that of the factors
    assert told.residual_ratio.max() <= 2


def test_of_a_sum_seats_represent_every_term():
    from harness_papers.dhondt_xai.local import explain, removal_effects

    rng = np.random.default_rng(0)
    x, background, a = rng.normal(size=(9, 4)), rng.normal(size=(20, 4)), np.array([3.0, -2.0, 1.0, 0.0])
    terms = a * (x - background.mean(0))
    assert removal_effects(lambda rows: rows @ a, x, background, [[0], [1], [2], [3]]) == pytest.approx(terms)
    told = explain(lambda rows: rows @ a, x, background, [[0], [1], [2], [3]], 100_000)
    assert told.attributions == pytest.approx(terms, abs=1e-3)
    assert (np.sign(told.seats[:, :3]) == np.sign(terms[:, :3])).all()


def test_effects_do_not_depend_on_how_many_rows_are_scored_at_once(monkeypatch):
    from harness_papers.dhondt_xai import local

    rng = np.random.default_rng(0)
    x, background = rng.normal(size=(9, 3)), rng.normal(size=(20, 3))
    whole = local.removal_effects(lambda rows: rows.prod(1), x, background, [[0], [1, 2]])
    monkeypatch.setattr(local, "CALL_ROWS", 40)
    assert np.array_equal(local.removal_effects(lambda rows: rows.prod(1), x, background, [[0], [1, 2]]), whole)


def test_an_alliance_of_the_factors_takes_the_residual_of_a_product_away():
    from harness_papers.dhondt_xai.local import explain

    rng = np.random.default_rng(0)
    x, background = rng.normal(size=(200, 3)), rng.normal(size=(100, 3))
    ratio = [
        explain(lambda rows: rows[:, 0] * rows[:, 1] + rows[:, 2], x, background, parties, 5000).residual_ratio.mean()
        for parties in ([[0], [1], [2]], [[0, 1], [2]])
    ]
    assert 0.15 < ratio[0] < 0.4  # the authors have 0.2527 on rows that are not known
    assert ratio[1] < 1e-9


# Shapley values


def test_sampled_values_approach_the_exact_ones_and_cost_what_is_said():
    from harness_papers.dhondt_xai.shapley import exact, sampled

    rng = np.random.default_rng(0)
    x, background = rng.normal(size=(6, 4)), rng.normal(size=(15, 4))
    scored = []

    def score(rows):
        scored.append(len(rows))
        return rows[:, 0] * rows[:, 1] + np.tanh(rows[:, 2])

    true = exact(score, x, background)
    assert sum(scored) == 2**4 * 6 * 15
    assert true.sum(1) == pytest.approx(score(x) - score(background).mean())
    assert np.abs(true[:, 3]).max() < 1e-12
    scored.clear()
    few = sampled(score, x, background, 30, np.random.default_rng(1))
    assert sum(scored) == 30 * (4 + 1) * 6
    many = sampled(score, x, background, 30_000, np.random.default_rng(1))
    # A thousand times the orders should divide the error by thirty.
    assert np.abs(many - true).mean() < np.abs(few - true).mean() / 8


@pytest.mark.parametrize("kind", ["gradient_boosting", "random_forest", "xgboost"])
@pytest.mark.parametrize("dataset", ["product", "wine"])
def test_the_librarys_tree_values_are_exact_for_the_score_that_is_explained(kind, dataset):
    from harness_papers.dhondt_xai.shapley import exact, tree_shap

    lab = bench("dhondt_xai", dataset=dataset, ensemble=kind)
    explainer = lab.fit("dhondt")
    x = lab.data("test").inputs[0][:4]
    values = tree_shap(explainer.ensemble, x, explainer.background)
    difference = explainer.score(x) - explainer.score(explainer.background).mean()
    assert values.sum(1) == pytest.approx(difference, abs=1e-4)
    if dataset == "product":
        assert values == pytest.approx(exact(explainer.score, x, explainer.background), abs=1e-4)


# Hooks


@pytest.mark.parametrize(
    ("dataset", "shape", "tested"),
    [
        ("breast_cancer", (569, 30), 171),
        ("diabetes", (442, 10), 133),
        ("wine", (178, 13), 54),
        ("additive", (1000, 6), 300),
        ("product", (1000, 3), 300),
    ],
)
def test_tables_have_their_published_dimensions_and_every_way_explains_them(dataset, shape, tested):
    lab = bench("dhondt_xai", "paper", dataset=dataset)
    train, test = lab.data("train"), lab.data("test")
    assert (len(train.inputs[0]) + len(test.inputs[0]), train.inputs[0].shape[1]) == shape
    assert len(test.inputs[0]) == tested
    again = replace(lab, seed=1).data("train")
    assert np.array_equal(train.inputs[0], again.inputs[0])
    smoke = bench("dhondt_xai", dataset=dataset)
    rows = smoke.data().inputs
    for variant in VARIANTS:
        answer = smoke.fit(variant)(*rows)
        assert answer.shape == (shape[1],)
        assert np.isfinite(answer).all()


def test_all_ways_explain_one_ensemble_and_take_as_many_seats_as_asked(lab):
    ensembles = {id(lab.fit(variant).ensemble) for variant in VARIANTS}
    assert len(ensembles) == 1
    rows = lab.data().inputs
    for variant in ("dhondt", "hamilton", "sainte_lague"):
        assert lab.fit(variant)(*rows).sum() == 600
        assert bench("dhondt_xai", seats=60).fit(variant)(*rows).sum() == 60


@pytest.mark.parametrize("variant", VARIANTS)
def test_an_explanation_is_deterministic_in_its_seed(lab, variant):
    rows = lab.data().inputs
    assert np.array_equal(lab.fit(variant)(*rows), bench("dhondt_xai").fit(variant)(*rows))
    if variant in ("local", "tree_shap", "sampled_shap"):
        assert not np.array_equal(lab.fit(variant)(*rows), bench("dhondt_xai", seed=1).fit(variant)(*rows))


def test_each_variant_measures_what_means_something_for_it(lab):
    measured = {variant: set(lab.metric(variant)) for variant in VARIANTS}
    fair = {"quota_gap", "seats_below_quota", "worst_merger"}
    for variant, found in measured.items():
        assert fair <= found or not fair & found
        assert (fair <= found) == (variant in ("dhondt", "hamilton", "sainte_lague"))
        assert ("residual" in found) == variant.startswith("local")
        assert "stability" in found
    product = set(bench("dhondt_xai", dataset="product").metric("local"))
    additive = set(bench("dhondt_xai", dataset="additive").metric("local"))
    assert set().union(*measured.values(), product, additive) == set(lab.card.qualities)


def test_seats_are_fair_where_the_others_are_not(lab):
    ours = lab.metric("dhondt")
    assert ours["seats_below_quota"].value == 0
    assert ours["worst_merger"].value >= 0
    assert lab.metric("hamilton")["quota_gap"].value < 1
    assert lab.metric("hamilton")["worst_merger"].value < 0


def test_ties_share_their_rank():
    from harness_papers.dhondt_xai.judging import rank_correlation, top_overlap

    assert rank_correlation(np.array([3, 0, 0]), np.array([5.0, 1.0, 2.0])) == pytest.approx(np.sqrt(3) / 2)
    assert rank_correlation(np.zeros(3), np.arange(3.0)) == 0
    assert top_overlap(np.arange(8.0), np.array([9.0, 0, 0, 0, 4, 5, 6, 7])) == pytest.approx(0.8)


def test_the_parliament_is_a_half_circle_of_all_seats(lab):
    from harness_papers.dhondt_xai.pictures import correlations, half_circle

    for seats in (1, 5, 60, 600):
        places = half_circle(seats)
        assert len(np.unique(places.round(6), axis=0)) == seats
        assert places[:, 1].min() > -1e-9
        assert np.linalg.norm(places, axis=1).max() == pytest.approx(1)
    shown = lab.artifacts("dhondt")
    assert list(shown) == ["parliament", "seats_and_shap", "alliances"]
    for name in ("parliament", "alliances"):
        values = shown[name].spec["data"]["values"]
        assert len(values) == 600
        assert max(sum(v["party"] == party for v in values) for party in {v["party"] for v in values}) == max(v["seats"] for v in values)
    assert len(shown["seats_and_shap"].spec["data"]["values"]) == 30
    assert list(lab.artifacts("local")) == ["row"]
    assert lab.artifacts("tree_shap") == {}
    x, y = lab.data("train").inputs
    assert correlations(x, y)[3] == pytest.approx(np.corrcoef(x[:, 3], y)[0, 1])


def test_the_method_needs_no_torch():
    names = ("election", "tables", "ensembles", "local", "shapley", "explainers", "judging", "pictures")
    lines = [f"import harness_papers.dhondt_xai.{name}" for name in names]
    code = "; ".join([*lines, "import sys", "sys.exit('torch' in sys.modules)"])
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# The effect


@pytest.mark.slow
def test_seats_agree_with_shap_and_not_with_shuffling():
    from harness_papers.dhondt_xai.judging import rank_correlation

    lab = bench("dhondt_xai", "small")
    rows, fitted = lab.data("test").inputs, lab.fit("dhondt")
    assert fitted.ensemble.score(*rows) > 0.9
    shap = fitted.by("tree_shap")(*rows)
    agreement = {variant: rank_correlation(fitted.by(variant)(*rows), shap) for variant in VARIANTS}
    assert agreement["dhondt"] > 0.6
    assert agreement["local"] >= 0.9273
    assert agreement["sampled_shap"] > 0.95
    assert agreement["permutation"] < 0.5
    # No seat makes small features equal; between the others the order is that of the importances.
    assert abs(agreement["dhondt"] - agreement["importances"]) < 0.1


@pytest.mark.slow
def test_the_gain_of_other_trees_does_not_agree_as_well():
    from harness_papers.dhondt_xai.judging import rank_correlation

    lab = bench("dhondt_xai", "small", ensemble="xgboost")
    rows, fitted = lab.data("test").inputs, lab.fit("dhondt")
    shap = fitted.by("tree_shap")(*rows)
    assert 0.3 < rank_correlation(fitted(*rows), shap) < 0.6
    assert rank_correlation(fitted.by("local")(*rows), shap) >= 0.9273


@pytest.mark.slow
def test_an_alliance_helps_with_a_formula_more_than_with_trees():
    lab = bench("dhondt_xai", "small", dataset="product")
    rows, table, fitted = lab.data("test").inputs, lab.data("test").extra["table"], lab.fit("dhondt")
    from harness_papers.dhondt_xai.judging import explain_formula

    formula = {
        variant: explain_formula(fitted.by(variant), table, rows[0]).residual_ratio.mean() for variant in ("local", "local_alliances")
    }
    trees = {variant: fitted.by(variant).local(rows[0]).residual_ratio.mean() for variant in ("local", "local_alliances")}
    assert formula["local_alliances"] < formula["local"] / 10
    assert trees["local"] / 10 < trees["local_alliances"] < trees["local"]
