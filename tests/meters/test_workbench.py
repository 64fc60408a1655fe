"""What a bench makes of a mode."""

import pytest
import torch

from harness.meters.base import NotMeasurableError
from harness.testing import bench

PLUGIN = """
from harness import Data, Paper, Recipe, Variant, Work, Workload, hookimpl

@hookimpl
def paper():
    return Paper(slug="modes", title="T", arxiv="", year=2024, family="toys", task="t", method="m",
                 variants=[Variant("a", "x", subject=True), Variant("b", "y")],
                 workloads=[Workload("infer", "rows", "a call"), Workload("train_step", "rows", "a step", gradients=True),
                            Workload("own", "rows", "its own call")])

@hookimpl
def model(variant):
    import torch
    return torch.nn.Linear(8, 8)

@hookimpl
def data(split):
    import torch
    loss = torch.nn.functional.mse_loss
    return Data((torch.ones(4, 8),), torch.ones(4, 8), recipe=Recipe(loss, epochs=1, batch_size=4, lr=0.1))

@hookimpl
def workload(name, model, data):
    return Work(lambda: model(*data.inputs), 4) if name == "own" else None
"""


@pytest.fixture
def lab(tmp_path):
    (tmp_path / "modes.py").write_text(PLUGIN)
    return bench(tmp_path / "modes.py")


@pytest.fixture
def graphs(monkeypatch):
    """Graphs that the compiler is handed; they then run as written, which needs no C++ compiler."""
    seen = []

    def backend(graph, _):
        seen.append(graph)
        return graph

    monkeypatch.setattr(torch, "compile", lambda model, mode: torch._dynamo.optimize(backend)(model))
    torch._dynamo.reset()
    return seen


@pytest.mark.parametrize("workload", ["infer", "train_step"])
def test_in_mode_compile_what_runs_is_compiled(lab, graphs, workload):
    with lab.subject(workload, "a").guarded():
        lab.subject(workload, "a").work.run()
    assert not graphs
    lab.mode = "compile"
    subject = lab.subject(workload, "a")
    with subject.guarded():
        subject.work.run()
    assert len(graphs) == 1


@pytest.mark.parametrize(("mode", "asked"), [("compile", None), ("cudagraph", "reduce-overhead")])
def test_cuda_graphs_are_the_compilers_own(lab, monkeypatch, mode, asked):
    modes = []
    monkeypatch.setattr(torch, "compile", lambda model, mode: modes.append(mode) or model)
    lab.mode = mode
    lab.subject("infer", "a")
    assert modes == [asked]


def test_a_call_that_the_plugin_makes_itself_is_never_passed_off_as_compiled(lab):
    assert lab.subject("own", "a").work.run().shape == (4, 8)
    lab.mode = "compile"
    with pytest.raises(NotMeasurableError, match="makes the call of workload 'own' itself"):
        lab.subject("own", "a")
