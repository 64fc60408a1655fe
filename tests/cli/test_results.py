"""`harness results`: the figures of a run as a person reads them, and as a program does."""

import csv
import io
import json

QUICK = ("--plugin-path", "toy.py", "--plugins", "toy", "--workload", "infer", "--metrics")


def test_the_table_has_a_heading_for_each_place_and_a_row_for_each_figure(toy):
    assert toy.harness("run", *QUICK, "flops").code == 0
    lines = [line.split() for line in toy.harness("results").out.splitlines()]
    assert ["toy", "·", "infer", "·", "batch", "4"] in lines
    assert ["line", "parameters", "9", "1", "counted"] in lines
    assert ["net", "macs", "1.152", "k", "1", "counted"] in lines


def test_a_remark_stands_once_below_the_table_with_its_number_beside_the_figures(toy):
    assert toy.harness("run", *QUICK, "energy").code == 0
    out = toy.harness("results").out
    rows = [line.split() for line in out.splitlines() if line.startswith((" line", " net"))]
    assert [row[1] for row in rows] == ["energy", "energy_delay", "carbon"] * 2
    remarks = dict(line.split(maxsplit=1) for line in out.splitlines() if line.startswith("["))
    assert {row[-1] for row in rows} == remarks.keys()
    assert len(set(remarks.values())) == len(remarks)
    assert "a thread" in remarks[rows[0][-1]] or "TDP" in remarks[rows[0][-1]]


def test_csv_and_json_hold_the_same_rows_in_full(toy):
    assert toy.harness("run", *QUICK, "flops").code == 0
    rows = list(csv.DictReader(io.StringIO(toy.harness("results", "--format", "csv").out)))
    same = json.loads(toy.harness("results", "--format", "json").out)
    assert [(r["variant"], r["metric"], float(r["value"])) for r in rows] == [(r["variant"], r["metric"], r["value"]) for r in same]
    assert {r["provenance"] for r in rows} == {"counted", "modelled"}
