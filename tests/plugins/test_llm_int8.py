"""LLM.int8(): what holds of the layer exactly, what planting leaves alone, and what outliers do to a small model."""

from __future__ import annotations

import copy
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from torch import nn

from harness.meters.flops.counter import count
from harness.sources.allocator import tensor_bytes
from harness.testing import bench
from harness_papers._kit.text import text
from harness_papers.llm_int8.decoder import Linears, Shape, layer_input, plant, planted_features, quantize, shape_of
from harness_papers.llm_int8.judging import perplexity, relative_error
from harness_papers.llm_int8.model import ALPHA, SCHEMES, Int8Linear, Scheme, absmax, outlier_features, zeropoint

QUANTIZED = tuple(SCHEMES)


@pytest.fixture(scope="module")
def lab():
    return bench("llm_int8")


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


@pytest.fixture
def linear():
    return nn.Linear(256, 192).requires_grad_(False)


@pytest.fixture
def X():
    return layer_input(256, calm=False, rows=64)


# Codes


@pytest.mark.parametrize("per_row", [True, False])
def test_codes_of_absmax_are_symmetric(per_row: bool):
    M = torch.randn(100, 64) * torch.logspace(-6, 6, 100)[:, None]
    codes = absmax(M, per_row)
    assert codes.q.min() >= -127 and codes.q.abs().amax() == 127
    assert (codes.q.abs().amax(1) == 127).all() == per_row
    assert ((codes.values() - M).abs() <= codes.step * 0.5001).all()


def test_codes_of_zeropoint_use_the_whole_range_and_keep_0_exact():
    M = torch.randn(50, 64).relu() * 3 - 0.25 * torch.rand(50, 64)
    M[3] = 0
    codes = zeropoint(M)
    assert codes.q.min() == -128 and codes.q.max() == 127
    assert (codes.values()[3] == 0).all()
    assert ((codes.values() - M).abs() <= codes.step).all()


def test_a_matrix_of_zeros_stays_one():
    for codes in (absmax(torch.zeros(3, 5), True), absmax(torch.zeros(3, 5), False), zeropoint(torch.zeros(3, 5))):
        assert (codes.values() == 0).all()


def test_the_widest_sum_fits_its_accumulator():
    assert 127**2 * 133_000 < 2**31 < 127**2 * 133_200
    assert max(shape_of("paper", name).d for name in ("opt_13b", "layer_12288")) * 4 < 133_000


# The layer


@pytest.mark.parametrize("scales", ["vector", "row", "tensor", "zeropoint"])
def test_the_integer_product_is_that_of_the_values_the_codes_stand_for(linear, X, scales: str):
    layer = Int8Linear(linear, Scheme(scales))
    x = zeropoint(X) if scales == "zeropoint" else absmax(X, per_row=scales != "tensor")
    W = layer.step.double() * (layer.Wq.double() - (0 if layer.zero is None else layer.zero))
    exact = x.values().double() @ W.T + linear.bias
    assert layer.Wq.dtype == torch.int8
    assert torch.allclose(layer(X).double(), exact, atol=1e-4)


@pytest.mark.parametrize("scales", ["vector", "row", "tensor", "zeropoint"])
def test_an_infinite_threshold_is_no_decomposition(linear, X, scales: str):
    assert torch.equal(Int8Linear(linear, Scheme(scales, float("inf")))(X), Int8Linear(linear, Scheme(scales, 1e9))(X))
    assert not torch.equal(Int8Linear(linear, Scheme(scales))(X), Int8Linear(linear, Scheme(scales, ALPHA))(X))


@pytest.mark.parametrize("scales", ["vector", "row", "tensor", "zeropoint"])
def test_a_threshold_of_0_with_float_columns_is_the_float_layer(linear, X, scales: str):
    assert torch.allclose(Int8Linear(linear, Scheme(scales, 0.0, "float"))(X), linear(X), atol=1e-5)


def test_without_outliers_the_decomposition_changes_nothing(linear):
    calm = torch.randn(64, 256)
    assert calm.abs().amax() < ALPHA
    assert torch.equal(Int8Linear(linear, SCHEMES["llm_int8"])(calm), Int8Linear(linear, SCHEMES["vectorwise"])(calm))


@pytest.mark.parametrize("variant", [v for v in QUANTIZED if SCHEMES[v].alpha == ALPHA])
def test_outliers_and_the_rest_are_added_and_share_no_feature(linear, X, variant: str):
    layer = Int8Linear(linear, SCHEMES[variant])
    O = layer.outliers(X)  # noqa: E741
    rest = torch.tensor([j for j in range(256) if j not in set(O.tolist())])
    assert (X[:, O].abs().amax(0) >= ALPHA).all() and (X[:, rest].abs() < ALPHA).all()
    only_rest, only_outliers = X.index_fill(1, O, 0), X.index_fill(1, rest, 0)
    assert torch.allclose(layer(X) + linear.bias, layer(only_rest) + layer(only_outliers), atol=1e-4)


def test_one_value_at_the_threshold_makes_its_feature_an_outlier():
    X = torch.zeros(5, 8)
    X[2, 3], X[4, 6] = -6.0, 5.999
    assert outlier_features(X, ALPHA).tolist() == [3]


def test_scales_are_taken_after_the_outliers_are_removed(linear, X):
    enlarged = X.clone()
    O = outlier_features(X, ALPHA)  # noqa: E741
    enlarged[:, O] *= 1000
    layer = Int8Linear(linear, SCHEMES["llm_int8_float_columns"])
    error = (layer(X) - linear(X)).norm()
    assert (layer(enlarged) - linear(enlarged)).norm() < 1.1 * error


@pytest.mark.parametrize("factor", [0.5, 4.0])
def test_a_row_scaled_is_a_row_of_the_result_scaled(linear, factor: float):
    linear.bias = None
    X = torch.randn(64, 256).clamp(-1, 1)
    scaled = X.clone()
    scaled[5] *= factor
    layer = Int8Linear(linear, SCHEMES["llm_int8"])
    expected = layer(X)
    expected[5] *= factor
    assert torch.equal(layer(scaled), expected)


def test_only_the_kept_weight_tells_the_two_forms_apart(linear, X):
    released, equation = (Int8Linear(linear, SCHEMES[v]) for v in ("llm_int8", "llm_int8_float_columns"))
    O = released.outliers(X)  # noqa: E741
    assert released.W is None and torch.equal(equation.columns(O, X.dtype), linear.weight[:, O])
    assert torch.allclose(released.columns(O, X.dtype), linear.weight[:, O], atol=float(released.step.max()) / 2 + 1e-7)
    assert relative_error(released(X), linear(X)) > relative_error(equation(X), linear(X))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_layer_cast_to_16_bits_keeps_8_bit_weights(linear, X, dtype: torch.dtype):
    layer = Int8Linear(copy.deepcopy(linear), SCHEMES["llm_int8"]).to(dtype)
    Y = layer(X.to(dtype))
    assert layer.Wq.dtype == torch.int8 and Y.dtype == dtype
    assert relative_error(Y.float(), linear(X)) < 0.02


def test_errors_on_a_layer_with_outliers_fall_by_the_factors_that_were_computed_beforehand():
    linear = nn.Linear(1024, 1024, bias=False).requires_grad_(False)
    nn.init.normal_(linear.weight, std=0.02)
    X, calm = layer_input(1024, calm=False), layer_input(1024, calm=True)
    error = {v: relative_error(Int8Linear(linear, SCHEMES[v])(X), linear(X)) for v in QUANTIZED}
    assert error["absmax"] == pytest.approx(0.1, rel=0.2)
    assert error["vectorwise"] == pytest.approx(0.044, rel=0.05)
    assert error["llm_int8"] == pytest.approx(0.009, rel=0.05)
    assert error["llm_int8_float_columns"] == pytest.approx(0.0062, rel=0.1)
    assert error["absmax"] > error["zeropoint"] > error["zeropoint_decomposed"]
    assert error["rowwise"] > 3 * error["rowwise_decomposed"]
    assert error["absmax"] > 5 * error["absmax_decomposed"]
    assert relative_error(Int8Linear(linear, SCHEMES["absmax"])(calm), linear(calm)) == pytest.approx(0.016, rel=0.1)
    assert relative_error(Int8Linear(linear, SCHEMES["vectorwise"])(calm), linear(calm)) == pytest.approx(0.011, rel=0.05)


# Planting and conversion


def test_planting_leaves_the_logits_and_makes_outliers(lab):
    decoder = lab.fit("float")
    planted = plant(copy.deepcopy(decoder))
    tokens = lab.data("test").inputs[0][:8]
    with torch.no_grad():
        assert (planted(tokens) - decoder(tokens)).abs().max() < 1e-4
        x = planted.embed(tokens) + planted.position.weight
        found = outlier_features(planted.blocks[0].norm1(x).flatten(0, 1), ALPHA).tolist()
        before = outlier_features(decoder.blocks[0].norm1(x).flatten(0, 1), ALPHA).tolist()
    assert set(planted_features(64)) <= set(found) and not before


@pytest.mark.parametrize("calm", [True, False])
def test_six_columns_of_a_layers_input_are_outliers(calm: bool):
    assert len(outlier_features(layer_input(1024, calm), ALPHA)) == (0 if calm else 6)


@pytest.mark.parametrize("variant", QUANTIZED)
def test_every_linear_layer_is_quantized_and_nothing_else(lab, variant: str):
    decoder, quantized = lab.fit("float"), lab.model(variant, lab.fit("float"))
    linears = [m for m in decoder.modules() if isinstance(m, nn.Linear)]
    codes = [m.Wq for m in quantized.modules() if isinstance(m, Int8Linear)]
    assert len(linears) == len(codes) == 2 * 6
    assert sum(q.numel() for q in codes) == sum(m.weight.numel() for m in linears) == 2 * 12 * 64**2
    assert not any(isinstance(m, nn.Linear) for m in quantized.modules())
    for name in ("embed", "position", "norm"):
        assert torch.equal(getattr(quantized, name).weight, getattr(decoder, name).weight)
    assert any(isinstance(m, nn.Linear) for m in decoder.modules()), "the checkpoint itself must stay as it was"


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_weights_take_a_quarter_and_a_half(dtype: torch.dtype):
    shape = Shape(256, L=1)
    linears = Linears(shape).to(dtype)
    for name, parameter in list(linears.named_parameters()):
        if name.endswith("bias"):
            owner = linears.get_submodule(name.removesuffix(".bias"))
            owner.bias = None
        assert parameter.dtype == dtype
    before = tensor_bytes(linears)
    after = tensor_bytes(quantize(linears, "llm_int8"))
    rows = 4 * 256 + 4 * 256 + 256
    assert before == 12 * 256**2 * dtype.itemsize
    assert after == 12 * 256**2 + 4 * rows
    assert 1 / dtype.itemsize < after / before < 1.02 / dtype.itemsize


# Sizes


def test_published_sizes_are_those_of_the_model(lab):
    for size in lab.card.sizes:
        meta = replace(bench("llm_int8", "paper", **size.params), device="meta")
        model, data = meta.model(size.variant), meta.data()
        counted = count(lambda model=model, data=data: model(*data.inputs), model)
        built = counted.parameters if size.quantity == "parameters" else counted.macs
        assert built + size.adjust == size.value, (size.params, size.quantity)


def test_integer_and_float_products_are_counted_apart(linear, X):
    layer = Int8Linear(linear, SCHEMES["llm_int8"])
    counted = count(lambda: layer(X), layer)
    s, h, o, n_O = 64, 256, 192, len(layer.outliers(X))
    assert n_O >= 6
    assert counted.op_classes["int8"] == 2 * s * h * o
    assert counted.macs == s * n_O * o
    assert counted.uncounted_share < 0.01


def test_every_variant_builds_and_runs_without_memory_at_published_size(lab):
    meta = replace(bench("llm_int8", "paper"), device="meta")
    for variant in ("float", "llm_int8", "llm_int8_float_columns", "zeropoint_decomposed"):
        assert meta.model(variant)(*meta.data().inputs).shape == (1, 512, 50_272)
    layer = replace(bench("llm_int8", "paper", shape="layer_12288"), device="meta")
    assert layer.model("llm_int8")(*layer.data().inputs).shape == (512, 4 * 12_288)


# Hooks


def test_the_card_is_read_without_torch():
    code = "import sys, harness_papers.llm_int8 as p; p.paper(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_no_test_text_is_among_the_training_text(lab):
    train, test = (bytes(text(split).tolist()) for split in ("train", "test"))
    tokens = lab.data("test").inputs[0]
    assert len(test) > 100_000
    assert sum(bytes(row.tolist()) in train for row in tokens[:20]) <= 1  # a licence header may be in two files


def test_a_fit_is_deterministic_in_its_seed(lab):
    first, again, other = lab.fit("float"), bench("llm_int8").fit("float"), bench("llm_int8", seed=1).fit("float")
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True))
    assert not torch.equal(first.embed.weight, other.embed.weight)


def test_qualities_are_those_that_have_a_meaning(lab):
    assert set(lab.metric("float")) == {"perplexity"}
    assert set(lab.metric("llm_int8")) == {"perplexity", "share_8bit"}
    layer = bench("llm_int8", "small", shape="layer_1024")
    assert layer.metric("float") == {}
    found = layer.metric("llm_int8")
    assert found["share_8bit"].value == pytest.approx(1 - 6 / 1024)
    assert found["output_error"].value < bench("llm_int8", "small", shape="layer_1024").metric("vectorwise")["output_error"].value / 3
    assert bench("llm_int8", "small", shape="layer_1024").metric("vectorwise")["share_8bit"].value == 1


def test_artifacts_show_outliers_and_errors(lab):
    shown = lab.artifacts("llm_int8")
    values = shown["features"].spec["data"]["values"]
    assert [v["feature"] for v in values if v["planted"]] == planted_features(64)
    assert min(v["largest"] for v in values if v["planted"]) > ALPHA
    errors = {(v["scheme"], v["gain"]): v["error"] for v in shown["gains"].spec["data"]["values"]}
    assert errors["absmax", 100] > 10 * errors["llm_int8", 100]
    assert errors["vectorwise", 1] == errors["llm_int8", 1]
    assert lab.artifacts("absmax") == {}
    copies = {(v["scheme"], v["gain"]): v["perplexity"] for v in lab.artifacts("float")["perplexity"].spec["data"]["values"]}
    assert copies["absmax", 1000] > copies["llm_int8", 1000]
    assert copies["llm_int8", 1000] == pytest.approx(lab.metric("float")["perplexity"].value, rel=0.01)


# The effect


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_outliers_ruin_every_copy_but_the_one_that_takes_them_out():
    lab = bench("llm_int8", "small")
    decoder, test = lab.fit("float"), lab.data("test")
    found = {v: lab.metric(v)["perplexity"].value for v in ("float", "llm_int8", "vectorwise", "absmax")}
    excess = {v: abs(found[v] - found["float"]) for v in found}
    assert found["float"] < 12
    assert found["llm_int8"] <= 1.01 * found["float"]
    assert excess["absmax"] >= 5 * excess["llm_int8"]
    assert excess["absmax"] > excess["vectorwise"] > excess["llm_int8"]
    assert lab.metric("llm_int8")["share_8bit"].value > 0.98
    # Twentyfold outliers are too small to cost a model of this size the 5% that the paper would lead one to expect; larger ones are not.
    assert found["absmax"] < 1.05 * found["float"]
    with torch.no_grad():
        for variant, low, high in (("absmax", 1.05, 10), ("vectorwise", 1.01, 2), ("llm_int8", 0.99, 1.01)):
            copied = quantize(plant(copy.deepcopy(decoder), 200), variant)
            assert low < perplexity(copied, *test.inputs, test.targets).value / found["float"] < high, variant
