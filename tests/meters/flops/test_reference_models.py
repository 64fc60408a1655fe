"""The sizes that everybody can look up, to the last digit."""

import pytest
import torch

from harness.meters.flops.counter import count
from tests.meters.reference_models.catalogue import MODELS

pytestmark = pytest.mark.filterwarnings("ignore")
named = pytest.mark.parametrize("reference", MODELS, ids=lambda r: r.name)


@named
def test_on_meta(reference):
    model, x = reference.on("meta"), reference.input("meta")
    with torch.inference_mode():
        seen = count(lambda: model(x), model)
    assert seen.macs == reference.macs
    assert seen.parameters == reference.parameters
    assert seen.uncounted == ()


@pytest.mark.parametrize("reference", [pytest.param(m, marks=[pytest.mark.slow] * (m.tokens > 512), id=m.name) for m in MODELS])
def test_on_the_cpu_where_fused_kernels_run(reference):
    model, x = reference.on("cpu"), reference.input("cpu")
    with torch.inference_mode():
        seen = count(lambda: model(x), model)
    assert seen.macs == reference.macs
    assert seen.uncounted == ()


@named
def test_the_parts_add_up(reference):
    model, x = reference.on("meta"), reference.input("meta")
    with torch.no_grad():
        seen = count(lambda: model(x), model)
    top = [row for row in seen.by_module()[1:] if "." not in row.name]
    assert sum(row.macs for row in top) == seen.macs
    assert sum(row.flops for row in seen.by_operator()) == seen.flops


def test_training_costs_three_forward_passes_less_the_first_input_gradient():
    reference = next(r for r in MODELS if r.name == "ResNet-18")
    model, x = reference.on("meta").train(), reference.input("meta").expand(2, -1, -1, -1)
    seen = count(lambda: model(x).sum().backward(), model)
    first = 64 * 112 * 112 * 3 * 49
    assert seen.macs == 2 * (3 * reference.macs - first)
    assert seen.uncounted == ()
