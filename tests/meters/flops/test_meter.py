import json
import textwrap
from dataclasses import replace

import pytest

from harness.meters.base import Effort, NotMeasurableError
from harness.meters.figure import Provenance
from harness.meters.flops import FlopsMeter
from harness.testing import bench

PLUGIN = """
from harness import Data, Paper, Recipe, Variant, Work, Workload, hookimpl

@hookimpl
def paper():
    return Paper(
        slug="sums", title="Sums", arxiv="", year=2024, family="toys", task="(B, 8) -> (B, 1)", method="A line.",
        variants=[Variant("line", "a linear map", subject=True), Variant("reader", "reads values"), Variant("tree", "no torch at all"),
                  Variant("odd", "an operator nobody knows"), Variant("packed", "8-bit weights in a buffer")],
        workloads=[Workload("infer", "rows"), Workload("train_step", "rows"), Workload("stream", "rows"), Workload("solve", "rows", needs_fit=True)],
    )

@hookimpl
def model(variant):
    import torch
    from torch import nn

    class Reader(nn.Linear):
        def forward(self, x):
            return super().forward(x) if x.sum().item() > -1e9 else x

    class Odd(nn.Linear):
        def forward(self, x):
            return torch.ops.harness_sums.odd(super().forward(x))

    if variant == "tree":
        from sklearn.tree import DecisionTreeClassifier
        import numpy
        return DecisionTreeClassifier().fit(numpy.zeros((2, 8)), [0, 1])
    if variant == "odd" and not hasattr(torch.ops.harness_sums, "odd"):
        torch.library.custom_op("harness_sums::odd", lambda x: x + 1, mutates_args=(), device_types="cpu", schema="(Tensor x) -> Tensor")
    built = {"reader": Reader, "odd": Odd}.get(variant, nn.Linear)(8, 1)
    if variant == "packed":
        built.register_buffer("weights", torch.zeros(4, 4, dtype=torch.int8))
    return built

@hookimpl
def data(split):
    import torch
    from torch.nn.functional import mse_loss
    return Data((torch.ones(4, 8),), targets=torch.ones(4, 1), recipe=Recipe(mse_loss, epochs=1, batch_size=4, lr=0.1, optimizer="adam"))

@hookimpl
def workload(name, variant, model, data):
    if name == "stream":
        carried = []
        def run():
            carried.append(model(*data.inputs))
            return sum(carried)
        return Work(run, 4, reset=carried.clear)
    if variant == "tree":
        return Work(lambda: model.predict(data.inputs[0].numpy()), 4)
    if name == "solve":
        return Work(lambda: model(*data.inputs), 4)

@hookimpl
def flop_formulas():
    return {"harness_sums::known": lambda call: {"elementwise": 1}}
"""


@pytest.fixture
def lab(tmp_path):
    path = tmp_path / "sums.py"
    path.write_text(textwrap.dedent(PLUGIN))
    return bench(path)


def figures(lab, variant="line", workload="infer"):
    seen = FlopsMeter().observe(lab, [variant], workload, Effort())
    return {f.metric: f for f in FlopsMeter().summarize([json.loads(json.dumps(seen))]).figures}


def test_figures_are_exact_counts(lab):
    found = figures(lab)
    modelled = found.pop("energy_operations")
    assert {m: f.value for m, f in found.items()} == {
        "parameters": 9,
        "macs": 32,
        "flops": 68,
        "bytes_moved": 4 * (32 + 8 + 1 + 4),
        "ops_matmul": 64,
        "ops_elementwise": 4,
        "intensity": pytest.approx(68 / 180),
    }
    assert all(f.low == f.high == f.value and f.provenance is Provenance.COUNTED and f.variant == "line" for f in found.values())
    assert (found["macs"].unit, found["bytes_moved"].unit, found["intensity"].unit) == ("1", "B", "1/B")
    assert found["macs"].message == found["parameters"].message == ""
    assert (modelled.value, modelled.unit, modelled.provenance) == (
        pytest.approx((32 * 4.6 + 4 * 0.9) * 1e-12 / 4),
        "J",
        Provenance.MODELLED,
    )
    assert modelled.message == "45 nm, 0.9 V: Horowitz, ISSCC 2014; arithmetic without memory"


def test_the_breakdown_goes_with_the_figures(lab):
    seen = FlopsMeter().observe(lab, ["line"], "infer", Effort())
    details = FlopsMeter().summarize([seen]).details
    assert ("operator", "aten::addmm", "macs", 32.0, "1") in {(d.level, d.name, d.metric, d.value, d.unit) for d in details}
    assert ("module", "(whole call)", "bytes_moved", 180.0, "B") in {(d.level, d.name, d.metric, d.value, d.unit) for d in details}


def test_a_training_step_counts_backward_and_optimizer(lab):
    found = figures(lab, workload="train_step")
    assert found["macs"].value == 2 * 32  # forward, and the weight's gradient; the input needs none
    assert found["ops_elementwise"].value > 9 * 10  # Adam


def test_meta_gives_the_same_operations(lab):
    here, there = figures(lab), figures(replace(lab, device="meta"))
    for metric in ("parameters", "macs", "flops", "bytes_moved"):
        assert here[metric].value == there[metric].value


def test_a_training_step_can_be_counted_on_meta(lab):
    assert figures(replace(lab, device="meta"), workload="train_step")["macs"].value == 64


def test_carried_state_starts_anew(lab):
    assert figures(lab, workload="stream")["ops_elementwise"].value == 4 + 4


def test_what_runs_outside_torch_has_no_figure(lab):
    with pytest.raises(NotMeasurableError, match=r"no operator of torch ran in workload 'infer' of 'tree' \(a DecisionTreeClassifier\)"):
        FlopsMeter().observe(lab, ["tree"], "infer", Effort())


def test_a_model_that_reads_values_has_no_figure_on_meta(lab):
    assert figures(lab, "reader")["macs"].value == 32
    with pytest.raises(
        NotMeasurableError, match=r"'reader' reads values, which tensors on meta do not have: Tensor.item\(\) cannot be called"
    ):
        FlopsMeter().observe(replace(lab, device="meta"), ["reader"], "infer", Effort())


def test_trained_weights_are_not_made_on_meta(lab):
    with pytest.raises(NotMeasurableError, match="workload 'solve' depends on trained weights"):
        FlopsMeter().observe(replace(lab, device="meta"), ["line"], "solve", Effort())


def test_unknown_operators_are_named_in_the_message(lab):
    found = figures(lab, "odd")
    assert found["flops"].message == "uncounted: harness_sums::odd (1 calls); 15.09% of the bytes"
    assert found["flops"].value == 68
    assert found["parameters"].message == ""


def test_weights_in_buffers_are_named_in_the_message(lab):
    assert figures(lab, "packed")["parameters"].message == "and 16 8-bit weights that are no parameters"
