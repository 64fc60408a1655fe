import json

import pyarrow.parquet as pq
import pytest

from harness.errors import HarnessError
from harness.store import Store
from harness.store.schema import SCHEMA_VERSION, TABLES


@pytest.fixture
def store(tmp_path):
    opened = Store(tmp_path / "results")
    opened.prepare()
    return opened


def case(case_id, value=1.0, status="ok", key="k"):
    return {
        "figures": [{"case_id": case_id, "paper": "demo", "metric": "latency", "value": value, "unit": "s"}],
        "cases": [{"case_id": case_id, "status": status, "content_key": key}],
    }


def test_a_run_is_written_read_and_sealed(store, tmp_path):
    store.begin("r1", {"scale": "smoke"}, ["c1", "c2"])
    store.write_case("r1", "c1", case("c1", 1.0))
    store.write_case("r1", "c2", case("c2", 2.0))
    before = store.read("figures", ["r1"]).to_pylist()
    store.finish("r1")
    assert store.read("figures", ["r1"]).to_pylist() == before
    assert [row["value"] for row in before] == [1.0, 2.0]
    assert [p.name for p in (tmp_path / "results/figures/run=r1").iterdir()] == ["sealed.parquet"]
    assert store.run("r1")["state"] == "finished"


def test_sealing_loses_nothing_of_any_table(store):
    store.begin("r1", {}, ["c1"])
    row = {"case_id": "c1"}
    store.write_case("r1", "c1", {table: [row] for table in ("figures", "samples", "details", "artifacts", "cases")})
    for table in ("papers", "environments"):
        store.write(table, "r1", "all", [{}])
    before = {table: store.read(table, ["r1"]).to_pylist() for table in TABLES if table != "runs"}
    assert all(before.values())
    store.finish("r1")
    assert {table: store.read(table, ["r1"]).to_pylist() for table in before} == before


def test_a_case_without_its_last_part_does_not_count(store):
    store.begin("r1", {}, ["c1", "c2"])
    store.write_case("r1", "c1", case("c1"))
    store.write("figures", "r1", "c2", case("c2")["figures"])
    assert store.finished_cases("r1") == {"c1"}
    assert {row["case_id"] for row in store.read("figures").to_pylist()} == {"c1"}


def test_a_part_cut_short_leaves_no_trace(store, tmp_path, monkeypatch):
    store.begin("r1", {}, ["c1"])

    def die(table, where, **_):
        raise KeyboardInterrupt

    monkeypatch.setattr(pq, "write_table", die)
    with pytest.raises(KeyboardInterrupt):
        store.write_case("r1", "c1", case("c1"))
    assert not list((tmp_path / "results/figures").rglob("*.parquet"))


def test_what_was_measured_before_is_found_by_its_content(store):
    for run, value in (("r1", 1.0), ("r2", 2.0)):
        store.begin(run, {}, ["c1"])
        store.write_case(run, "c1", case("c1", value, key="same"))
        store.finish(run)
    store.begin("r3", {}, ["c1"])
    store.write_case("r3", "c1", case("c1", status="failed", key="bad"))
    assert store.measured(["same", "bad", "other"]) == {"same": ("r2", "c1")}
    assert store.case_tables("r2", ["c1"])["c1"]["figures"][0]["value"] == 2.0


def test_a_run_from_before_a_column_was_added_is_read_with_nothing_in_it(store, tmp_path):
    for run in ("old", "new"):
        store.begin(run, {}, ["c1"])
        store.write_case(run, "c1", {"figures": [], "cases": [{"case_id": "c1", "status": "ok", "inputs": "0123"}]})
        store.finish(run)
    (part,) = (tmp_path / "results/cases/run=old").iterdir()
    pq.write_table(pq.read_table(part).drop_columns(["inputs", "threads"]), part)
    found = {row["run_id"]: row["inputs"] for row in store.read("cases").to_pylist()}
    assert found == {"old": None, "new": "0123"}


def test_two_runs_into_one_store_do_not_meet(store):
    for run in ("r1", "r2"):
        store.begin(run, {}, ["c1"])
    for run in ("r2", "r1"):
        store.write_case(run, "c1", case("c1"))
    assert store.read("cases").num_rows == 2
    assert store.read("cases", ["r2"]).num_rows == 1


def test_a_store_of_a_newer_schema_is_refused_and_not_touched(tmp_path):
    marker = tmp_path / "store.json"
    marker.write_text(json.dumps({"schema": SCHEMA_VERSION + 1}))
    before = marker.stat().st_mtime_ns
    with pytest.raises(HarnessError, match=f"has schema {SCHEMA_VERSION + 1}.*upgrade paper-harness"):
        Store(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["store.json"]
    assert marker.stat().st_mtime_ns == before


def test_a_marker_that_is_something_else_is_refused(tmp_path):
    (tmp_path / "store.json").write_text("hello")
    with pytest.raises(HarnessError, match="is this a results folder"):
        Store(tmp_path)


def test_a_damaged_part_is_named(store, tmp_path):
    store.begin("r1", {}, ["c1"])
    store.write_case("r1", "c1", case("c1"))
    part = tmp_path / "results/figures/run=r1/c1.parquet"
    part.write_bytes(b"PAR1 nonsense")
    with pytest.raises(HarnessError, match=r"c1\.parquet is not a readable parquet file"):
        store.read("figures")


def test_a_place_that_cannot_be_written_is_said_at_once(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(HarnessError, match="cannot be written"):
        Store(tmp_path / "file" / "results").prepare()


def test_a_run_that_is_not_there_is_named_with_the_nearest(store):
    store.begin("20261121-090500-3fa1", {}, [])
    with pytest.raises(HarnessError, match="did you mean '20261121-090500-3fa1'"):
        store.run("20261121-090500-3fa2")


def test_an_empty_store_says_what_to_do(store):
    with pytest.raises(HarnessError, match="holds no run; run: harness run"):
        store.latest()
