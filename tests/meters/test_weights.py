"""Trained weights kept by content: what is kept, for whom, and what is trained again."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from harness.meters import weights
from harness.meters.weights import alike
from harness.meters.workbench import Workbench
from harness.plugin.discovery import discover
from harness.plugin.home import source_hash

COUNTED = """
from pathlib import Path
from harness import Data, Paper, Quality, Variant, Workload, hookimpl

@hookimpl
def paper():
    return Paper(
        slug="counted", title="Counted", arxiv="", year=2024, family="toys", task="(B, 4) -> (B, 1)", method="A line.",
        variants=[Variant("line", "a line", subject=True), Variant("copy", "the same, made of it", shares_fit="line"), Variant("odd", "changes more than weights")],
        workloads=[Workload("infer", "rows", needs_fit=True)], sweep={"rows": (8, 16)}, qualities={"mean": "lower"},
    )

@hookimpl
def model(variant, fitted):
    import torch
    return torch.nn.Linear(4, 1) if fitted is None else fitted

@hookimpl
def data(split, params):
    import torch
    return Data((torch.ones(params["rows"], 4),))

@hookimpl
def fit(variant, model, data, seed):
    with (Path(__file__).parent / "fits.txt").open("a") as log:
        log.write(f"{variant} {seed}\\n")
    model.weight.data += 1 + seed
    if variant == "odd":
        model.learned = "a word"
    return model

@hookimpl
def metric(model, data):
    return {"mean": Quality(model(*data.inputs).mean(), "", "lower")}
"""


@pytest.fixture
def lab(tmp_path):
    path = tmp_path / "counted.py"
    path.write_text(COUNTED)

    def bench(folder="weights", **setting):
        source_hash.cache_clear()
        (plugin,) = [p for p in discover([path]) if p.slug == "counted"]
        return Workbench(plugin, kept=tmp_path / folder, **setting)

    bench.path, bench.folder = path, tmp_path / "weights"
    bench.fits = lambda: (tmp_path / "fits.txt").read_text().splitlines()
    return bench


def test_a_second_bench_has_the_weights_and_does_not_train(lab):
    first, second = lab().metric("line"), lab().metric("line")
    assert lab.fits() == ["line 0"]
    assert first["mean"].value == second["mean"].value
    assert not lab().fit("line").training


def test_of_two_that_want_the_same_fit_at_once_one_trains_and_the_other_waits(lab):
    slow = COUNTED.replace("    model.weight.data += 1", "    import time\n    time.sleep(0.5)\n    model.weight.data += 1")
    lab.path.write_text(slow)
    benches = [lab(), lab()]
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda bench: bench.fit("line"), benches)
    assert lab.fits() == ["line 0"]
    assert torch.equal(first.weight, second.weight)


def test_where_nothing_can_be_kept_a_fit_goes_on_without(lab):
    lab.folder.write_text("a file where the folder should be")
    assert lab().metric("line") == lab().metric("line")
    assert lab.fits() == ["line 0"] * 2


def test_a_variant_made_of_a_fitted_one_needs_no_second_fit(lab):
    assert lab().metric("line") == lab().metric("copy")
    assert lab.fits() == ["line 0"]


def test_what_changes_a_fit_trains_again(lab):
    lab().fit("line")
    lab(seed=1).fit("line")
    lab(params={"rows": 16}).fit("line")
    lab(scale="small").fit("line")
    lab("of another run").fit("line")
    assert len(lab.fits()) == 5
    lab.path.write_text(COUNTED.replace("1 + seed", "2 + seed"))
    assert lab().metric("line")["mean"].value == pytest.approx(lab("of a third").metric("line")["mean"].value)
    assert len(lab.fits()) == 7


def test_where_the_weights_go_is_no_part_of_what_they_are(lab):
    lab().fit("line")
    lab(dtype=torch.float64).fit("line")
    assert lab.fits() == ["line 0"]


def test_a_fit_that_changes_more_than_weights_is_never_kept(lab):
    lab().fit("odd")
    assert lab().fit("odd").learned == "a word"
    assert lab.fits() == ["odd 0", "odd 0"]
    assert list(lab.folder.glob("*.safetensors")) == []


@pytest.mark.parametrize("damage", [lambda file: file.write_bytes(b"torn"), lambda file: file.write_bytes(file.read_bytes()[:-3])])
def test_a_damaged_file_is_trained_again_and_replaced(lab, damage):
    value = lab().metric("line")["mean"].value
    (file,) = lab.folder.glob("*.safetensors")
    damage(file)
    assert lab().metric("line")["mean"].value == value
    assert lab.fits() == ["line 0", "line 0"]
    lab().fit("line")
    assert len(lab.fits()) == 2


def test_a_folder_that_cannot_be_written_is_done_without(lab):
    lab.folder.write_text("a file in the way")
    lab().fit("line")
    lab().fit("line")
    assert len(lab.fits()) == 2


def test_other_packages_are_another_content(lab, monkeypatch):
    lab().fit("line")
    monkeypatch.setattr(weights, "installed", lambda: ["torch-99.dist-info"])
    lab().fit("line")
    assert len(lab.fits()) == 2


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
        self.register_buffer("scale", torch.ones(2), persistent=False)
        self.table = {"levels": [1, 2], "act": torch.nn.functional.gelu}


def train_inner(net):
    net.inner[0].weight.data.zero_()


@pytest.mark.parametrize(
    "change",
    [
        lambda net: net.scale.mul_(2),
        lambda net: net.table["levels"].append(3),
        lambda net: setattr(net, "extra", torch.ones(1)),
        lambda net: setattr(net.inner, "0", torch.nn.Linear(2, 2, bias=False)),
        lambda net: net.inner.append(torch.nn.ReLU()),
        lambda net: net.register_forward_hook(lambda *_: None),
        lambda net: setattr(net.inner[1], "momentum", 0.5),
        lambda net: setattr(net, "generator", torch.Generator()),
        lambda net: setattr(net, "forward", lambda x: x),
    ],
)
def test_a_difference_outside_the_state_is_seen(tmp_path, change):
    fitted, built = Net().eval(), Net().eval()
    train_inner(fitted)
    assert weights.keep(tmp_path / "kept", fitted, built)
    change(fitted)
    assert not weights.keep(tmp_path / "again", fitted, Net().eval())
    assert sorted(p.name for p in tmp_path.iterdir()) == ["kept"]


def test_tied_weights_stay_tied(tmp_path):
    class Tied(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.first = torch.nn.Linear(3, 3, bias=False)
            self.second = torch.nn.Linear(3, 3, bias=False)
            self.second.weight = self.first.weight

    fitted, built = Tied(), Tied()
    fitted.first.weight.data.fill_(5)
    assert weights.keep(tmp_path / "kept", fitted, Tied())
    assert weights.load(tmp_path / "kept", built)
    assert built.second.weight is built.first.weight
    assert alike(fitted, built)
