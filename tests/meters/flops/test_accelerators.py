"""Kernels that only CUDA runs, on `meta`: their costs hang on shapes alone."""

import pytest
import torch

from harness.meters.flops.counter import count

aten = torch.ops.aten
B, H, L, D = 2, 3, 16, 8
PRODUCT = B * H * L * L * D


def empty(*shape, dtype=torch.float32):
    return torch.empty(*shape, dtype=dtype, device="meta")


def counted(run):
    with torch.no_grad():
        return count(run)


Q, ROWS = empty(B, H, L, D), empty(B, L, H, D)
STATISTICS, NUMBER = empty(B, H, L), empty((), dtype=torch.int64)


@pytest.mark.parametrize(
    "run",
    [
        lambda: aten._scaled_dot_product_flash_attention(Q, Q, Q),
        lambda: aten._scaled_dot_product_efficient_attention(Q, Q, Q, None, True),
        lambda: aten._scaled_dot_product_cudnn_attention(Q, Q, Q, None, True),
        lambda: aten._flash_attention_forward(ROWS, ROWS, ROWS, None, None, L, L, 0.0, False, False),
        lambda: aten._efficient_attention_forward(ROWS, ROWS, ROWS, None, None, None, None, None, 0.0, 0, False),
    ],
)
def test_attention_is_two_products_whichever_kernel_runs(run):
    seen = counted(run)
    assert seen.macs == 2 * PRODUCT
    assert seen.op_classes["transcendental"] == B * H * L * L


@pytest.mark.parametrize(
    "run",
    [
        lambda: aten._scaled_dot_product_efficient_attention_backward(Q, Q, Q, Q, empty(0), Q, STATISTICS, NUMBER, NUMBER, 0.0, [True] * 4),
        lambda: aten._scaled_dot_product_flash_attention_backward(Q, Q, Q, Q, Q, STATISTICS, None, None, L, L, 0.0, False, NUMBER, NUMBER),
    ],
)
def test_the_backward_kernels_are_five(run):
    assert counted(run).macs == 5 * PRODUCT


def test_ragged_batches_have_lengths_that_no_shape_tells():
    packed, bounds = empty(2 * L, H, D), empty(3, dtype=torch.int32)
    seen = counted(lambda: aten._flash_attention_forward(packed, packed, packed, bounds, bounds, L, L, 0.0, False, False))
    assert [u.operator for u in seen.uncounted] == ["aten::_flash_attention_forward"]
    assert seen.bytes_moved > 0


def test_a_recurrent_network_of_one_kernel():
    weights = [empty(20, 4), empty(20, 5), empty(20), empty(20)]
    seen = counted(
        lambda: aten._cudnn_rnn(
            empty(3, 2, 4), weights, 4, None, empty(1, 2, 5), empty(1, 2, 5), 2, 5, 0, 1, False, 0.0, False, False, [], None
        )
    )
    assert seen.macs == 3 * 2 * 20 * (4 + 5)
    assert seen.op_classes["elementwise"] == 16 * 3 * 2 * 5
    assert seen.op_classes["transcendental"] == 5 * 3 * 2 * 5


def test_a_cell_after_its_products():
    seen = counted(lambda: aten._thnn_fused_lstm_cell(empty(2, 20), empty(2, 20), empty(2, 5), empty(20), empty(20)))
    assert seen.op_classes == {"elementwise": 16 * 10, "transcendental": 5 * 10}


def test_batch_norm_by_cudnn_costs_what_it_costs_elsewhere():
    x, w = empty(2, 3, 4, 4), empty(3)
    theirs = counted(lambda: aten.cudnn_batch_norm(x, w, w, w, w, True, 0.1, 1e-5))
    assert theirs.op_classes == counted(lambda: aten.native_batch_norm(x, w, w, w, w, True, 0.1, 1e-5)).op_classes


def test_products_of_scaled_8_bit_floats_are_floating_point():
    a, b = empty(32, 16, dtype=torch.float8_e4m3fn), empty(64, 16, dtype=torch.float8_e4m3fn).t()
    seen = counted(lambda: aten._scaled_mm(a, b, empty(1), empty(1), out_dtype=torch.bfloat16))
    assert seen.macs == 32 * 16 * 64
    assert seen.by_dtype()[0].name == "float8_e4m3fn"
    assert seen.bytes_read == 32 * 16 + 16 * 64 + 8


def test_packed_weights_are_read_packed_and_multiplied_expanded():
    x, weight = empty(4, 64, dtype=torch.bfloat16), empty(32, 64, dtype=torch.int8)
    seen = counted(lambda: aten._weight_int8pack_mm(x, weight, empty(32, dtype=torch.bfloat16)))
    assert seen.macs == 4 * 64 * 32
    assert seen.bytes_read == 2 * 4 * 64 + 32 * 64 + 2 * 32


def test_grouped_products_cost_a_row_a_group():
    groups = empty(4, dtype=torch.int32)
    seen = counted(lambda: aten._grouped_mm(empty(32, 16, dtype=torch.bfloat16), empty(4, 16, 8, dtype=torch.bfloat16), groups))
    assert seen.macs == 32 * 16 * 8


def test_fused_optimizers_work_on_every_parameter():
    def lists():
        return [empty(10)]

    options = {"lr": 0.1, "beta1": 0.9, "beta2": 0.9, "weight_decay": 0.0, "eps": 1e-8, "amsgrad": False, "maximize": False}
    seen = counted(lambda: aten._fused_adam_(lists(), lists(), lists(), lists(), [], [empty(())], **options))
    assert seen.op_classes == {"elementwise": 140}
    adam = next(r for r in seen.by_operator() if r.name == "aten::_fused_adam_")
    assert adam.bytes_moved == 4 * (4 * 10 + 1) + 4 * 4 * 10  # the gradient is a list that the kernel may change
