from datetime import UTC, datetime

import pytest

from harness.errors import HarnessError, NothingToMeasureError
from harness.report import shown_runs
from harness.report.facts import load
from harness.report.facts.cards import read_card
from harness.report.facts.facts import choose
from harness.report.facts.history import FEWEST_RUNS
from harness.store import Store
from tests.report.synthetic import Recipe, run_id_of, write_store

ONE = Recipe(papers=1, trouble=False)


def a_run(store, run_id, day, cases, figures=(), environment=()):
    """Write a small run by hand: cases are dicts over a usual case."""
    usual = {"paper": "toy", "variant": "ours", "workload": "infer", "scale": "small", "params": "{}", "target": "cpu", "dtype": "native"}
    usual |= {"mode": "eager", "meter": "latency", "status": "ok", "message": "", "started_at": datetime(2026, 1, day, tzinfo=UTC)}
    card = '{"slug": "toy", "title": "Toy", "family": "toys", "variants": [{"name": "ours", "subject": true}, {"name": "base"}]}'
    store.write(
        "runs", run_id, "run", [{"started_at": datetime(2026, 1, day, tzinfo=UTC), "state": "finished", "options": "{}", "plan": "[]"}]
    )
    store.write("papers", run_id, "papers", [{"paper": "toy", "card": card, "status": "ok"}])
    store.write("environments", run_id, "environment", [{"key": k, "value": v} for k, v in dict(environment).items()])
    store.write("cases", run_id, "sealed", [usual | case for case in cases])
    store.write("figures", run_id, "sealed", [usual | {"metric": "latency", "unit": "s", "provenance": "measured"} | f for f in figures])


def latencies(facts):
    return {figure.value for row in facts.figures.values() for key, figure in row.items() if key.metric == "latency"}


def test_the_newest_figure_of_each_machine_stands(tmp_path):
    store = Store(tmp_path)
    cases = [{"case_id": "a"}, {"case_id": "b", "variant": "base"}]
    a_run(store, "r1", 1, cases, [{"case_id": "a", "value": 1.0}, {"case_id": "b", "variant": "base", "value": 5.0}])
    a_run(store, "r2", 2, cases[:1], [{"case_id": "a", "value": 2.0}])
    facts = load(store)
    assert latencies(facts) == {2.0, 5.0}
    assert [(place.label, [run.run_id for run in place.runs]) for place in facts.places] == [("cpu", ["r1", "r2"])]
    assert set(shown_runs(store)) == {"r1", "r2"}


def test_a_run_that_was_superseded_entirely_is_not_judged_on(tmp_path):
    store = Store(tmp_path)
    for day in (1, 2):
        a_run(store, f"r{day}", day, [{"case_id": "a"}], [{"case_id": "a", "value": float(day)}])
    assert shown_runs(store) == ["r2"]


def test_a_case_that_fails_now_is_not_hidden_by_an_older_success(tmp_path):
    store = Store(tmp_path)
    a_run(store, "r1", 1, [{"case_id": "a"}], [{"case_id": "a", "value": 1.0}])
    a_run(store, "r2", 2, [{"case_id": "a", "status": "crashed", "message": "signal 11"}])
    facts = load(store)
    assert latencies(facts) == set()
    assert [(case.status, case.message) for case in facts.cases] == [("crashed", "signal 11")]


def test_two_machines_are_two_places(tmp_path):
    store = Store(tmp_path)
    for day, model in ((1, "Slow 1"), (2, "Fast 2")):
        a_run(store, f"r{day}", day, [{"case_id": "a"}], [{"case_id": "a", "value": float(day)}], {"cpu_model": model})
    facts = load(store)
    assert [(place.label, place.machine) for place in facts.places] == [("cpu (1)", "Slow 1"), ("cpu (2)", "Fast 2")]
    assert latencies(facts) == {1.0, 2.0}


def test_new_software_is_the_same_place(tmp_path):
    store = Store(tmp_path)
    for day, torch in ((1, "2.12.0"), (2, "2.13.0")):
        a_run(
            store, f"r{day}", day, [{"case_id": "a"}], [{"case_id": "a", "value": float(day)}], {"cpu_model": "One", "package.torch": torch}
        )
    assert len(load(store).places) == 1


def test_named_runs_stand_side_by_side(tmp_path):
    store = Store(tmp_path)
    for day in (1, 2, 3):
        a_run(store, f"r{day}", day, [{"case_id": "a"}], [{"case_id": "a", "value": float(day)}])
    facts = load(store, ["r1", "r3"])
    assert [place.label for place in facts.places] == ["cpu · r1", "cpu · r3"]
    assert latencies(facts) == {1.0, 3.0}
    assert [place.label for place in load(store, ["r2"]).places] == ["cpu"]


def test_models_built_for_their_size_alone_are_no_place(tmp_path):
    store = Store(tmp_path)
    a_run(store, "r1", 1, [{"case_id": "m", "target": "meta", "scale": "paper"}], [{"case_id": "m", "value": 9.0, "target": "meta"}])
    with pytest.raises(NothingToMeasureError, match="no measured case"):
        choose(store)
    a_run(store, "r2", 2, [{"case_id": "a"}], [{"case_id": "a", "value": 1.0}])
    assert [place.target for place in load(store).places] == ["cpu"]


def test_an_empty_store_says_what_to_run(tmp_path):
    with pytest.raises(NothingToMeasureError, match="run: harness run"):
        load(Store(tmp_path))


def test_an_unknown_run_is_refused_with_the_nearest(tmp_path):
    store = write_store(tmp_path, ONE)
    with pytest.raises(HarnessError, match="did you mean"):
        load(store, [run_id_of(0, "cpu")[:-1]])


def test_history_begins_with_the_third_run(tmp_path):
    short = load(write_store(tmp_path / "short", Recipe(papers=1, nights=FEWEST_RUNS - 1)))
    full = load(write_store(tmp_path / "full", Recipe(papers=1, nights=FEWEST_RUNS)))
    assert short.history == {}
    (moments,) = full.history.values()
    assert len({moment.run_id for moment in moments}) == FEWEST_RUNS
    assert {moment.variant for moment in moments} == {"folded_attention", "dense", "window"}


def test_a_figure_that_was_reused_is_one_moment_of_history(tmp_path):
    store = Store(tmp_path)
    once = datetime(2026, 1, 1, tzinfo=UTC)
    for day in (1, 2, 3):
        a_run(store, f"r{day}", day, [{"case_id": "a"}], [{"case_id": "a", "value": 1.0, "started_at": once}])
    assert len(load(store).history["toy"]) == 1


def test_a_plugin_that_broke_since_has_no_card_any_more(tmp_path):
    store = Store(tmp_path)
    a_run(store, "r1", 1, [{"case_id": "a"}], [{"case_id": "a", "value": 1.0}])
    a_run(store, "r2", 2, [{"case_id": "a"}])
    store.write(
        "papers", "r2", "papers", [{"paper": "toy", "card": "", "status": "broken", "message": "no module 'x'", "traceback": "..."}]
    )
    facts = load(store)
    assert facts.cards == {}
    assert [(broken.paper, broken.message) for broken in facts.broken] == [("toy", "no module 'x'")]


def test_a_card_of_another_version_is_read_as_far_as_it_is_known(tmp_path):
    card = read_card(
        '{"slug": "toy", "title": "Toy", "family": "toys", "invented_later": [1], "claims": [{"id": "c", "quantity": "q", "subject": "s"}]}'
    )
    assert (card.slug, card.claims[0].id, card.deviations, card.default_params("small")) == ("toy", "c", (), "{}")


def test_default_points_are_the_first_of_each_axis_at_the_scale():
    sweep = '{"length": {"smoke": [16], "small": [64, 128]}, "batch": [2, 4]}'
    card = read_card(f'{{"slug": "toy", "title": "Toy", "family": "toys", "sweep": {sweep}}}')
    assert card.default_params("small") == '{"batch": 2, "length": 64}'
    assert card.default_params("smoke") == '{"batch": 2, "length": 16}'
