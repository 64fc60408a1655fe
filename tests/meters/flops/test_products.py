import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from harness.meters.flops.counter import count
from tests.meters.flops import by_hand

sizes = st.integers(1, 6)


def counted(run, *roots):
    with torch.no_grad():
        return count(run, *roots)


def test_a_linear_layer_costs_what_it_costs_by_hand():
    layer, x = nn.Linear(5, 3), torch.randn(4, 5)
    work = by_hand.Work()
    rows, weight, bias = (by_hand.lift(t.tolist(), work) for t in (x, layer.weight, layer.bias))
    result = by_hand.linear(rows, weight, bias)
    seen = counted(lambda: layer(x), layer)
    torch.testing.assert_close(torch.tensor(by_hand.lower(result)), layer(x))
    assert (seen.macs, seen.op_classes["elementwise"]) == (work.macs, work["elementwise"]) == (60, 12)
    assert seen.flops == 2 * 60 + 12
    assert seen.parameters == 18


def test_a_linear_layer_moves_its_operands_once():
    layer, x = nn.Linear(5, 3), torch.randn(4, 5)
    seen = counted(lambda: layer(x), layer)
    assert seen.bytes_read == 4 * (4 * 5 + 5 * 3 + 3)
    assert seen.bytes_written == 4 * 4 * 3
    assert seen.intensity == pytest.approx(132 / (4 * (20 + 15 + 3 + 12)))


@settings(max_examples=60, deadline=None)
@given(batch=st.lists(sizes, max_size=2), m=sizes, k=sizes, n=sizes)
def test_products_of_any_shape_are_m_k_n_a_batch(batch, m, k, n):
    a, b = torch.randn(*batch, m, k), torch.randn(*batch, k, n)
    seen = counted(lambda: a @ b)
    assert seen.macs == torch.Size(batch).numel() * m * k * n
    assert seen.flops == 2 * seen.macs


@settings(max_examples=40, deadline=None)
@given(m=sizes, k=sizes, n=sizes)
def test_the_count_of_a_product_is_the_count_by_hand(m, k, n):
    a, b = torch.randn(m, k), torch.randn(k, n)
    work = by_hand.Work()
    by_hand.matmul(by_hand.lift(a.tolist(), work), by_hand.lift(b.tolist(), work))
    assert counted(lambda: a @ b).macs == work.macs


@settings(max_examples=40, deadline=None)
@given(
    groups=st.sampled_from([1, 2, 4]), kernel=st.integers(1, 3), stride=st.integers(1, 2), padding=st.integers(0, 1), side=st.integers(3, 7)
)
def test_the_count_of_a_convolution_is_the_count_by_hand(groups, kernel, stride, padding, side):
    layer = nn.Conv2d(4, 4, kernel, stride, padding, groups=groups, bias=False)
    x = torch.randn(1, 4, side, side)
    work = by_hand.Work()
    result = by_hand.convolve(by_hand.lift(x[0].tolist(), work), by_hand.lift(layer.weight.tolist(), work), stride, padding, groups)
    seen = counted(lambda: layer(x))
    torch.testing.assert_close(torch.tensor(by_hand.lower(result)), layer(x)[0], rtol=1e-4, atol=1e-5)
    assert seen.macs == work.macs
    assert seen.op_classes == {"conv": 2 * work.macs}


def test_a_depthwise_convolution_is_one_kernel_a_channel():
    layer = nn.Conv2d(8, 8, 3, padding=1, groups=8)
    assert counted(lambda: layer(torch.randn(2, 8, 10, 10))).macs == 2 * 8 * 10 * 10 * 9


def test_a_transposed_convolution_counts_its_input_positions():
    layer = nn.ConvTranspose2d(10, 32, 3, stride=2, padding=1, bias=False)
    assert counted(lambda: layer(torch.randn(1, 10, 2, 2))).macs == 2 * 2 * 10 * 32 * 9


@settings(max_examples=30, deadline=None)
@given(transposed=st.booleans(), kernel=st.integers(1, 3), stride=st.integers(1, 2))
def test_convolutions_agree_with_torchs_counter_where_it_is_right(transposed, kernel, stride):
    layer = (nn.ConvTranspose2d if transposed else nn.Conv2d)(4, 6, kernel, stride, bias=False)
    x = torch.randn(2, 4, 7, 7, requires_grad=True)

    def run():
        layer(x).sum().backward()

    with FlopCounterMode(display=False) as theirs:
        run()
    assert 2 * count(run).macs == theirs.get_total_flops()


def test_the_weight_gradient_of_a_grouped_convolution_is_not_multiplied_by_its_groups():
    layer, x = nn.Conv2d(4, 6, 1, groups=2, bias=False), torch.randn(2, 4, 7, 7, requires_grad=True)
    forward = 2 * 49 * 6 * 2  # and each of the 12 weights gathers 2 · 49 products: as many again; torch's own counter has twice that
    assert count(lambda: layer(x).sum().backward()).macs == 3 * forward


@pytest.mark.parametrize(
    ("equation", "shapes", "macs"),
    [
        ("bij,bjk->bik", [(2, 3, 4), (2, 4, 5)], 2 * 3 * 4 * 5),
        ("bhid,bhjd->bhij", [(2, 3, 4, 5), (2, 3, 6, 5)], 2 * 3 * 4 * 6 * 5),
        ("i,i->", [(7,), (7,)], 7),
        ("ij,kj->ik", [(3, 4), (5, 4)], 3 * 5 * 4),
    ],
)
def test_einsum(equation, shapes, macs):
    operands = [torch.randn(s) for s in shapes]
    assert counted(lambda: torch.einsum(equation, *operands)).macs == macs


def test_a_complex_product_is_four_real_ones():
    a, b = torch.randn(3, 4, dtype=torch.complex64), torch.randn(4, 5, dtype=torch.complex64)
    assert counted(lambda: a @ b).macs == 4 * 3 * 4 * 5


def test_a_complex_product_with_a_conjugate_costs_no_more():
    a, b = torch.randn(4, 3, dtype=torch.complex64), torch.randn(4, 5, dtype=torch.complex64)
    assert counted(lambda: a.mH @ b).macs == 4 * 3 * 4 * 5


def test_products_of_8_bit_integers_stand_apart():
    a, b = torch.ones(32, 16, dtype=torch.int8), torch.ones(16, 8, dtype=torch.int8)
    seen = counted(lambda: torch._int_mm(a, b))
    assert seen.op_classes == {"int8": 2 * 32 * 16 * 8}
    assert (seen.macs, seen.flops) == (0, 0)
    assert seen.bytes_read == 32 * 16 + 16 * 8
    assert seen.bytes_written == 4 * 32 * 8


def test_products_of_indices_are_integer_operations():
    a = torch.ones(3, 4, dtype=torch.int64)
    assert counted(lambda: a @ a.T).op_classes == {"integer": 2 * 3 * 4 * 3}


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_a_dynamically_quantized_layer_multiplies_in_8_bits():
    model = torch.ao.quantization.quantize_dynamic(nn.Sequential(nn.Linear(16, 8)), {nn.Linear}, dtype=torch.qint8)
    seen = counted(lambda: model(torch.ones(4, 16)), model)
    assert seen.op_classes["int8"] == 2 * 4 * 16 * 8
    assert seen.macs == 0
    assert seen.op_classes["reduction"] == 2 * (4 * 16 - 1)  # the range of the input
    row = next(r for r in seen.by_operator() if r.name == "quantized::linear_dynamic")
    assert row.bytes_moved == 4 * 4 * 16 + 16 * 8 + 4 * 4 * 8  # one byte a weight


def test_a_sparse_product_costs_what_is_stored():
    a = torch.eye(4).to_sparse()
    seen = counted(lambda: torch.sparse.mm(a, torch.ones(4, 3)))
    assert seen.macs == 4 * 3
    assert counted(lambda: torch.eye(4).to_sparse_csr() @ torch.ones(4, 3)).macs == 4 * 3


def test_the_backward_pass_of_a_linear_layer_is_two_products():
    layer, x = nn.Linear(5, 3), torch.randn(4, 5, requires_grad=True)
    seen = count(lambda: layer(x).sum().backward(), layer)
    assert seen.macs == 3 * 4 * 5 * 3


def test_the_backward_pass_of_a_first_layer_is_one_product():
    layer, x = nn.Linear(5, 3), torch.randn(4, 5)
    assert count(lambda: layer(x).sum().backward(), layer).macs == 2 * 4 * 5 * 3


def test_the_backward_pass_of_a_convolution_is_two_convolutions():
    layer, x = nn.Conv2d(4, 8, 3, padding=1), torch.randn(2, 4, 6, 6, requires_grad=True)
    seen = count(lambda: layer(x).sum().backward(), layer)
    assert seen.macs == 3 * 2 * 8 * 36 * 4 * 9
    bias = next(r for r in seen.by_operator() if r.name == "aten::convolution_backward")
    assert bias.flops == 2 * bias.macs + 2 * 8 * 36 - 8


@pytest.mark.parametrize("rows", [10, 30])
def test_distances_are_a_product_where_torch_makes_them_one(rows):
    a, b = torch.randn(rows, 7), torch.randn(rows, 7)
    seen, graded = counted(lambda: torch.cdist(a, b)), count(lambda: torch.cdist(a.requires_grad_(), b))
    assert seen.macs == (rows * rows * 9 if rows > 25 else 0)
    assert graded.op_classes == seen.op_classes


def test_a_bilinear_layer_opens_up():
    layer = nn.Bilinear(3, 4, 5, bias=False)
    seen = counted(lambda: layer(torch.ones(2, 3), torch.ones(2, 4)))
    assert not seen.uncounted
    assert seen.flops > 2 * 2 * 5 * 3 * 4


def test_functional_linear_in_inference_mode_is_seen_too():
    x, w = torch.randn(4, 5), torch.randn(3, 5)
    with torch.inference_mode():
        assert count(lambda: F.linear(x, w)).macs == 60
