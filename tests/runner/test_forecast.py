import doctest
import os

import pytest

from harness.runner import forecast as forecast_module
from harness.runner.case import NATIVE, Case
from harness.runner.forecast import TYPICAL_S, forecast
from harness.runner.plan import Planned
from harness.store import Store


def planned(meter, params=None, skip=""):
    return Planned(Case("toy", ("a",), "infer", "smoke", params or {}, "cpu", NATIVE, "eager", meter), None, skip)


def took(store, run, item, seconds, status="ok", reused_from=""):
    row = {**item.case.identity, "case_id": item.case.case_id, "status": status, "seconds": seconds, "reused_from": reused_from}
    store.write_case(run, item.case.case_id, {"cases": [row]})


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path)
    store.prepare()
    store.begin("1", {}, [])
    return store


def test_an_empty_store_knows_only_what_is_typical(store):
    told = forecast([planned("latency")], store)
    assert (told.seconds, told.seen, told.cases) == (TYPICAL_S["smoke"]["latency"], 0, 1)


def test_a_case_takes_what_it_took_and_others_what_their_like_took(store):
    known, other = planned("latency"), planned("latency", {"n": 2})
    took(store, "1", known, 8.0)
    told = forecast([known, other], store)
    assert (told.seconds, told.seen, told.cases) == (16.0, 1, 2)


def test_failed_and_reused_cases_say_nothing_of_the_time(store):
    item = planned("latency")
    took(store, "1", item, 100.0, status="timeout")
    assert forecast([item], store).seen == 0
    store.begin("2", {}, [])
    took(store, "2", item, 0.0, reused_from="1")
    assert forecast([item], store).seen == 0


def test_untimed_cases_share_the_cores_and_skipped_ones_take_no_time(store):
    untimed = [planned("memory", {"n": n}) for n in range(4)]
    told = forecast([*untimed, planned("latency", skip="needs cuda")], store)
    assert told.seconds == pytest.approx(4 * TYPICAL_S["smoke"]["memory"] / os.cpu_count())
    assert told.cases == 4


def test_examples():
    done = doctest.testmod(forecast_module)
    assert done.attempted and not done.failed
